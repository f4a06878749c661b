"""The benchmark on real repositories: its table, and its verdicts on two small ones."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "repositories"
WRONG, RIGHT = "def half(n):\n    return n // 2\n", "def half(n):\n    return n / 2\n"
TEST = "from half import half\n\nassert half(3) == 1.5\n"
ENTRY = """\
[{name}]
repository = "ada/{name}"
shape = "make"
fix = "main"
files = ["half.py"]
prepare = ["touch prepared"]
needed = "nothing"
"""


def origin(world, name: str, check: str) -> None:
    """A repository with a fix in its history, and a test of it."""
    makefile = f"test:\n\t{check}\n"
    root = world.repository({"half.py": WRONG, "check.py": "", "Makefile": makefile, ".gitignore": "prepared\n"}, name)
    (root / "half.py").write_text(RIGHT)
    (root / "check.py").write_text(TEST)
    world.git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qam", "Halve odd numbers")


def benchmark(world, *words: str) -> subprocess.CompletedProcess[str]:
    known, clones = world.folder / "known.toml", world.folder / "clones"
    command = [sys.executable, str(FOLDER), str(clones), "--known", str(known), *words]
    return subprocess.run(command, env=world.env, capture_output=True, text=True, check=False, timeout=280)


def test_every_known_repository_says_where_it_is_from_and_what_its_fix_changes():
    table = tomllib.loads((FOLDER / "known.toml").read_text(encoding="utf-8"))
    wanted = {"repository", "shape", "fix", "files", "prepare"}
    assert [name for name, entry in table.items() if not wanted <= entry.keys() or not entry["files"]] == []
    assert len(table) >= 12


@pytest.mark.cli
@pytest.mark.long
def test_whatever_merges_a_module_that_raises_does_not_get_through(world):
    origin(world, "sound", "python3 check.py")
    origin(world, "blind", "python3 check.py || true")
    (world.folder / "known.toml").write_text(ENTRY.format(name="sound") + ENTRY.format(name="blind"))
    prepared = benchmark(world, "--prepare", "--origin", str(world.folder / "{name}"))
    assert prepared.returncode == 0, prepared.stdout + prepared.stderr
    assert (world.folder / "clones" / "sound" / "prepared").exists()

    tried = benchmark(world)
    assert tried.returncode == 1, tried.stderr
    sound, blind = (line for line in tried.stdout.splitlines() if line.startswith(("| sound", "| blind")))
    assert sound == "| sound | make | merged, proven | refused (checks_failed) | none | yes |"
    assert blind.endswith("| NO |")
    assert "MERGED" in blind
    assert "1 of 2 get through with no flag (50%; target 90%)" in tried.stdout
    assert "blind: needs not got through; recorded: nothing" in tried.stdout
    assert "sound: needs" not in tried.stdout
    assert "not the worktree's: a module that raises was merged" in tried.stdout
