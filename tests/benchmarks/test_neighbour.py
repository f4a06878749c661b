"""A run with a person at work beside it; the whole street is `make neighbour`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_a_run_ends_right_beside_a_person_who_prunes_collects_and_rewrites(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "neighbour.py"), "--runs", "1", "--times", "1"]
    done = subprocess.run([*command, "--subtasks", "3"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.endswith("all as it should be\n")
