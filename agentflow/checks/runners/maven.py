"""Maven: Surefire's and Failsafe's reports, which lie in the build's own folders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from agentflow.checks.runners import surefire
from agentflow.checks.runners.lines import calls
from agentflow.checks.runners.runner import Ended, Report, Runner
from agentflow.domain.evidence import Check, Obstacle

_REPORTS = ("target/surefire-reports/TEST-*.xml", "target/failsafe-reports/TEST-*.xml")
_SOURCES = ("src/test/java", "src/test/kotlin", "src/test/groovy", "src/test/scala", "src/it/java")


def _detect(folder: Path) -> Iterator[Check]:
    if (folder / "pom.xml").is_file():
        program = "./mvnw" if (folder / "mvnw").is_file() else "mvn"
        yield Check(f"{program} -B -ntp test", "pom.xml")


def _read(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    return surefire.read(folder, worktree, _REPORTS, _SOURCES)


def _obstacle(ended: Ended) -> Obstacle | None:
    output = ended.output
    if (
        "JAVA_HOME environment variable is not defined" in output
        or "No compiler is provided in this environment" in output
    ):
        return Obstacle("there is no Java development kit")
    if found := re.search(r"(?:invalid target release|release version \S+ not supported)[^\n]*", output):
        return Obstacle(f"the Java version does not fit: {found[0]}")
    if re.search(
        r"Could not resolve dependencies|could not be resolved|Could not transfer artifact|Non-resolvable", output
    ):
        return Obstacle("Maven cannot get the dependencies or plugins")
    return None


RUNNER = Runner(
    name="maven",
    detect=_detect,
    runs=calls("mvn", "mvnw", "mvnd"),
    reporting=surefire.mark,
    read=_read,
    ran_nothing=lambda ended: "No tests to run" in ended.output or "No tests were executed" in ended.output,
    obstacle=_obstacle,
)
