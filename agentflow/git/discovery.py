"""Which git directory git would work with: found as git finds it, but without starting it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from agentflow.config.reading import read_file

#: Git reads no more of a file that leads to a git directory.
_POINTER_BYTES = 1 << 20


def git_dirs(cwd: Path, env: Mapping[str, str]) -> tuple[Path, Path] | None:
    """The git directory that git would work with here, and the one it shares with others; None outside of any."""
    return next(repositories(cwd, env), None)


def repositories(cwd: Path, env: Mapping[str, str]) -> Iterator[tuple[Path, Path]]:
    """Both of every repository that the folder lies in, the nearest first; of GIT_DIR alone where that is given."""
    given = env.get("GIT_DIR")
    for own in [Path(cwd, given)] if given else _found(cwd):
        shared = env.get("GIT_COMMON_DIR") or _path_in(own / "commondir")
        yield own, (own / shared).resolve() if shared else own


def _found(cwd: Path) -> Iterator[Path]:
    for folder in (cwd, *cwd.parents):
        place = folder / ".git"
        if place.is_file():
            yield (folder / _path_in(place, "gitdir: ")).resolve()
        elif place.is_dir():
            yield place
        if (folder / "HEAD").exists() and ((folder / "commondir").exists() or (folder / "objects").exists()):
            yield folder


def _path_in(path: Path, prefix: str = "") -> str:
    """The path that a file leads to, cut as git cuts it."""
    try:
        content = read_file(path, most=_POINTER_BYTES).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
    return content.removeprefix(prefix).partition("\0")[0].rstrip("\r\n")
