"""Changes to a repository's files: shown before they are made, made as a whole or not at all."""

from __future__ import annotations

import contextlib
import difflib
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agentflow.config.reading import read_file
from agentflow.errors import EnvironmentError_


@dataclass(frozen=True, slots=True)
class Change:
    """One file, by its path below the root, before and after; None where there is no file."""

    path: str
    before: bytes | None
    after: bytes | None

    @property
    def word(self) -> str:
        """What happens to the file."""
        return "created" if self.before is None else "removed" if self.after is None else "changed"

    @property
    def diff(self) -> str:
        """The change as a patch, for people."""
        old, new = (os.devnull if content is None else self.path for content in (self.before, self.after))
        return "\n".join(difflib.unified_diff(_lines(self.before), _lines(self.after), old, new, lineterm=""))


def read(root: Path, path: str) -> bytes | None:
    """A file's content, None when there is none.

    Raises EnvironmentError_ for what cannot be read, is no file, or lies outside the root behind a symlink.
    """
    place = _place(root, path)
    try:
        return read_file(place)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnvironmentError_(f"cannot read {path}: {error.strerror}") from error


def make(root: Path, changes: Sequence[Change]) -> None:
    """Make all changes, or none. Folders come with their files, and go when they are left empty.

    Raises EnvironmentError_ when that cannot be; then everything is as it was before.
    """
    for change in changes:
        _require_writable(_place(root, change.path), change.path)
    done: list[Change] = []
    folders: list[Path] = []
    try:
        for change in changes:
            folders += _make_folders(_place(root, change.path).parent)
            _write(_place(root, change.path), change.after)
            done.append(change)
    except OSError as error:
        for change in reversed(done):
            _write(_place(root, change.path), change.before)
        _remove_empty(reversed(folders))
        raise EnvironmentError_(f"cannot write {error.filename}: {error.strerror}; nothing was changed") from error
    _remove_empty(folder for change in changes if change.after is None for folder in _folders(root, change.path))


def _folders(root: Path, path: str) -> Iterator[Path]:
    """The folders that a file lies in, innermost first, without the root."""
    return (root / parent for parent in PurePosixPath(path).parents if parent.name)


def _place(root: Path, path: str) -> Path:
    """Where the file really is. A link may lead elsewhere in the repository, so that it stays a link."""
    place = (root / path).resolve()
    if not place.is_relative_to(root.resolve()):
        raise EnvironmentError_(f"{path} leads out of the repository, to {place}", hint="change that file by hand")
    return place


def _require_writable(place: Path, path: str) -> None:
    """Before anything is written; for root too, who could write it all the same."""
    nearest = next(folder for folder in (place, *place.parents) if folder.exists())
    mode = nearest.stat().st_mode
    if nearest != place and not stat.S_ISDIR(mode):
        raise EnvironmentError_(f"{path} cannot be made: {nearest} is a file", hint="move it away")
    for there in {nearest, nearest if nearest != place else place.parent}:
        if not there.stat().st_mode & stat.S_IWUSR or not os.access(there, os.W_OK):
            raise EnvironmentError_(f"{path} is read-only", hint=f"make it writable: chmod u+w {there}")


def _make_folders(folder: Path) -> list[Path]:
    """The folders that had to be made, outermost first."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _write(place: Path, content: bytes | None) -> None:
    """Whole or not at all: beside the file first, then in its place, with its permissions."""
    if content is None:
        place.unlink(missing_ok=True)
        return
    mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, mode)  # noqa: PTH101  the name is mkstemp's
        Path(name).replace(place)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _remove_empty(folders: Iterator[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "replace").splitlines()
