"""What a folder held at one moment, so that whatever is done in it later can be found out and undone.

A file counts as untouched only when all that the file system says about it is the same, to the nanosecond: nobody but
the kernel sets the time of its last change of state. Git's own comparison is coarser (whole seconds, then contents),
can be switched off for a file by whoever runs git there, and does not see permissions.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

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

    def undo(self, root: Path) -> bool:
        """Delete what was added or changed since, and give folders their permissions back; False when in doubt.

        Files that were deleted or changed are missing then: it is for git to write them again.
        """
        try:
            self._mend(root, "")
            self._undo(root, "")
        except OSError:
            return False
        return self.is_whole(root)

    def is_whole(self, root: Path) -> bool:
        """Whether everything that must exist does."""
        return all(os.path.lexists(root / name) for name in self.needed)

    def _undo(self, root: Path, folder: str) -> None:
        for entry in list(os.scandir(root / folder)):
            name = folder + entry.name
            if name in self.opaque:
                continue
            found, known = entry.stat(follow_symlinks=False), self.prints.get(name)
            if stat.S_ISDIR(found.st_mode) and known is not None and stat.S_ISDIR(known[0]):
                self._mend(root, name)
                self._undo(root, f"{name}/")
            elif _print(found) != known:
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
    while time.time_ns() - max(times) < _TICKS_NS:
        time.sleep(0.002)
    parents = {name.rpartition("/")[0] for name in prints}
    empty = {name for name, found in prints.items() if stat.S_ISDIR(found[0]) and name not in parents}
    return Survey(prints, opaque, frozenset({*needed, *empty}))


def _prints(root: Path, folder: str, opaque: frozenset[str]) -> Iterator[tuple[str, _Print]]:
    for entry in os.scandir(root / folder):
        name = folder + entry.name
        if name not in opaque:
            yield name, _print(entry.stat(follow_symlinks=False))
            if entry.is_dir(follow_symlinks=False):
                yield from _prints(root, f"{name}/", opaque)


def _print(found: os.stat_result) -> _Print:
    """A folder's times and size change with what is in it, which is looked at itself."""
    owner = (found.st_mode, found.st_uid, found.st_gid, found.st_ino)
    return owner if stat.S_ISDIR(found.st_mode) else (*owner, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def delete_tree(path: Path) -> None:
    """Delete a file or folder, also where somebody took away the permission to; harmless when it is gone."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    path.chmod(0o700)
    for folder, names, _ in os.walk(path):
        for name in names:
            if not (child := Path(folder, name)).is_symlink():
                child.chmod(0o700)
    shutil.rmtree(path)
