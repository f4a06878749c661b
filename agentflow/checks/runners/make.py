"""make: whatever its `test` target runs. Runners that it starts report by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from agentflow.checks.runners.files import first_file, text_of
from agentflow.checks.runners.lines import calls
from agentflow.checks.runners.runner import Ended, Runner
from agentflow.domain.evidence import Check, Obstacle


def _detect(folder: Path) -> Iterator[Check]:
    """GNU make reads the first of these files that exists."""
    name = first_file(folder, "GNUmakefile", "makefile", "Makefile")
    text = text_of(folder / name) if name else ""
    for target in ("test", "check"):
        if re.search(rf"^(?:[^\s:#=]+ +)*{target}(?: +[^\s:#=]+)* *::?(?!=)", text, re.MULTILINE):
            yield Check(f"make {target}", f"{name} target {target}")
            return


def _obstacle(ended: Ended) -> Obstacle | None:
    if found := re.search(r"make(?:\[\d+\])?: (\S+): No such file or directory", ended.output):
        return Obstacle(f"{found[1]} is not installed")
    return None


RUNNER = Runner(name="make", detect=_detect, runs=calls("make", "gmake"), obstacle=_obstacle)
