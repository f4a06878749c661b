"""A Python module that is not there: one that set-up would bring, or a mistake in the code?"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from agentflow.checks.runners.files import text_of, walk
from agentflow.domain.evidence import Obstacle
from agentflow.domain.globs import ignore_patterns

_MISSING = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")
_NO_RUNNER = re.compile(r"^\S*python[\d.]*: No module named '?([\w.]+)'?", re.MULTILINE)
_LIBRARY = re.compile(r"ImportError: (\S+): cannot open shared object file")
#: In the standard library once, and gone since Python 3.12 or 3.13.
_GONE = frozenset(
    {"distutils", "imp", "asyncore", "asynchat", "smtpd", "cgi", "telnetlib", "pipes", "crypt", "nntplib"}
)
_SOURCES = (".pyx", ".c", ".cc", ".cpp", ".pyi", ".rs")
_BUILDS = ("Cargo.toml", "meson.build", "CMakeLists.txt", "setup.py")


def is_concerned(output: str) -> bool:
    """Whether Python says that it could not import something: then `obstacle` has the last word."""
    return any(pattern.search(output) for pattern in (_NO_RUNNER, _LIBRARY, _MISSING))


def obstacle(output: str, worktree: Path | None) -> Obstacle | None:
    """What keeps Python from importing; None for a module that the repository's own code should have."""
    if found := _LIBRARY.search(output):
        return Obstacle(f"the system library {found[1]} is not installed")
    runners, modules = _NO_RUNNER.findall(output), _MISSING.findall(output)
    if worktree and not runners and not _has_dependencies(worktree):
        modules = [module for module in modules if _is_pythons(module) or list(_homes(_top(module), worktree))]
    sentences = (_why(module, worktree) for module in dict.fromkeys((*runners, *modules)))
    return next((Obstacle(sentence) for sentence in sentences if sentence), None)


def _has_dependencies(worktree: Path) -> bool:
    """Whether a project says what it needs; where none does, a module that is not there is still to be written."""
    named = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "noxfile.py", "Pipfile", "environment.y*ml")
    patterns = (*named, "*requirements*.txt", "requirements/*.txt")
    return any(found for pattern in patterns for found in (*worktree.glob(pattern), *worktree.glob(f"*/{pattern}")))


def _is_pythons(module: str) -> bool:
    return _top(module) in _GONE or _top(module) in sys.stdlib_module_names


def _top(module: str) -> str:
    return module.partition(".")[0]


def _why(module: str, worktree: Path | None) -> str:
    top = _top(module)
    if top in _GONE:
        return f"Python is too new, or setuptools is missing: it has no module {top}"
    if top in sys.stdlib_module_names:
        return f"Python is too old: it has no module {top}"
    homes = list(_homes(top, worktree)) if worktree else []
    if worktree and homes:
        return _made_by_build(module, homes, worktree)
    return f"the Python module {top} is not installed"


def _homes(top: str, worktree: Path) -> Iterator[Path]:
    """Where the repository itself keeps a module of this name: its folder, or its file."""
    for folder, files in walk(worktree):
        if f"{top}.py" in files:
            yield folder / f"{top}.py"
        if folder.name == top and any(name.endswith(".py") for name in files):
            yield folder


def _made_by_build(module: str, homes: list[Path], worktree: Path) -> str:
    """A sentence, where the missing part of a package is generated or compiled; else empty."""
    inner = module.split(".")[1:]
    if not inner:
        return ""
    ignored = ignore_patterns(text_of(worktree / ".gitignore").splitlines())
    for home in homes:
        path = home.joinpath(*inner).relative_to(worktree).as_posix()
        if ignored.match_file(f"{path}.py"):
            return f"{path}.py is missing: a build generates it, and git ignores it"
        if _is_compiled(home.joinpath(*inner), worktree):
            return f"{module} is missing: a build compiles it"
    return ""


def _is_compiled(place: Path, worktree: Path) -> bool:
    name = place.name
    beside = any(place.with_suffix(ending).is_file() for ending in _SOURCES)
    is_private = name.startswith("_") and any((worktree / build).is_file() for build in _BUILDS[:3])
    return beside or is_private
