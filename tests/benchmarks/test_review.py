"""The benchmark of reviews, on a few files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.cli

ROOT = Path(__file__).parents[2]
SOURCE = "def mean(values):\n    return sum(values) / len(values)  # file {n}\n"


@pytest.mark.long
def test_both_sides_read_every_file_and_find_the_same(tmp_path):
    for n in range(3):
        (tmp_path / f"mean_{n}.py").write_text(SOURCE.format(n=n))
    command = [sys.executable, str(ROOT / "benchmarks" / "review.py"), "--source", str(tmp_path), "--delay", "0"]
    done = subprocess.run([*command, "--parallel", "2"], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "3 files, 1 findings" in done.stdout
    rows = dict(re.findall(r"^(\w+)\b.* (\d+\.\d{3})(?: |$)", done.stdout, re.MULTILINE))
    assert {"input", "bill", "wall", "memory", "processor", "requests"} <= rows.keys()
    assert all(float(ratio) > 0 for ratio in rows.values())
