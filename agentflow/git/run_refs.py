"""What git holds of a run: its refs, its branch as others may have left it, and its own commits.

A run works on a ref of its own, where nobody else looks. Its branch follows that ref wherever nobody else has taken the
branch for themselves. The run's own commits are known by what they say of themselves, wherever they stand.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentflow.git.command import git
from agentflow.git.commits import ref_value
from agentflow.git.linked import entries, worktree_of
from agentflow.git.repository import Repository

#: In a commit's message, wherever a person's squashing and rewording has moved them.
_TRAILER = re.compile(r"^\s*Agentflow-(Run|Subtask|Attempt): (\S+)\s*$", re.MULTILINE)
_REBASED = ("rebase-merge/head-name", "rebase-apply/head-name")
_SUBMODULE = "160000"
_NO_REF = "ref: refs/heads/.invalid"


def refs_of(run: str) -> str:
    """Below this stand all of a run's refs but its branch."""
    return f"refs/agentflow/{run}/"


def tip_ref(run: str) -> str:
    """The run's own head while it goes on, and afterwards where its branch could not follow.

    No subtask's id holds an underscore, so it stands in no attempt's way.
    """
    return f"{refs_of(run)}_tip"


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch as it is now. `tip` is None where there is none; `holder` is the worktree that has it checked out.

    A rebase or bisection of the branch holds it too.
    """

    tip: str | None
    holder: str | None


async def look_at(repository: Repository, branch: str) -> Branch:
    """Nothing here asks git for its list of worktrees: it gives up where another process is just making one."""
    ref = f"refs/heads/{branch}"
    tip = await ref_value(repository, ref)
    for folder in (repository.common_dir, *await asyncio.to_thread(lambda: list(entries(repository)))):
        place = await asyncio.to_thread(_checkout, folder)
        if place is not None and (await _head(folder) == ref or await asyncio.to_thread(_is_busy_with, folder, ref)):
            return Branch(tip, str(place))
    return Branch(tip, None)


def _checkout(folder: Path) -> Path | None:
    """The worktree of a git directory; None where it is gone."""
    place = worktree_of(folder) or (folder.parent if folder.name == ".git" else folder)
    return place if place.is_dir() else None


async def _head(folder: Path) -> str:
    """What a git directory's HEAD leads to. Where refs are kept in tables, the file says nothing and git is asked."""
    said = await asyncio.to_thread(_read, folder / "HEAD")
    if said == _NO_REF:
        asked = await git(folder, "symbolic-ref", "--quiet", "HEAD", check=False, env={"GIT_DIR": str(folder)})
        return asked.line
    return said.removeprefix("ref: ")


def _is_busy_with(folder: Path, ref: str) -> bool:
    """Whether the branch is being rebased or bisected there."""
    rebased = any(_read(folder / name) == ref for name in _REBASED)
    return rebased or _read(folder / "BISECT_START") == ref.removeprefix("refs/heads/")


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace", encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


async def move_branch(repository: Repository, branch: str, new: str, old: str | None) -> bool:
    """Move a branch, or make it where `old` is None; False, with nothing changed, where it is not at `old` any more."""
    gone = "0" * len(new)
    return (await git(repository.root, "update-ref", f"refs/heads/{branch}", new, old or gone, check=False)).ok


@dataclass(frozen=True, slots=True)
class Own:
    """A commit of a run's, and which attempt's work it is."""

    subtask: str
    attempt: int
    commit: str


async def own_commits(repository: Repository, run: str, since: str, until: str) -> tuple[Own, ...]:
    """The run's own among the commits of `until` that `since` does not have, oldest first.

    One that a person reworded, rebased or amended is still the run's; one into which several were squashed is each's.
    """
    asked = ("log", "-z", "--reverse", "--topo-order", "--format=%H%n%B", until, f"^{since}")
    entries = (entry.partition("\n") for entry in (await git(repository.root, *asked)).stdout.split("\0") if entry)
    return tuple(own for commit, _, message in entries for own in _told(run, commit, message))


def _told(run: str, commit: str, message: str) -> Iterator[Own]:
    said: dict[str, str] = {}
    for key, value in _TRAILER.findall(message):
        said[key] = value
        if key == "Attempt" and said.get("Run") == run and "Subtask" in said and value.isdigit():
            yield Own(said["Subtask"], int(value), commit)


async def undone(repository: Repository, commits: Sequence[str], head: str) -> tuple[str, ...]:
    """Those of the commits of whose changes nothing is left at `head`: each of their files is as it was before them."""
    if not commits:
        return ()
    given = "".join(f"{commit}\n" for commit in dict.fromkeys(commits)).encode()
    options = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--root", "-m", "--first-parent")
    listed = (await git(repository.root, "diff-tree", "--stdin", *options, stdin=given)).fields
    before = dict(_changed(listed))
    paths = [path for changed in before.values() for path in changed]
    asked = "".join(f"{head}:{path}\0" for path in paths).encode("utf-8", "surrogateescape")
    answers = (await git(repository.root, "cat-file", "-z", "--batch-check=%(objectname)", stdin=asked)).stdout
    # What is missing is answered with its name, in which any byte may stand; an object's id is the whole line.
    now = iter(_ids(answers, paths, head))
    left = {commit: [(was, next(now)) for was in changed.values()] for commit, changed in before.items()}
    return tuple(commit for commit, files in left.items() if files and all(was == oid for was, oid in files))


def _changed(listed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """By commit, its files with the content that each had before; empty where there was none."""
    commit, files, fields = "", dict[str, str](), iter(listed)
    for field in fields:
        if not field.startswith(":"):
            if commit:
                yield commit, files
            commit, files = field.strip(), {}
            continue
        mode_before, mode_after, was, *_ = field[1:].split(" ")
        path = next(fields)
        if _SUBMODULE not in (mode_before, mode_after):
            files[path] = "" if set(was) == {"0"} else was
    if commit:
        yield commit, files


def _ids(answers: str, paths: Sequence[str], head: str) -> Iterator[str]:
    rest = answers
    for path in paths:
        missing = f"{head}:{path} missing\n"
        if rest.startswith(missing):
            rest = rest[len(missing) :]
            yield ""
        else:
            found, _, rest = rest.partition("\n")
            yield found
