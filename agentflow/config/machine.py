"""What a machine refuses, said as an expected failure with a way out: a full disk is no bug of ours."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from agentflow.config.paths import folder_settings
from agentflow.errors import EnvironmentError_

#: What helps, by what the system says.
_ADVICE = {
    errno.ENOSPC: "free some disk space, then try again",
    errno.EDQUOT: "free some of your disk quota, then try again",
    errno.EFBIG: "raise the limit on the size of files: ulimit -f unlimited",
    errno.EMFILE: "raise the limit on open files: ulimit -n 4096",
    errno.ENFILE: "too many files are open on this machine: close some programs",
    errno.EAGAIN: "end some of your processes, or raise their limit: ulimit -u",
    errno.ENOMEM: "free some memory, then try again",
    errno.EIO: "the disk or its file system fails: see the system's log",
    errno.ESTALE: "the network file system lost the file: mount it again",
}
#: Said of a file, these need a place that can be used. Without a file they may well be a bug.
_OF_PLACES = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}


def refusal(error: BaseException) -> EnvironmentError_ | None:
    """The error as what this machine refused, with the setting that helps; None when it may be a bug."""
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return EnvironmentError_("this machine lets agentflow start no more threads", hint=_ADVICE[errno.EAGAIN])
    if isinstance(error, MemoryError):
        return EnvironmentError_("this machine has no memory left", hint=_ADVICE[errno.ENOMEM])
    if not isinstance(error, OSError):
        return None
    place = error.filename if isinstance(error.filename, str | bytes | os.PathLike) else None
    if error.errno in _ADVICE:
        at = f"{os.fsdecode(place)}: " if place else ""
        return EnvironmentError_(f"{at}{error.strerror}", hint=_ADVICE[error.errno])
    return unusable(Path(os.fsdecode(place)), error) if place and error.errno in _OF_PLACES else None


def unusable(path: Path, error: OSError) -> EnvironmentError_:
    """A place that agentflow cannot use, with the setting that moves what is to be there."""
    if error.errno in _ADVICE:
        return EnvironmentError_(f"{path}: {error.strerror}", hint=_ADVICE[error.errno])
    setting = next((name for name, folder in folder_settings() if path.is_relative_to(folder)), None)
    hint = (
        f"set {setting} to a folder that you can write to and start programs in"
        if setting
        else "make it yours to read and write"
    )
    return EnvironmentError_(f"cannot use {path}: {error.strerror}", hint=hint)


def is_noexec(folder: Path) -> bool:
    """Whether nothing that lies in the folder, or will, can be started: its file system is mounted so."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return bool(os.statvfs(there).f_flag & getattr(os, "ST_NOEXEC", 0))


def require_startable(folder: Path) -> None:
    """Raise EnvironmentError_, with the setting that helps, where no program can be started from the folder."""
    if is_noexec(folder):
        raise unusable(folder, OSError(errno.EACCES, "its file system is mounted noexec, so nothing in it can start"))


def make_folder(path: Path) -> Path:
    """The folder, made where it is missing; its owner's alone, and those around it that are agentflow's, from then on.

    Raises EnvironmentError_ when that cannot be.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        for folder in _own(path):
            _tighten(folder)
    except OSError as error:
        raise unusable(path, error) from error
    return path


def open_private(path: Path, mode: str = "r+") -> IO[bytes]:
    """A file of agentflow's own, opened for its owner alone whatever it was before; made where it is missing.

    `mode` as of `open`: `w`, `a` or `r+`, all binary. Never through a symlink, a fifo or a device: what runs between
    two writes may have put it there. Raises OSError.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags | (os.O_APPEND if mode == "a" else 0), 0o600)
    try:
        _require_ordinary(descriptor, path)
        os.fchmod(descriptor, 0o600)
        if mode == "w":
            os.ftruncate(descriptor, 0)
        return os.fdopen(descriptor, "r+b")
    except BaseException:
        os.close(descriptor)
        raise


def _require_ordinary(descriptor: int, path: Path) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise OSError(errno.ELOOP, "it is no ordinary file of agentflow's", str(path))


def write_private(path: Path, text: str) -> None:
    """Give such a file this content, half characters of file names kept as they are. Raises OSError."""
    with open_private(path, "w") as file:
        file.write(text.encode("utf-8", "surrogateescape" if _is_bytes(text) else "backslashreplace"))


def _is_bytes(text: str) -> bool:
    """Whether its half characters, if any, all stand for bytes of names."""
    return all(not "\ud800" <= char <= "\udfff" or "\udc80" <= char <= "\udcff" for char in text)


def _own(path: Path) -> Iterator[Path]:
    """The folder and those around it, as far as they are agentflow's."""
    places = [place for _, place in folder_settings()]
    return (folder for folder in (path, *path.parents) if any(folder.is_relative_to(place) for place in places))


def _tighten(folder: Path) -> None:
    """What is agentflow's and its user's is open to nobody else, but for a place that others were meant to use."""
    found, home = folder.lstat(), Path(os.path.expanduser("~"))  # noqa: PTH111  a user without a home is no error here
    is_shared = bool(found.st_mode & stat.S_ISVTX) or folder in (home, *home.parents)
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if is_own and not is_shared and found.st_mode & 0o077:
        folder.chmod(stat.S_IMODE(found.st_mode) & ~0o077)


def is_alive(pid: int) -> bool:
    """Whether a process of this number exists, anybody's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
