"""Reading what lies in a repository, where anybody may have put a pipe, a device, an endless folder or a link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

#: A manifest, lock file or definition of more bytes than this is none.
MOST_BYTES = 32_000_000
#: Files that one folder of definitions may hold, and folders below it that are looked through.
MOST_FILES = 1_000
MOST_FOLDERS = 1_000


def read_file(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file, links followed. Never waits for a pipe, and never reads more than `most` bytes.

    Raises OSError, for what is no regular file (EINVAL) or larger (EFBIG) as well.
    """
    with open_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most} bytes", str(path))
    return content


def open_file(path: Path, flags: int = 0) -> BinaryIO:
    """A regular file opened for reading, never waited for, with more `flags` of os.open where given.

    Raises OSError, for what is no regular file (EINVAL, EISDIR) as well.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | flags)
    # Asked before Python takes it: a folder's descriptor would be left open.
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def leads_out(path: Path, root: Path) -> bool:
    """Whether a path of a repository ends, by links on the way, outside of it."""
    return not path.resolve().is_relative_to(root.resolve())


def files_below(folder: Path, suffixes: Collection[str], root: Path | None = None) -> list[Path]:
    """Files with these suffixes in the folder and below it, in order; at most MOST_FILES.

    No link to another folder is followed on the way. In a repository with the top folder `root` nothing counts that a
    link, the folder itself among them, puts outside of it.
    """
    found = (Path(place, name) for place, names in _walked(folder, root) for name in names)
    wanted = (path for path in found if path.suffix in suffixes and not (root and leads_out(path, root)))
    return list(islice(wanted, MOST_FILES))


def folders_below(folder: Path, root: Path | None = None) -> list[Path]:
    """The folder itself, where it is one, and those below it, by the same rule; at most MOST_FOLDERS."""
    return [Path(place) for place, _ in _walked(folder, root)]


def _walked(folder: Path, root: Path | None) -> Iterator[tuple[str, list[str]]]:
    if root is None or not leads_out(folder, root):
        for place, folders, names in islice(os.walk(folder), MOST_FOLDERS):
            folders.sort()
            yield place, sorted(names)
