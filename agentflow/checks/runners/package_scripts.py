"""package.json: its scripts, its workspaces, and what a line like `npm test` really runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentflow.checks.runners.files import json_of, strings, table, text_of, walk
from agentflow.checks.runners.lines import commands
from agentflow.domain.scope import matches_scope

_MANAGERS = ("npm", "pnpm", "yarn", "bun")
_LOCKS = {
    "pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "package-lock.json": "npm", "npm-shrinkwrap.json": "npm",
    "bun.lock": "bun", "bun.lockb": "bun",
}  # fmt: skip
_DEPTH = 4
_WITH_VALUE = {"-w": "member", "--workspace": "member", "--filter": "member", "-F": "member",
               "-C": "folder", "--prefix": "folder", "--cwd": "folder", "--dir": "folder"}  # fmt: skip


def package_of(folder: Path) -> dict[str, Any]:
    return json_of(folder / "package.json")


def script_of(folder: Path, name: str = "test") -> str:
    """The text of a script; empty where there is none, or only what `npm init` writes."""
    script = table(package_of(folder), "scripts").get(name)
    return script if isinstance(script, str) and script.strip() and "no test specified" not in script else ""


def depends_on(folder: Path, package: str) -> bool:
    data = package_of(folder)
    return any(package in table(data, kind) for kind in ("devDependencies", "dependencies", "peerDependencies"))


def has_lock(folder: Path) -> bool:
    return any((folder / name).exists() for name in _LOCKS)


def manager_of(folder: Path) -> str:
    """npm, pnpm, yarn or bun: by the lock file, else by `packageManager`, else npm."""
    for lock, manager in _LOCKS.items():
        if (folder / lock).exists():
            return manager
    wanted = str(package_of(folder).get("packageManager", "")).partition("@")[0]
    return wanted if wanted in _MANAGERS else "npm"


def members_of(root: Path) -> dict[str, str]:
    """The workspace's packages: folder relative to `root`, and name. Empty where `root` is no workspace."""
    found: dict[str, str] = {}
    patterns = [pattern.removeprefix("./").strip("/") for pattern in _patterns(root)]
    for folder, files in walk(root) if patterns else ():
        name = folder.relative_to(root).as_posix()
        if "package.json" in files and any(_names(pattern, name) for pattern in patterns):
            found[name] = str(package_of(folder).get("name", ""))
    return dict(sorted(found.items()))


def _patterns(root: Path) -> tuple[str, ...]:
    declared = package_of(root).get("workspaces")
    listed = strings(declared) or strings(table(declared).get("packages"))
    return listed or _pnpm_patterns(root)


def _pnpm_patterns(root: Path) -> tuple[str, ...]:
    text = text_of(root / "pnpm-workspace.yaml")
    if not text:
        return ()
    import yaml

    try:
        return strings(table(yaml.safe_load(text)).get("packages"))
    except (yaml.YAMLError, ValueError, RecursionError):
        return ()


def _names(pattern: str, folder: str) -> bool:
    """Whether a workspace's pattern names the folder itself: `packages/*` does not name what is inside of one."""
    if not pattern or not ("**" in pattern or pattern.count("/") == folder.count("/")):
        return False
    try:
        return matches_scope(folder, [pattern])
    except ValueError:  # no pattern that git knows
        return False


def expanded(line: str, worktree: Path, depth: int = _DEPTH) -> str:
    """The line, and after it the texts of the package scripts that it runs, and that those run."""
    texts, folder = [line], worktree
    for words in commands(line):
        if words[0] == "cd" and len(words) > 1:
            folder = folder / words[1]
        elif words[0] in {"run-s", "run-p", "npm-run-all", "npm-run-all2"}:
            texts += [_script(folder, name, depth) for name in words[1:] if not name.startswith("-")]
        elif words[0] in _MANAGERS:
            texts += [_script(place, name, depth) for place, name in _scripts(words, folder)]
    return "\n".join(filter(None, texts))


def _script(folder: Path, name: str, depth: int) -> str:
    text = script_of(folder, name) if depth else ""
    return expanded(text, folder, depth - 1) if text else ""


def _scripts(words: list[str], folder: Path) -> Iterator[tuple[Path, str]]:
    """Which scripts of which folders a package manager's command runs."""
    members: list[str] = []
    everywhere = False
    rest: list[str] = []
    queue = iter(words[1:])
    for word in queue:
        if word == "--":
            break
        name, _, value = word.partition("=")
        if name in _WITH_VALUE:
            value = value or next(queue, "")
            folder, members = (
                (folder / value, members) if _WITH_VALUE[name] == "folder" else (folder, [*members, value])
            )
        elif word in {"--workspaces", "-ws", "-r", "--recursive"}:
            everywhere = True
        elif not word.startswith("-"):
            rest.append(word)
    if rest[:1] == ["workspace"] and len(rest) > 1:
        members, rest = [rest[1]], rest[2:]
    if rest[:1] in (["run"], ["run-script"]):
        rest = rest[1:]
    if not rest:
        return
    script = "test" if rest[0] in {"t", "tst"} else rest[0]
    for place in _places(folder, members, everywhere=everywhere):
        yield place, script


def _places(folder: Path, members: list[str], *, everywhere: bool) -> list[Path]:
    if not (members or everywhere):
        return [folder]
    known = members_of(folder)
    wanted = {member.removeprefix("./").strip("/") for member in members}
    return [folder / path for path, name in known.items() if everywhere or path in wanted or name in wanted]
