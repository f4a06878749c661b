"""That the hooks still do what `benchmarks/hooks.py` measures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_the_hooks_do_what_is_measured():
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "hooks.py")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("x python -c pass") == 5
