"""Whether the git directory stays everybody else's while what models wrote is running.

The rule, by what changed in it while an agent's session, a check or set-up ran:

- What could have git start a program later, or lead it to somebody else's repository: a program or an include in any of
  its configuration files, submodules' among them; hooks; attributes; `alternates`; `commondir`; a link in place of
  what was a file or folder. In the sandbox nothing of ours can write there, so that it was a person (`git lfs install`,
  a hook manager) and is told. Without the sandbox nobody can say who it was: the run stops, and goes on when the person
  who has looked at it resumes it.
- Refs, HEAD, what is staged, `shallow`, `exclude`, grafts and sparse checkout: only looked at without the sandbox, and
  told with what was there before. People commit, switch, stash, fetch and prune beside a run: that stops nothing.

Nothing is put back. agentflow itself starts none of the programs, whoever named them (see `command.py`).
Branch, remote and user settings, tracking and `git push -u` write nothing of the first kind; agentflow's own refs are
left out, and so are empty files, which sandboxes leave while commands run in them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from agentflow.domain.text import printable
from agentflow.errors import EnvironmentError_
from agentflow.git.command import git, own_settings
from agentflow.git.detours import links
from agentflow.git.linked import entries
from agentflow.git.repository import Repository, git_dir

_ARMING = ("info/attributes", "objects/info/alternates", "objects/info/http-alternates", "commondir")
#: What `git worktree add` writes to an entry's `commondir`.
_USUAL = "../.."
_TOLD = ("HEAD", "shallow", "info/exclude", "info/grafts", "info/sparse-checkout")
#: Of a larger file only so much is compared, with its size and time.
_READ_BYTES = 1_000_000
#: Folders of submodules that are looked through, and names that one message lists.
_MOST_FOLDERS = 2000
_MOST_NAMED = 8

State = Mapping[str, str]


class GitDirectoryChanged(EnvironmentError_):
    """What could run code later changed in the git directory while something ran that could have done it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks at the git directory before and after what runs, by the rule above. `tell` hears what stops nothing."""

    repository: Repository
    tell: Callable[[str], None]
    sandboxed: bool

    @asynccontextmanager
    async def over(self, who: str) -> AsyncIterator[None]:
        """`who` runs inside. Raises GitDirectoryChanged afterwards, unless that ended with an error of its own."""
        before = await self._seen()
        yield
        after = await self._seen()
        armed, moved = (changed(one, other) for one, other in zip(before, after, strict=True))
        if moved:
            self.tell(f"changed in the git directory while {who} ran without a sandbox: {_listed(moved)}")
        if armed and self.sandboxed:
            self.tell(f"git's configuration or hooks changed while {who} ran: {_listed(armed)}")
        elif armed:
            raise GitDirectoryChanged(
                f"{self.repository.common_dir} changed while {who} ran without a sandbox: {_listed(armed)}",
                hint="look at that: your own git may run it. Then go on with: agentflow resume",
            )

    async def _seen(self) -> tuple[State, State]:
        armed = await arming(self.repository)
        return armed, {} if self.sandboxed else await standing(self.repository)


def changed(before: State, after: State) -> list[str]:
    """What differs between two states, in words."""
    return [_difference(name, before.get(name), after.get(name)) for name in sorted({*before, *after})
            if before.get(name) != after.get(name)]  # fmt: skip


def _difference(name: str, old: str | None, new: str | None) -> str:
    if name.startswith("refs/") or name == "HEAD":
        return f"{name} was {old or 'not there'}, is {new or 'gone'}"
    return f"{name} is new" if old is None else f"{name} is gone" if new is None else f"{name} differs"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return printable("; ".join(names[:_MOST_NAMED]) + more)


async def arming(repository: Repository) -> State:
    """What could have git start a program or lead it elsewhere, by name. A few files are looked at, no git started."""
    common, found = repository.common_dir, dict[str, str]()
    submodules = await asyncio.to_thread(lambda: list(_submodules(common / "modules")))
    linked = [entry for entry in entries(repository) if (entry / "config.worktree").exists()]
    for place in (None, *submodules, *linked):
        for setting in (await own_settings(repository.root, place)).arming:
            found[f"{setting.name} in {_below(setting.file, common)}"] = setting.value
    return found | await asyncio.to_thread(lambda: dict(_files(repository, submodules)))


async def standing(repository: Repository) -> State:
    """Where refs stand, what is staged, and what else git keeps about one checkout."""
    root, own = repository.root, await git_dir(repository)
    listed = await git(root, "for-each-ref", "--format=%(refname) %(objectname)", check=False)
    refs = dict(line.split(" ") for line in listed.lines)
    kept = {
        name: oid for name, oid in refs.items() if not name.startswith(("refs/agentflow/", "refs/heads/agentflow/"))
    }
    staged = await git(root, "ls-files", "--stage", "-z", check=False)
    index = {"the index": hashlib.sha256(staged.stdout.encode(errors="surrogateescape")).hexdigest()}
    return kept | index | await asyncio.to_thread(lambda: dict(_contents(own, _TOLD)))


def _files(repository: Repository, submodules: list[Path]) -> Iterator[tuple[str, str]]:
    common = repository.common_dir
    yield from _contents(common, _ARMING)
    yield from ((f"the link {name}", str(target)) for name, target in links(common))
    for place in (common, *submodules):
        for path in _hooks(place / "hooks"):
            if content := _content(path):
                yield _below(path, common), content
    for entry in entries(repository):
        if (told := _content(entry / "commondir")) not in {"", _USUAL}:
            yield _below(entry / "commondir", common), told


def _hooks(folder: Path) -> list[Path]:
    """Git starts hooks by their very names: samples and what folders hold are none."""
    try:
        return [path for path in sorted(folder.iterdir()) if path.suffix != ".sample"][:_MOST_FOLDERS]
    except OSError:
        return []


def _contents(folder: Path, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        if content := _content(folder / name):
            yield name, content


def _content(path: Path) -> str:
    """What stands for a file's mode and content; empty for what is empty, missing or a folder."""
    with suppress(OSError):
        found = path.lstat()
        mode = stat.S_IMODE(found.st_mode)
        if stat.S_ISLNK(found.st_mode):
            return f"a link to {path.readlink()}"
        if not stat.S_ISREG(found.st_mode):
            return "" if stat.S_ISDIR(found.st_mode) else "no file"
        if found.st_size > _READ_BYTES:
            return f"{mode:o} {found.st_size} {found.st_mtime_ns}"
        content = path.read_bytes()
        is_short = len(content) < 200 and path.name in {"HEAD", "commondir"}
        told = content.decode(errors="replace").strip() if is_short else hashlib.sha256(content).hexdigest()
        return (told if is_short else f"{mode:o} {told}") if content else ""
    return ""


def _submodules(folder: Path) -> Iterator[Path]:
    """The git directories below `modules`, whose names are paths; none is followed through a link."""
    for place, folders, files in islice(os.walk(folder), _MOST_FOLDERS):
        if "config" in files:
            yield Path(place)
            folders[:] = [name for name in folders if name == "modules"]


def _below(path: Path, common: Path) -> str:
    return str(path.relative_to(common)) if path.is_relative_to(common) else str(path)
