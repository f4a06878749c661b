"""tox and nox: they make an environment and run pytest, or something else, in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from agentflow.checks.runners.files import first_section, ini_sections, table, toml_of
from agentflow.checks.runners.lines import calls
from agentflow.checks.runners.runner import Ended, Invocation, Runner
from agentflow.domain.evidence import Check, Obstacle

#: What reports need: pytest's options, and the interpreter's shim.
_HANDED_ON = "PYTEST_*,AGENTFLOW_*,PYTHONPATH"


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
    """Tox hands on only what it is told to, and has to be told for each section that says so itself. Needs tox 4.

    Nox hands on everything.
    """
    own = invocation.env.get("TOX_OVERRIDE", "")
    told = (f"{section}.pass_env+={_HANDED_ON}" for section in _sections(invocation.worktree))
    override = ";".join(filter(None, (own, *told)))
    return replace(invocation, env={**invocation.env, "TOX_OVERRIDE": override})


def _sections(root: Path) -> Iterator[str]:
    """Where tox may find an environment's settings, in each of its formats."""
    yield from ("testenv", "env_run_base", "tool.tox.env_run_base")
    for name in ("tox.ini", "setup.cfg"):
        for section, settings in ini_sections(root / name).items():
            if section.startswith("testenv:") and {"pass_env", "passenv"}.intersection(settings):
                yield section.replace(".", r"\.")
    for start, data in (
        ("env", table(toml_of(root / "tox.toml"), "env")),
        ("tool.tox.env", table(toml_of(root / "pyproject.toml"), "tool", "tox", "env")),
    ):
        names = (name.replace(".", r"\.") for name in data if "pass_env" in table(data, name))
        yield from (f"{start}.{name}" for name in names)


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
