"""Small repositories with real checks, and an environment in which they run."""

import asyncio
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from types import SimpleNamespace

import pytest

from agentflow.checks.environment import check_environment
from agentflow.checks.run import run_check
from agentflow.domain.evidence import Check, CheckResult

PYTEST = "python -m pytest -q"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes files of a repository at `tmp_path / "repo"` and returns its root."""
    root = tmp_path / "repo"

    def write_files(files: dict[str, str]) -> Path:
        root.mkdir(exist_ok=True)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    return write_files


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
def python_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python` is the interpreter that runs these tests, so its pytest is there too."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


@pytest.fixture
def repo(write: Callable[..., Path], logs: Path, python_on_path: None) -> SimpleNamespace:
    """`repo.write(files)`, then `repo.check(command)` runs a check in it for real."""
    root = write({})

    def check(
        command: str = PYTEST, *, timeout_s: float = 60, retry: bool = True, known: Collection[str] = (), **env: str
    ) -> CheckResult:
        environment = {**check_environment(root, root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **env}
        chosen = Check(command, timeout_s=timeout_s)
        return asyncio.run(run_check(chosen, root, environment, logs / "log", retry=retry, known_failures=known))

    return SimpleNamespace(root=root, write=write, check=check, logs=logs)
