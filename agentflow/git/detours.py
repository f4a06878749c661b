"""Git directories that lead elsewhere: to other files than those around them, and out of themselves by links."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

from agentflow.errors import EnvironmentError_

#: What agentflow and its git write to in a git directory, all of it below these.
_WRITTEN = (
    *("HEAD", "config", "config.worktree", "hooks", "index", "info", "logs", "logs/HEAD", "logs/refs"),
    *("logs/refs/heads", "logs/refs/heads/agentflow", "modules", "objects", "objects/info", "objects/pack"),
    *("packed-refs", "refs", "refs/heads", "refs/heads/agentflow", "refs/agentflow", "worktrees"),
)
#: What git reads in every folder of a checkout.
_ANYWHERE = (".gitignore", ".gitattributes")
#: Folders of a git directory that git itself does not read as a whole.
_OTHERS = ("lfs", "modules", "annex")
#: Where there is more than this, it is not all looked at.
_MOST_ENTRIES = 300_000


def refuse_moved(root: Path, common_dir: Path) -> None:
    """Raise EnvironmentError_ where the repository itself says that its files, or what it shares, lie elsewhere.

    `core.worktree` can name any folder, a home say, whose files would then be read as the repository's; a `commondir`
    in a git directory that is no worktree's entry, any configuration.
    """
    place = root / ".git"
    if not place.exists():
        raise EnvironmentError_(
            f"the repository {common_dir} says that its files lie in {root}, which has no .git (core.worktree)",
            hint=f"if that is meant: echo 'gitdir: {common_dir}' > {place}",
        )
    if place.is_dir() and (place / "commondir").exists():
        raise EnvironmentError_(
            f"{place / 'commondir'} leads git to another repository's configuration", hint="look at it, and remove it"
        )


def refuse_detours(common_dir: Path) -> None:
    """Raise EnvironmentError_ where a link would have what is written in the git directory end up outside of it.

    A whole part that lies in another git directory, as the `repo` tool and `git new-workdir` lay them out, is let be.
    """
    inside = common_dir.resolve()
    for name, target in links(common_dir):
        is_shared = "/" not in name and (target.parent / "HEAD").exists() and (target.parent / "config").exists()
        if not target.is_relative_to(inside) and not is_shared:
            raise EnvironmentError_(
                f"{common_dir / name} is a link out of the git directory, to {target}",
                hint="git writes there; look at it, and put a folder or file of its own in its place",
            )


def refuse_odd(root: Path, *git_dirs: Path) -> None:
    """Raise EnvironmentError_ where git would wait for ever, or read without end: a pipe or a device for a file.

    Looked at before git is started there, by names and types alone.
    """
    top = (root / name for name in (*_ANYWHERE, ".gitmodules", ".mailmap", ".worktreeinclude"))
    for path in chain(top, *(_entries(place, _OTHERS) for place in dict.fromkeys(git_dirs))):
        if _is_endless(path):
            raise EnvironmentError_(f"{path} is a pipe or a device, no file", hint="look at it, and remove it")


def waited_for(cwd: Path) -> Path | None:
    """A pipe or device where git looks for a file, below the top of the checkout that a folder lies in.

    That is in all of its folders, and in the git directories of repositories within: too much to look at each time.
    """
    top = next((folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists()), cwd)
    read = (path for path in _entries(top) if path.name in _ANYWHERE or ".git" in path.relative_to(top).parts)
    return next(filter(_is_endless, read), None)


def _is_endless(path: Path) -> bool:
    with suppress(OSError):  # a link to nowhere, or gone by now: git copes
        mode = path.stat().st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
    return False


def _entries(top: Path, without: Collection[str] = ()) -> Iterator[Path]:
    """What is in a folder and its folders and is no plain file or folder."""
    waiting, left = [str(top)], _MOST_ENTRIES
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in islice(entries, left):
                left -= 1
                if not entry.is_dir(follow_symlinks=False):
                    yield from () if entry.is_file(follow_symlinks=False) else (Path(entry.path),)
                elif entry.name not in without:
                    waiting.append(entry.path)


def links(common_dir: Path) -> Iterator[tuple[str, Path]]:
    """Every link among what is written in a git directory, and where it leads in the end."""
    for name in _WRITTEN:
        path = common_dir / name
        if path.is_symlink():
            yield name, path.resolve()
    objects = common_dir / "objects"
    for folder in sorted(objects.iterdir()) if objects.is_dir() and not objects.is_symlink() else ():
        if folder.is_symlink() and folder.name not in {"info", "pack"}:
            yield f"objects/{folder.name}", folder.resolve()
