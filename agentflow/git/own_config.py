"""What a repository itself configures, and the settings that put its programs out of action.

Its files are read again as soon as one of them changes, before the next git command is given; the user's own settings,
for all their repositories, are the user's choice and hold.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agentflow.errors import EnvironmentError_
from agentflow.git.discovery import repositories
from agentflow.git.programs import is_file_name, is_foreign_filter, is_include, neutral

#: Includes that one repository may have, and programs that it may name: git is given a setting for each.
_MOST_FILES = 64
_MOST_PROGRAMS = 1000

#: Given git's words, the NUL-terminated fields of its answer.
Ask = Callable[[Sequence[str]], tuple[str, ...]]
Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that the repository's own configuration gives. git lists names with section and key in lower case."""

    file: Path
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class OwnConfig:
    """All settings, in git's order; includes are followed, be their condition met or not.

    `given`: what git is told so that it starts none of the programs that `settings` name. `stamps`: by file, what it
    was when it was read; a missing one has an empty stamp.
    """

    settings: tuple[Setting, ...]
    given: tuple[tuple[str, str], ...]
    stamps: Mapping[Path, Stamp]

    @property
    def foreign_filters(self) -> tuple[Setting, ...]:
        """Programs other than git-lfs that the content of files would go through."""
        return tuple(one for one in self.settings if is_foreign_filter(one.name, one.value))

    @property
    def arming(self) -> tuple[Setting, ...]:
        """What names a program or more configuration, for whatever git will read it next."""
        return tuple(one for one in self.settings if is_include(one.name) or _names_program(one))


_NONE = OwnConfig((), (), {})
_known: dict[tuple[Path, ...], OwnConfig] = {}
_files: dict[Path, tuple[Stamp, tuple[str, ...]]] = {}


def own_config(cwd: Path, env: Mapping[str, str], ask: Ask) -> OwnConfig:
    """The configuration of the repository that git works in, by its folder and variables.

    What is given counts for the repositories around it as well: git goes on to those where it finds this one invalid.
    Raises EnvironmentError_ where a file cannot be read as configuration, or names more than any honest one would.
    """
    found = [_current(tuple(dict.fromkeys(_files_of(*dirs))), ask) for dirs in repositories(cwd, env)]
    if len(found) < 2:
        return found[0] if found else _NONE
    return replace(found[0], given=tuple(given for one in reversed(found) for given in one.given))


def _files_of(own: Path, common: Path) -> Iterator[Path]:
    yield from (common / "config", common / "config.worktree", own / "config.worktree")


def _current(roots: tuple[Path, ...], ask: Ask) -> OwnConfig:
    known = _known.get(roots)
    if known is None or any(_stamp(path) != stamp for path, stamp in known.stamps.items()):
        known = _known[roots] = _read(roots, ask)
    return known


def _read(roots: Sequence[Path], ask: Ask) -> OwnConfig:
    stamps: dict[Path, Stamp] = {}
    found = [one for path in roots for one in _settings(path, ask, stamps)]
    programs = {one.name: put for one in found if (put := _instead(one)) is not None}
    if len(programs) > _MOST_PROGRAMS:
        raise EnvironmentError_(
            f"{roots[0]} names {len(programs)} programs", hint="look at it: no repository needs that"
        )
    given = tuple(_given(programs, ask)) if programs else ()
    return OwnConfig(tuple(found), given, stamps)


def _instead(setting: Setting) -> str | None:
    """What stands for this setting; None where it may stand, as git-lfs's own words may."""
    if is_file_name(setting.name):
        return None if _is_plain(setting) else os.devnull
    if setting.name.startswith("filter.") and not is_foreign_filter(setting.name, setting.value):
        return None
    return neutral(setting.name)


def _is_plain(setting: Setting) -> bool:
    """Whether a file is one, or missing. A relative name is one from the top of the checkout."""
    found = _led_to(setting.file.parent, setting.value)
    return not found.exists() or found.is_file()


def _names_program(setting: Setting) -> bool:
    """Not where the value only switches something, as `core.fsmonitor` and `submodule.<name>.update` allow."""
    if setting.value in {"", "true", "false"} or is_file_name(setting.name) or _instead(setting) is None:
        return False
    return not setting.name.startswith("submodule.") or setting.value.startswith("!")


def _settings(path: Path, ask: Ask, stamps: dict[Path, Stamp]) -> Iterator[Setting]:
    """All that a file says, and what it includes where it does; each file once."""
    if path in stamps:
        return
    if len(stamps) >= _MOST_FILES:
        raise EnvironmentError_(f"{path} is one of more than {_MOST_FILES} files of git configuration")
    # Taken first: a file that changes while it is read is read again.
    stamps[path] = _stamp(path)
    if not stamps[path]:
        return
    for entry in _listed(path, stamps[path], ask):
        name, _, value = entry.partition("\n")
        yield Setting(path, name, value)
        if is_include(name) and value:
            yield from _settings(_led_to(path, value), ask, stamps)


def _listed(path: Path, stamp: Stamp, ask: Ask) -> tuple[str, ...]:
    """What a file says; worktrees share most of theirs, so that each is read once as it is."""
    known = _files.get(path)
    if known is None or known[0] != stamp:
        known = _files[path] = stamp, ask(("config", "--file", str(path), "--no-includes", "--list", "-z"))
    return known[1]


def _led_to(path: Path, value: str) -> Path:
    return Path(os.path.normpath(path.parent / os.path.expanduser(value)))  # noqa: PTH111  `~nobody` is let stand


def _stamp(path: Path) -> Stamp:
    """What tells one state of a file from another. Raises EnvironmentError_ for what is there and no file."""
    try:
        found = path.stat()
    except OSError:
        return ()
    if not stat.S_ISREG(found.st_mode):
        raise EnvironmentError_(
            f"{path} should hold git configuration and is no file", hint="look at it, and remove it"
        )
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _given(programs: Mapping[str, str], ask: Ask) -> Iterator[tuple[str, str]]:
    """Instead of each program, the user's own values of that setting, or else what starts nothing."""
    listed = ask(("config", "--list", "--show-scope", "-z"))
    entries = [
        (name, value)
        for scope, entry in zip(listed[::2], listed[1::2], strict=True)
        for name, _, value in (entry.partition("\n"),)
        if scope in {"system", "global"}
    ]
    for name, instead in programs.items():
        if not _is_helper(name):
            users = [value for known, value in entries if known == name]
            yield from ((name, value) for value in users or [instead])
    if any(map(_is_helper, programs)):  # an empty one ends the list of those before it
        yield "credential.helper", ""
        yield from (entry for entry in entries if _is_helper(entry[0]))
    for name in sorted({f"{name.rpartition('.')[0]}.required" for name in programs if name.startswith("filter.")}):
        yield name, dict(entries).get(name, "false")


def _is_helper(name: str) -> bool:
    return name.startswith("credential.") and name.endswith(".helper")
