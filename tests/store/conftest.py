from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.store.ledger import Ledger, open_ledger
from agentflow.store.records import RunRecord


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with open_ledger(path) as opened:
        yield opened


@pytest.fixture
def a_run() -> Callable[..., RunRecord]:
    """Makes a run record; every field can be chosen."""

    def make(run_id: str = "run-1", **fields: Any) -> RunRecord:
        defaults = {
            "repo_root": Path("/repo"),
            "common_dir": Path("/repo/.git"),
            "goal": "refactor auth",
            "status": RunStatus.RUNNING,
            "base": "b" * 40,
            "branch": f"agentflow/{run_id}",
            "created_at": 1000.0,
        }
        return RunRecord(id=run_id, **{**defaults, **fields})

    return make
