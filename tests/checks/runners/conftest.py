"""Shared with the other tests of checks: `repo.write(files)` and `repo.check(command)`."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from agentflow.checks.runners.runner import Ended, Report


@pytest.fixture
def needs():
    """`needs("cargo", "cc")` skips where a program is not installed."""

    def skip_without(*programs: str) -> None:
        for program in programs:
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")

    return skip_without


@pytest.fixture
def read(tmp_path: Path):
    """`read(RUNNER, {"a.xml": text}, {"tests/a.bats": ""})`: what a runner reads from a recorded report."""

    def from_files(runner, report: dict[str, str], files: dict[str, str] | None = None) -> Report | None:
        worktree, folder = tmp_path / "worktree", tmp_path / "report"
        for root, texts in ((folder, report), (worktree, files or {})):
            root.mkdir(exist_ok=True)
            for name, text in texts.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text.replace("{worktree}", str(worktree)))
        return runner.read(folder, worktree, Ended(1, "", worktree))

    return from_files


@pytest.fixture
def outcomes():
    """A report's tests as a dict, and its failures' messages."""

    def simple(report: Report | None) -> SimpleNamespace:
        assert report is not None
        tests = report.tests
        words = ("passed", "failed", "skipped", "xfailed")
        seen = {test: word for word in words for test in getattr(tests, word)}
        return SimpleNamespace(tests=seen, messages={failure.test: failure.message for failure in report.failures})

    return simple
