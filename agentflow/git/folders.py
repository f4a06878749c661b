"""What a folder held at one moment, so that whatever is done in it later can be found out and undone.

A file counts as untouched only when it is the same one, with the same time of its last change of state to the
nanosecond: nobody but the kernel sets that, whatever is done to a file. Git's own comparison is coarser (whole seconds,
then contents), can be switched off for a file by whoever runs git there, and does not see permissions.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

#: Two ticks of the slowest usual kernel clock: a file changed later than that has another time of change.
_TICKS_NS = 20_000_000

_Print = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """`prints` by path of every file and folder ("" is the folder itself), nothing that is in `opaque` among them.

    `needed` are paths that must exist.
    """

    prints: dict[str, _Print]
    opaque: frozenset[str]
    needed: frozenset[str]

    def undo(self, root: Path) -> frozenset[str] | None:
        """Delete what was added or changed since, and give folders their permissions back; None when in doubt.

        Returns what is missing then, files that were deleted or changed: it is for git to write them again.
        """
        intact = {""}
        try:
            self._mend(root, "")
            self._undo(root, "", intact)
        except OSError:
            return None
        return frozenset(self.prints.keys() - intact) if self.is_whole(root) else None

    def after(self, root: Path, written: Collection[str]) -> Survey:
        """The folder as it is after these files were written or deleted, and nothing else was."""
        prints, places = dict(self.prints), {""}
        for name in written:
            places.update((name, *(str(parent) for parent in PurePosixPath(name).parents if parent.name)))
        for name in places:
            try:
                prints[name] = _print((root / name).lstat())
            except (FileNotFoundError, NotADirectoryError):
                prints.pop(name, None)
        _wait_until_told_apart(prints[name] for name in places if name in prints)
        return replace(self, prints=prints)

    def without(self, names: Collection[str]) -> Survey:
        """As if these files had not been there, nor what lies in these folders, whose names end in a slash."""
        files = {name: found for name, found in self.prints.items() if not stat.S_ISDIR(found[0])}
        files = {name: found for name, found in files.items() if not _lies_in(name, names)}
        folders = {str(parent) for name in files for parent in PurePosixPath(name).parents if parent.name}
        prints = {name: self.prints[name] for name in ("", *folders)} | files
        return replace(self, prints=prints, needed=frozenset(name for name in self.needed if name in prints))

    def is_whole(self, root: Path) -> bool:
        """Whether everything that must exist does."""
        return all(os.path.lexists(root / name) for name in self.needed)

    def _undo(self, root: Path, folder: str, intact: set[str]) -> None:
        for entry in list(os.scandir(f"{root}/{folder}")):
            name = folder + entry.name
            if name in self.opaque:
                continue
            found, known = entry.stat(follow_symlinks=False), self.prints.get(name)
            is_same = known == _print(found)
            if stat.S_ISDIR(found.st_mode) and known is not None and stat.S_ISDIR(known[0]):
                if not is_same:
                    self._mend(root, name)
                intact.add(name)
                self._undo(root, f"{name}/", intact)
            elif is_same:
                intact.add(name)
            else:
                delete_tree(root / name)

    def _mend(self, root: Path, name: str) -> None:
        """The folder's permissions again; OSError where it has become another's, or something else."""
        folder, known = root / name, self.prints[name]
        if _print(folder.lstat()) != known:
            folder.chmod(stat.S_IMODE(known[0]), follow_symlinks=False)
        if _print(folder.lstat()) != known:
            raise PermissionError(folder)


def survey(root: Path, opaque: Collection[str], needed: Collection[str]) -> Survey | None:
    """The folder as it is now; None where the file system's times are too coarse to tell a later change.

    Waits (milliseconds) until any later change is sure to show. Empty folders are needed as well.
    """
    opaque = frozenset(opaque)
    prints = {"": _print(root.lstat()), **dict(_prints(root, "", opaque))}
    times = [found[-1] for found in prints.values() if not stat.S_ISDIR(found[0])]
    if all(moment % 1_000_000_000 == 0 for moment in times):
        return None
    _wait_until_told_apart(prints.values())
    parents = {name.rpartition("/")[0] for name in prints}
    empty = {name for name, found in prints.items() if stat.S_ISDIR(found[0]) and name not in parents}
    return Survey(prints, opaque, frozenset({*needed, *empty}))


def _lies_in(name: str, names: Collection[str]) -> bool:
    return name in names or any(f"{parent}/" in names for parent in PurePosixPath(name).parents)


def _wait_until_told_apart(prints: Iterable[_Print]) -> None:
    """Until a later change is sure to have another time."""
    times = [found[-1] for found in prints if not stat.S_ISDIR(found[0])]
    while times and time.time_ns() - max(times) < _TICKS_NS:
        time.sleep(0.002)


def _prints(root: Path, folder: str, opaque: frozenset[str]) -> Iterator[tuple[str, _Print]]:
    for entry in os.scandir(f"{root}/{folder}"):
        name = folder + entry.name
        if name not in opaque:
            yield name, _print(entry.stat(follow_symlinks=False))
            if entry.is_dir(follow_symlinks=False):
                yield from _prints(root, f"{name}/", opaque)


def _print(found: os.stat_result) -> _Print:
    """Whatever is done to a file sets its time of change. What is in a folder is looked at itself."""
    if stat.S_ISDIR(found.st_mode):
        return found.st_mode, found.st_ino, found.st_uid, found.st_gid
    return found.st_mode, found.st_ino, found.st_ctime_ns


def delete_tree(path: Path) -> None:
    """Delete a file or folder, also where somebody took away the permission to; harmless when it is gone."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    elif not _deleted_quickly(path):
        path.chmod(0o700)
        for folder, names, _ in os.walk(path):
            for name in names:
                if not (child := Path(folder, name)).is_symlink():
                    child.chmod(0o700)
        shutil.rmtree(path)


def _deleted_quickly(path: Path) -> bool:
    """By `rm`, which takes a third of the time; not where it is refused something."""
    command = shutil.which("rm")
    if command is None:
        return False
    words = [command, "-rf", "--", str(path)]
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
