"""A package's own test script, whatever it starts (`npm test` and its cousins)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agentflow.checks.runners import node
from agentflow.checks.runners.lines import calls
from agentflow.checks.runners.package_scripts import manager_of, script_of
from agentflow.checks.runners.runner import Runner
from agentflow.domain.evidence import Check


def test_command(manager: str) -> str:
    """`bun test` would be bun's own runner."""
    return "bun run test" if manager == "bun" else f"{manager} test"


def _detect(folder: Path) -> Iterator[Check]:
    if script_of(folder):
        yield Check(test_command(manager_of(folder)), "package.json scripts.test")


RUNNER = Runner(
    name="package-script",
    detect=_detect,
    runs=calls("npm", "pnpm", "yarn", "bun", "npx"),
    obstacle=node.obstacle,
)
