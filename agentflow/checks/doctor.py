"""Telling a check that cannot run here from one that fails: what stands in its way, and what would help."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agentflow.checks.comparison import tests_of
from agentflow.checks.setups.finding import language_of
from agentflow.domain.evidence import CheckResult

_MISSING_MODULE = re.compile(r"No module named '?([\w.]+)'?|Cannot find module '([^']+)'")
_MISSING_NAME = re.compile(r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'")
_INSTALLED = ("node_modules", ".venv", "venv", "site-packages", ".tox", ".nox")
_IN_FOLDER = re.compile(r"(?:\bcd|--prefix|-C|--dir|--cwd|--directory|--project)[ =](\S+)")


@dataclass(frozen=True, slots=True)
class Blocked:
    """A check that cannot run here, or whose result is not to be believed: `why` in words."""

    command: str
    why: str
    setup: str = ""


def blocked(results: Sequence[CheckResult]) -> tuple[Blocked, ...]:
    """What says nothing about the code."""
    found = []
    for result in results:
        if (obstacle := result.obstacle) is not None:
            found.append(Blocked(result.command, f"cannot run here: {obstacle.what}", obstacle.setup))
        elif result.doubts:
            found.append(Blocked(result.command, f"cannot be believed here: {'; '.join(result.doubts)}"))
    return tuple(found)


def spare(found: Sequence[Blocked], results: Sequence[CheckResult]) -> tuple[Blocked, ...]:
    """Those of the blocked checks that can be left out: another one of the same language and folder runs.

    What stands alone for its part of the repository is never spare.
    """
    lost = {one.command for one in found}
    covered = {_part(result.command) for result in results if result.command not in lost}
    return tuple(one for one in found if language_of(one.command) and _part(one.command) in covered)


def lacking(results: Sequence[CheckResult], ignored: Iterable[str]) -> tuple[str, ...]:
    """Git-ignored files of the checkout that a failing check misses, by what its output says it could not import."""
    wanted = {tail for result in results if not result.passed for tail in _tails(result.output_tail)}
    own = (name for name in ignored if wanted and not set(PurePosixPath(name).parts).intersection(_INSTALLED))
    return tuple(sorted(name for name in own if any(f"/{_stem(name)}".endswith(f"/{tail}") for tail in wanted)))


def better_place(results: Iterable[CheckResult], worktree: Path, root: Path) -> Path | None:
    """A folder beside the checkout for worktrees, where tests on Node.js fail and the worktree lies in a hidden folder.

    Worktrees lie in `~/.cache` where nothing else is set, and Node's usual file servers serve nothing from there.
    """
    place = root.parent / "agentflow-cache"
    fail = any(tests_of(result).failed and language_of(result.command) == "node" for result in results)
    return place if fail and _is_hidden(worktree) and not _is_hidden(place) else None


def missed(result: CheckResult, worktrees: Path) -> tuple[str, ...]:
    """Files that a failing check names and that are not there in its worktree, one of the `worktrees`: their names."""
    path = re.compile(rf"{re.escape(str(worktrees))}/([^/\s]+)/([^\s'\"`:,()<>]+)")
    found = dict.fromkeys(path.findall(result.output_tail)) if not result.passed else ()
    return tuple(dict.fromkeys(name for place, name in found if not (worktrees / place / name).exists()))


def compiled(ignored: Iterable[str], sources: Iterable[str]) -> tuple[str, ...]:
    """Git-ignored modules that lie among a package's own files: built in place, from one of the tracked `sources`."""
    stems = {PurePosixPath(source).stem for source in sources}
    own = (PurePosixPath(name) for name in ignored)
    return tuple(
        str(path)
        for path in own
        if path.name.partition(".")[0] in stems
        and not {*_INSTALLED, "build", "dist", "target"}.intersection(path.parts)
    )


def _is_hidden(folder: Path) -> bool:
    return any(part.startswith(".") for part in folder.parts)


def _part(command: str) -> tuple[str | None, str]:
    """The part of a repository that a check is about: its language and its folder."""
    folder = _IN_FOLDER.search(command)
    return language_of(command), folder[1].strip("'\"/") if folder else "."


def _tails(output: str) -> Iterator[str]:
    """Ends of paths, without suffixes, of what could not be imported."""
    for module, path in _MISSING_MODULE.findall(output):
        yield module.replace(".", "/") if module else _stem(path.lstrip("./"))
    for name, package in _MISSING_NAME.findall(output):
        yield f"{package.replace('.', '/')}/{name}"


def _stem(name: str) -> str:
    """A path without its suffixes: `pkg/_fast.cpython-312-x86_64-linux-gnu.so` is `pkg/_fast`."""
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last[:1]}{last[1:].partition('.')[0]}"
