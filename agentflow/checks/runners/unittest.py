"""unittest, which has no report for machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agentflow.checks.runners.files import interpreter
from agentflow.checks.runners.lines import calls
from agentflow.checks.runners.python_projects import UNITTEST_MARK, test_module
from agentflow.checks.runners.runner import Runner
from agentflow.domain.evidence import Check

_TEST_FOLDERS = ("tests", "test")


def _detect(root: Path) -> Iterator[Check]:
    source = test_module(root, UNITTEST_MARK)
    if source:
        folder = source.partition("/")[0] if "/" in source else ""
        start = f" -s {folder}" if folder in _TEST_FOLDERS and not (root / folder / "__init__.py").exists() else ""
        yield Check(f"{interpreter(root)} -m unittest discover{start}", source)


UNITTEST = Runner(
    name="unittest",
    detect=_detect,
    runs=calls("unittest"),
    ran_nothing=lambda ended: "ran 0 tests in" in ended.output.lower(),
)
