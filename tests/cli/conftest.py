"""A repository with one finished run, for the commands that only read the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.store.ledger import open_ledger
from agentflow.store.records import RunRecord


@pytest.fixture
def repository(world) -> Path:
    return world.repository({"a.py": "a = 1\n"})


@pytest.fixture
def ledger(world):
    with open_ledger(world.folder / "state" / "ledger.db") as opened:
        yield opened


@pytest.fixture
def a_run(repository) -> RunRecord:
    return RunRecord(
        id="20261123-100000-aaaa",
        repo_root=repository,
        common_dir=repository / ".git",
        goal="refactor \x1b[31mauth",
        status=RunStatus.SUCCEEDED,
        base="b" * 40,
        branch="agentflow/20261123-100000-aaaa",
        head="d" * 40,
        created_at=1000.0,
    )
