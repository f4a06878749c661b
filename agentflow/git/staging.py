"""The tree of a worktree: everything an agent changed, and nothing its tools left behind."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from agentflow.domain.evidence import LeftOut
from agentflow.errors import EnvironmentError_
from agentflow.git.command import complaint
from agentflow.git.linked import entry_of, git_in, is_included, record_included, recorded_included
from agentflow.git.process import GitOutput
from agentflow.git.renewing import KeptIndex, kept_index
from agentflow.git.repository import Config, Repository
from agentflow.git.wanted import CACHES, MAX_HIDDEN_BYTES, Wanted, is_cache

#: Claude Code's sandbox holds these places with empty read-only files, and leaves them when it is killed.
_PLACEHOLDERS = frozenset(
    {
        *(".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshrc", ".zprofile", ".zshenv"),
        *(".gitconfig", ".gitmodules", ".gitignore_global", ".ripgreprc", ".mcp.json", ".idea", ".vscode", ".claude"),
        *(".claude.json", ".npmrc", ".netrc", ".env", "package.json", "yarn.lock", "node_modules"),
    }
)

#: What is neither tracked nor ignored nor a tool's cache.
LIST_UNTRACKED = ("ls-files", "-z", "--others", "--exclude-standard", *(f"--exclude={pattern}" for pattern in CACHES))

#: A folder that is ignored as a whole and holds more files than this is looked at by name only.
_MAX_FILES = 200


async def disown(repository: Repository, worktree: Path) -> None:
    """Nothing that set-up did in an agent's worktree is the agent's: call it after set-up, before the agent begins.

    Tracked files become as they were committed again (a lock file that was rewritten, say); what lies untracked stays,
    and is kept out of every commit.
    """
    entry = entry_of(repository, worktree)
    await git_in(repository, worktree, "reset", "--hard", "--quiet")
    untracked = await git_in(repository, worktree, *LIST_UNTRACKED)
    ignored = await git_in(repository, worktree, *_LIST_IGNORED)
    record_included(entry, tuple(sorted(recorded_included(entry).union(untracked.fields, ignored.fields))))


_LIST_CHANGED = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
_TAKE = ("--add", "--remove", "--replace")
_LIST_IGNORED = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")


class Staging:
    """An index of a worktree, next to its own: nothing done to that one can hide a change.

    It begins as `known`, the index as agentflow itself left it, with what the file system said about every file then:
    so git reads only the files that have changed since. Without it, git reads them all.

    After `tree`, `unhidden` names the files in it that an ignore rule hides, and `left_out` what stayed out of it that
    the agent may have thought to be in.
    """

    def __init__(
        self, repository: Repository, worktree: Path, wanted: Wanted, config: Config, known: KeptIndex | None
    ) -> None:
        self._repository = repository
        self._worktree = worktree
        self._wanted = wanted
        self._entry = entry_of(repository, worktree)
        self._index = self._entry / "agentflow-index"
        self._config = _taste(config)
        self._known = known
        self._provided = recorded_included(self._entry)
        self.unhidden: tuple[str, ...] = ()
        self.left_out: list[LeftOut] = []

    async def tree(self, head: str) -> str:
        """The tree id of `head` with everything that changed in the worktree."""
        self.discard()
        if self._known is not None:
            await asyncio.to_thread(self._known.lay_out, self._index)
        if self._known is None or self._known.commit != head:
            await self._git("read-tree", "--reset", head)
        if self._known is None:
            await self._git("update-index", "-q", "--refresh", "--ignore-submodules", check=False)
        gone, changed, untracked = await self._differing()
        await self._update(gone, "--force-remove")
        self.unhidden = await self._hidden() if self._wanted.scope else ()
        await self._add([*changed, *await self._untracked(untracked), *self.unhidden])
        return (await self._git("write-tree")).line

    def publish(self, commit: str) -> KeptIndex:
        """Make it the worktree's index, so that git shows the agent a clean worktree after a commit; gives it back."""
        kept = kept_index(self._index, commit)
        (self._entry / "index.lock").unlink(missing_ok=True)
        self._index.replace(self._entry / "index")
        return kept

    def discard(self) -> None:
        for leftover in (self._index, self._index.with_suffix(".lock")):
            leftover.unlink(missing_ok=True)

    async def _differing(self) -> tuple[list[str], list[str], list[str]]:
        """Paths of the commit that are gone from the worktree, those that differ, and those it does not have."""
        listed = [(entry[:2], entry[3:]) for entry in (await self._git(*_LIST_CHANGED)).fields]
        tracked = [(status, path) for status, path in listed if status != "??"]
        gone = {path for status, path in tracked if status[1] == "D" or not self._can_hold(path)}
        changed = [path for _, path in tracked if path not in gone]
        untracked = [path for status, path in listed if status == "??" and not is_cache(path)]
        return sorted(gone), changed, untracked

    async def _untracked(self, listed: Iterable[str]) -> list[str]:
        names = [name for name in listed if not self._is_provided(name) and not self._is_placeholder(name)]
        self._leave(filter(self._wanted.is_left_by_checks, names), "the repository's own checks leave it behind")
        self._leave((name for name in names if name.endswith("/")), "it is a git repository of its own")
        if self._wanted.scope:
            self._leave(await self._empty_folders(), "git keeps no empty folder; a file in it, such as .gitkeep, does")
        return [name for name in names if not name.endswith("/") and not self._wanted.is_left_by_checks(name)]

    async def _empty_folders(self) -> list[str]:
        listed = await self._git(*LIST_UNTRACKED, "--directory")
        folders = [name for name in listed.fields if name.endswith("/") and self._wanted.covers(f"{name}x")]
        return [folder for folder in folders if next(_files(self._worktree, folder), None) is None]

    async def _hidden(self) -> tuple[str, ...]:
        """The files that an ignore rule hides and the agent is sure to have meant."""
        places = [f":(top,literal){place}" for place in self._wanted.places()]
        ignored = await self._git(*_LIST_IGNORED, "--", *places)
        listed = [name for name in ignored.fields if not is_cache(name)]
        named = await self._ignored(place for place in self._wanted.places() if place and listed)
        taken = list[str]()
        for name in listed:
            files = await asyncio.to_thread(self._candidates, name)
            reasons = {file: self._against(file, named) for file in files}
            taken += [file for file, reason in reasons.items() if not reason]
            refused = {file: reason for file, reason in reasons.items() if reason}
            self.left_out += [LeftOut(file, f"an ignore rule hides it and {why}") for file, why in refused.items()]
        return tuple(taken)

    def _candidates(self, name: str) -> list[str]:
        """Files in scope that are ignored, in or below what git lists."""
        found = list[str]()
        for count, file in enumerate(_files(self._worktree, name)):
            if count >= _MAX_FILES:
                return sorted(written for written in self._wanted.written if written.startswith(name))
            if self._wanted.covers(file) and not (
                is_cache(file) or self._is_provided(file) or self._is_placeholder(file)
            ):
                found.append(file)
        return found

    def _against(self, file: str, named: frozenset[str]) -> str:
        if not self._can_hold(file) or (self._worktree / file).lstat().st_size > MAX_HIDDEN_BYTES:
            return f"it is larger than {MAX_HIDDEN_BYTES // 1_000_000} MB"
        return self._wanted.against(file, named_folder=any(file.startswith(f"{folder}/") for folder in named))

    async def _ignored(self, names: Iterable[str]) -> frozenset[str]:
        given = _joined(names)
        if not given:
            return frozenset()
        return frozenset((await self._git("check-ignore", "-z", "--stdin", check=False, stdin=given)).fields)

    def _is_provided(self, name: str) -> bool:
        return is_included(name, self._provided)

    def _can_hold(self, name: str) -> bool:
        mode = (self._worktree / name).lstat().st_mode
        return stat.S_ISREG(mode) or stat.S_ISLNK(mode)

    def _is_placeholder(self, name: str) -> bool:
        if name.partition("/")[0] not in _PLACEHOLDERS:
            return False
        found = (self._worktree / name).lstat()
        return stat.S_ISREG(found.st_mode) and found.st_size == 0 and stat.S_IMODE(found.st_mode) == 0o444

    def _leave(self, names: Iterable[str], why: str) -> None:
        self.left_out += [LeftOut(name, why) for name in names]

    async def _add(self, names: list[str]) -> None:
        """What git cannot take, by its name or its content, stays out and says why."""
        if (await self._update(names, *_TAKE, check=False)).ok:
            return
        for name in names:
            answer = await self._update([name], *_TAKE, check=False)
            if not answer.ok and name not in (why := complaint(answer)):
                raise EnvironmentError_(f"git cannot record {name} of {self._worktree}: {why}")
            if not answer.ok:
                self._leave([name], f"git cannot take it: {why}")

    async def _update(self, names: Iterable[str], *how: str, check: bool = True) -> GitOutput:
        if not (given := _joined(names)):
            return GitOutput(0, "", "")
        return await self._git("update-index", *how, "-z", "--stdin", stdin=given, check=check)

    async def _git(self, *args: str, check: bool = True, stdin: bytes = b"") -> GitOutput:
        env = {"GIT_INDEX_FILE": str(self._index)}
        return await git_in(
            self._repository, self._worktree, *args, check=check, env=env, stdin=stdin, config=self._config
        )


def _taste(config: Config) -> dict[str, str | None]:
    """What a commit made by hand would be converted by: the user's attributes, and line endings where they want it."""
    converts = config.get("core.autocrlf", "").lower() not in {"", "false", "no", "off", "0"}
    return {"core.attributesFile": None, "core.autocrlf": "input" if converts else "false"}


def _files(worktree: Path, name: str) -> Iterator[str]:
    """A file's own name, or those of all files below a folder."""
    if not name.endswith("/"):
        yield name
        return
    for top, folders, files in os.walk(worktree / name):
        links = (folder for folder in folders if Path(top, folder).is_symlink())
        yield from (str(Path(top, file).relative_to(worktree)) for file in (*files, *links))


def _joined(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\0" for name in names).encode(errors="surrogateescape")
