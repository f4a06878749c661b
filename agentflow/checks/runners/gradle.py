"""Gradle: its test tasks' reports, which lie in the build's own folders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from agentflow.checks.runners import surefire
from agentflow.checks.runners.files import first_file
from agentflow.checks.runners.lines import calls
from agentflow.checks.runners.runner import Ended, Report, Runner
from agentflow.domain.evidence import Check, Obstacle

_BUILDS = ("settings.gradle.kts", "settings.gradle", "build.gradle.kts", "build.gradle")
_SOURCES = ("src/test/java", "src/test/kotlin", "src/test/groovy", "src/test/scala", "src/integrationTest/java")


def _detect(folder: Path) -> Iterator[Check]:
    if source := first_file(folder, *_BUILDS):
        yield Check("./gradlew test" if (folder / "gradlew").is_file() else "gradle test", source)


def _read(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    return surefire.read(folder, worktree, ("build/test-results/*/TEST-*.xml",), _SOURCES)


def _obstacle(ended: Ended) -> Obstacle | None:
    output = ended.output
    if "JAVA_HOME is not set" in output or "does not provide the required capabilities: [JAVA_COMPILER]" in output:
        return Obstacle("there is no Java development kit")
    if found := re.search(r"Unsupported class file major version \d+|No matching toolchains? found[^\n]*", output):
        return Obstacle(f"the Java version does not fit: {found[0]}")
    if re.search(r"Could not resolve (?:all|org|com|\S+:)|Exception in thread \"main\" java\.net\.", output):
        return Obstacle("Gradle cannot get itself, its plugins or the dependencies")
    return None


RUNNER = Runner(
    name="gradle",
    detect=_detect,
    runs=calls("gradle", "gradlew"),
    reporting=surefire.mark,
    read=_read,
    ran_nothing=lambda ended: bool(re.search(r"Task :\S*test\S* NO-SOURCE", ended.output)),
    obstacle=_obstacle,
)
