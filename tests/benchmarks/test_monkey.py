"""A person's git acts between any two steps of a run, a few sequences of them; `make monkey` tries 300."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from agentflow.workflows import branch, finishing
from agentflow.workflows.orders import Met

_FILE = Path(__file__).parents[2] / "benchmarks" / "monkey.py"
_SPEC = importlib.util.spec_from_file_location("monkey", _FILE)
monkey = importlib.util.module_from_spec(_SPEC)
sys.modules["monkey"] = monkey
_SPEC.loader.exec_module(monkey)


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("AGENTFLOW_CONFIG_DIR", str(tmp_path))


@pytest.mark.parametrize("seed", range(7001, 7005))
def test_whatever_a_person_does_to_the_branch_nothing_that_landed_is_lost_unsaid(seed):
    outcome = monkey.sequence(seed)
    assert outcome.fault == "", outcome


def test_a_run_that_never_looks_at_its_branch_is_found_out(monkeypatch):
    async def nothing(context, head):
        await branch.follow(context, head)
        return Met(head)

    async def forget(context, head):
        return None

    monkeypatch.setattr(branch, "meet", nothing)
    monkeypatch.setattr(finishing, "meet_at_end", nothing)
    monkeypatch.setattr(finishing, "close", forget)
    assert any(monkey.sequence(seed).fault for seed in range(1000, 1006))
