"""unittest of Python's library, reported by the interpreter's shim."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from agentflow.checks.runners.files import interpreter
from agentflow.checks.runners.python_projects import UNITTEST_MARK, test_module
from agentflow.checks.runners.runner import Ended, Invocation, Report, Runner
from agentflow.checks.runners.sealed import read_sealed, sealed
from agentflow.domain.evidence import Check, Obstacle

_FOLDERS = ("tests", "test")
_STARTS = re.compile(r"-m unittest(?:\s|$)")
_DISCOVERS = re.compile(r"(?P<start>[^;&|<>$`]*-m unittest) discover(?P<options>[^;&|<>$`]*)")


def detect(root: Path) -> Iterator[Check]:
    source = test_module(root, UNITTEST_MARK)
    if source:
        folder = source.partition("/")[0] if "/" in source else ""
        start = f" -s {folder}" if folder in _FOLDERS and not (root / folder / "__init__.py").exists() else ""
        yield Check(f"{interpreter(root)} -m unittest discover{start}", source)


def runs(command: str, worktree: Path) -> bool:  # noqa: ARG001  the seam's signature
    return bool(_STARTS.search(command))


def reporting(invocation: Invocation, folder: Path) -> Invocation:
    return sealed(invocation, folder)


def read(folder: Path, worktree: Path, ended: Ended) -> Report | None:  # noqa: ARG001  the seam's signature
    return read_sealed(folder, ended)


def ran_nothing(ended: Ended) -> bool:
    """Before Python 3.12 it exits 0."""
    return bool(re.search(r"^(?:Ran 0 tests in|NO TESTS RAN)", ended.output, re.MULTILINE)) and not re.search(
        r"^Ran [1-9]\d* tests? in", ended.output, re.MULTILINE
    )


def obstacle(ended: Ended) -> Obstacle | None:
    missing = re.search(r"(?:^|[\s:])(python[\d.]*): (?:command )?not found", ended.output)
    return Obstacle(f"{missing[1]} is not there") if ended.exit_code == 127 and missing else None


def narrowed(command: str, files: Iterable[str]) -> str | None:
    """One discovery for each file where the line discovers, else the files by name."""
    if found := _DISCOVERS.fullmatch(command.strip()):
        return " && ".join(_discovery(found["start"], found["options"], file) for file in files) or None
    found = re.fullmatch(r"([^;&|<>$`]*-m unittest)((?: -\w+| --\w+)*)(?: [\w./ ]+)?", command.strip())
    return shlex.join([*shlex.split(found[1] + found[2]), *files]) if found else None


def _discovery(start: str, options: str, file: str) -> str:
    words = shlex.split(options)
    pattern = shlex.quote(posixpath.basename(file))
    if not any(word in {"-s", "--start-directory"} for word in words):
        words += ["-s", posixpath.dirname(file) or "."]
        words += ["-t", "."] if "/" in file and not {"-t", "--top-level-directory"} & set(words) else []
    return f"{start} discover {shlex.join(words)} -p {pattern}"


UNITTEST = Runner("unittest", detect, runs, reporting, read, ran_nothing, obstacle, narrowed)
