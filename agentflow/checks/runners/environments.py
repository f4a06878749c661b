"""tox and nox: they make an environment and run pytest, or something else, in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from agentflow.checks.runners.files import first_section, table, toml_of
from agentflow.checks.runners.lines import calls
from agentflow.checks.runners.runner import Ended, Invocation, Runner
from agentflow.domain.evidence import Check, Obstacle


def _detect_tox(folder: Path) -> Iterator[Check]:
    source = first_section(folder, ("tox.ini", "setup.cfg"), ("tox", "testenv", "tox:tox"))
    if (folder / "tox.toml").is_file():
        source = "tox.toml"
    elif not source and table(toml_of(folder / "pyproject.toml"), "tool", "tox"):
        source = "pyproject.toml [tool.tox]"
    if source:
        yield Check("tox", source)


def _detect_nox(folder: Path) -> Iterator[Check]:
    if (folder / "noxfile.py").is_file():
        yield Check("nox", "noxfile.py")


def _let_through(invocation: Invocation, _folder: Path) -> Invocation:
    """Tox hands on only what it is told to; nox hands on everything. Needs tox 4."""
    own = invocation.env.get("TOX_OVERRIDE", "")
    override = ";".join(filter(None, (own, "testenv.pass_env+=PYTEST_*")))
    return replace(invocation, env={**invocation.env, "TOX_OVERRIDE": override})


def _tox_obstacle(ended: Ended) -> Obstacle | None:
    if found := re.search(
        r"(\S+): (?:failed with|skipped because) could not find python interpreter[^\n]*", ended.output
    ):
        return Obstacle(f"the Python that tox wants is not installed (environment {found[1]})")
    return _install_obstacle(ended, "tox")


def _nox_obstacle(ended: Ended) -> Obstacle | None:
    if found := re.search(r"(?:Python interpreter|Interpreter) (\S+) not found", ended.output):
        return Obstacle(f"the Python that nox wants is not installed ({found[1]})")
    return _install_obstacle(ended, "nox")


def _install_obstacle(ended: Ended, name: str) -> Obstacle | None:
    if re.search(
        r"No matching distribution found|Could not find a version that satisfies|Failed to fetch: ", ended.output
    ):
        return Obstacle(f"{name} cannot install what its environment needs")
    return None


TOX = Runner(name="tox", detect=_detect_tox, runs=calls("tox"), reporting=_let_through, obstacle=_tox_obstacle)
NOX = Runner(
    name="nox",
    detect=_detect_nox,
    runs=calls("nox"),
    ran_nothing=lambda ended: " skipped: " in ended.output and "was successful" not in ended.output,
    obstacle=_nox_obstacle,
)
