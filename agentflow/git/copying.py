"""Copies of what lies beside the code, such as `node_modules` or a virtualenv: with links, and at home in the copy."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Scripts larger than this are programs, and name no paths of ours.
_SCRIPT_BYTES = 100_000

#: Mode, size, times and link target by path; JSON can hold it.
Inventory = dict[str, list[int | str]]


def copy_beside(root: Path, worktree: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Copy files, links and folders of `root`, by their relative names, to the same places in `worktree`.

    Returns the names copied: none over anything that is there already, and none through a symlink that leads out of
    the worktree. Links stay links; those into `root` lead to the same place in the worktree, and scripts of virtualenvs
    and `.bin` folders that name `root` name the worktree.
    """
    copied = tuple(name for name in names if os.path.lexists(root / name) and is_free(worktree, name))
    for name in copied:
        source, target = root / name, worktree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        # A dependency folder kept elsewhere behind a link is copied itself: nothing may write to the user's.
        _copy(source.resolve() if source.is_symlink() and source.name == "node_modules" else source, target)
        _bring_home(target, root, worktree)
    return copied


def is_free(worktree: Path, name: str) -> bool:
    """Nothing is there yet, and no symlink of the commit leads the copy out of the worktree."""
    target = worktree / name.rstrip("/")
    return not os.path.lexists(target) and target.parent.resolve().is_relative_to(worktree.resolve())


def inventory(root: Path, names: Iterable[str]) -> Inventory:
    """What is at these places now, without reading a file."""
    return {path: _facts(path, found) for name in names for path, found in _entries(root / name.rstrip("/"))}


def restore(root: Path, names: Iterable[str], known: Inventory) -> bool:
    """Remove what was added at these places since the inventory; False when anything else there has changed."""
    seen = set[str]()
    for name in filter(None, names):  # never the root itself
        for path, found in _entries(root / name.rstrip("/")):
            if path not in known:
                _remove(Path(path))
            elif known[path] != _facts(path, found):
                return False
            seen.add(path)
    return seen.issuperset(known)


def _facts(path: str, found: os.stat_result) -> list[int | str]:
    """A folder's own times tell nothing: what is in it has entries of its own."""
    if stat.S_ISDIR(found.st_mode):
        return [found.st_mode]
    link = str(Path(path).readlink()) if stat.S_ISLNK(found.st_mode) else ""
    return [found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns, link]


def _copy(source: Path, target: Path) -> None:
    """`cp -a`, sharing blocks where the file system can."""
    if sys.platform == "linux" and shutil.which("cp"):
        command = ["cp", "-a", "--reflink=auto", "--", str(source), str(target)]
        if subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0:
            return
        _remove(target)
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _remove(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _bring_home(copy: Path, root: Path, worktree: Path) -> None:
    for path, found in _entries(copy):
        if stat.S_ISLNK(found.st_mode):
            _redirect(Path(path), root, worktree)
        elif stat.S_ISREG(found.st_mode) and found.st_size < _SCRIPT_BYTES and _names_places(Path(path)):
            _rewrite(Path(path), root, worktree)


def _redirect(link: Path, root: Path, worktree: Path) -> None:
    """A link into `root` leads into the worktree; a relative one that led out of `root` leads to where it led."""
    target = link.readlink()
    original = root / link.relative_to(worktree)
    led_to = Path(os.path.normpath(original.parent / target))
    if target.is_absolute() == led_to.is_relative_to(root):
        wanted = worktree / led_to.relative_to(root) if target.is_absolute() else led_to
    else:
        return
    link.unlink()
    link.symlink_to(wanted)


def _names_places(path: Path) -> bool:
    """Whether a file is of the kind that holds absolute paths of its own tree."""
    folder = path.parent
    in_virtualenv = folder.name == "bin" and (folder.parent / "pyvenv.cfg").is_file()
    return folder.name == ".bin" or in_virtualenv or path.suffix == ".pth" or path.name.startswith("__editable__")


def _rewrite(path: Path, root: Path, worktree: Path) -> None:
    content = path.read_bytes()
    fresh = content.replace(os.fsencode(root), os.fsencode(worktree))
    if fresh != content and b"\0" not in content:
        found = path.stat()
        path.chmod(found.st_mode | stat.S_IWUSR)
        path.write_bytes(fresh)
        path.chmod(found.st_mode)
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def _entries(place: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The place itself and all below it, no link followed."""
    with contextlib.suppress(FileNotFoundError):
        found = place.lstat()
        yield str(place), found
        waiting = [str(place)] if stat.S_ISDIR(found.st_mode) else []
        while waiting:
            for entry in _listed(waiting.pop()):
                found = entry.stat(follow_symlinks=False)
                yield entry.path, found
                if stat.S_ISDIR(found.st_mode):
                    waiting.append(entry.path)


def _listed(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing when the caller has just removed it."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
