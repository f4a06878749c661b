"""What a user installs is what is tested."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import typer
from click.testing import CliRunner

from agentflow.cli.app import app

ROOT = Path(__file__).parent.parent


def test_the_wheel_holds_agents_schemas_and_the_demo(tmp_path, world):
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
        (hook,) = (entry for entry in archive.infolist() if entry.filename.endswith(".data/scripts/agentflow-hook"))
        assert hook.external_attr >> 16 & 0o111
        assert archive.read(hook).startswith(b"#!python\nfrom agentflow.claude_code.hook import main\n")

    installed = {**world.env, "PYTHONPATH": str(tmp_path / "installed")}
    listed = subprocess.run(
        [sys.executable, "-P", "-m", "agentflow", "agents", "list"],
        check=False,
        env=installed,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert listed.returncode == 0, listed.stderr
    assert "planner" in listed.stdout
    holds = {path.name for path in (tmp_path / "installed" / "agentflow").rglob("*") if path.is_file()}
    assert {"execute.yaml", "run-1.json", "scenario.yaml", "repository.yaml", "py.typed"} <= holds
    assert {"sitecustomize.py", "agentflow_start.py", "agentflow_pytest.py"} <= holds
    assert {"plugin.json", "hooks.json", "run.md", "example_config.yaml"} <= holds


def test_importing_the_command_line_starts_nothing_heavy():
    heavy = "dbos claude_agent_sdk anthropic git sqlalchemy uvicorn starlette genai_prices jsonschema mcp pydantic"
    code = f"import sys, agentflow.cli.app; print([m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _documented() -> list[str]:
    """The commands that stand in code in the README, without what follows the first option or argument."""
    found = re.findall(r"`agentflow ([a-z]+(?: [a-z|\\]+)?)", (ROOT / "README.md").read_text())
    return sorted({f"{words.split()[0]} {part}".strip() for words in found for part in _parts(words)})


def _parts(words: str) -> list[str]:
    first, _, rest = words.partition(" ")
    return rest.replace("\\", "").split("|") if first in ("runs", "agents", "config", "replay") and rest else [""]


@pytest.mark.parametrize("words", _documented())
def test_every_command_in_the_readme_exists(words):
    result = CliRunner().invoke(typer.main.get_command(app), [*words.split(), "--help"])
    assert result.exit_code == 0, result.output


def test_every_option_in_the_readme_exists():
    row = next(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `agentflow run"))
    options = re.findall(r"`(--[a-z-]+)", row)
    helped = CliRunner().invoke(typer.main.get_command(app), ["run", "--help"]).output
    assert len(options) > 5
    assert [option for option in options if option not in helped] == []
