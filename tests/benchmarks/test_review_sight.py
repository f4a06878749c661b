"""The benchmark of what reviewers are shown: its tables, and its count on a small repository."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
TABLES = {
    file.stem: tomllib.loads(file.read_text(encoding="utf-8"))["fix"] for file in (FOLDER / "sight").glob("*.toml")
}
WRONG = "from limits import MOST\n\n\ndef take(n):\n    return n < MOST + 1\n"
#: Longer than what is shown around a change.
LIMITS = "\n" * 60 + "MOST = 10  # itself allowed\n"
ENTRY = """\
[[fix]]
repository = "ada/half"
commit = "{commit}"
defect = "One too many."
facts = [{facts}]
"""


def test_the_tables_hold_many_fixes_of_many_packages_and_languages():
    fixes = [fix for table in TABLES.values() for fix in table]
    assert len(fixes) >= 60
    assert len({fix["repository"] for fix in fixes}) >= 15
    assert len(TABLES) >= 6
    assert len({(fix["repository"], fix["commit"]) for fix in fixes}) == len(fixes)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_fix_says_what_is_wrong_without_it_and_on_which_lines_that_rests(table):
    for fix in TABLES[table]:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", fix["repository"])
        assert re.fullmatch(r"[0-9a-f]{10}", fix["commit"])
        assert fix["defect"].endswith(".")
        needs = [need if isinstance(need, list) else [need] for need in fix["facts"]]
        assert needs
        assert [
            fact for need in needs for fact in need if not re.fullmatch(r"(-\S+|[^-\s]\S*:[1-9]\d*) \S.*", fact)
        ] == []


@pytest.fixture
def half(world):
    """A repository whose newest commit is a fix: what it takes is compared with a limit of another file."""
    root = world.repository({"take.py": WRONG, "limits.py": LIMITS, "test_take.py": ""}, "half")
    (root / "take.py").write_text(WRONG.replace("n < MOST + 1", "n <= MOST"))
    (root / "test_take.py").write_text("from take import take\n\nassert take(10.5) is False\n")
    world.git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qam", "Fix take")
    return root


def counted(world, root: Path, *facts: str | list[str]) -> subprocess.CompletedProcess[str]:
    tables = world.folder / "tables"
    tables.mkdir(exist_ok=True)
    listed = json.dumps(facts)[1:-1]
    commit = world.git(root, "rev-parse", "HEAD")[:10]
    (tables / "python.toml").write_text(ENTRY.format(commit=commit, facts=listed))
    command = [sys.executable, str(FOLDER / "review_sight.py"), str(world.folder / "clones"), "--tables", str(tables)]
    origin = ["--origin", str(world.folder / "{name}")]
    return subprocess.run([*command, *origin], env=world.env, capture_output=True, text=True, check=False, timeout=120)


def test_a_defect_counts_as_seen_when_all_its_lines_are_shown(world, half):
    done = counted(world, half, "take.py:1 import MOST", "take.py:5 MOST + 1")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^seen +\d+ tokens  ada/half@", done.stdout)
    assert "1 fixes of 1 packages" in done.stdout
    assert "100% seen (target 75%)" in done.stdout


def test_a_line_that_no_reviewer_is_shown_is_told_with_its_defect(world, half):
    done = counted(world, half, "take.py:5 MOST + 1", "test_take.py:3 take(10.5)")
    assert (done.returncode, done.stderr) == (0, "")
    assert "0% seen (target 75%)" in done.stdout
    assert re.search(
        r"^- ada/half@\w+: One too many. not shown: test_take.py:3 take\(10.5\)$", done.stdout, re.MULTILINE
    )


def test_a_fact_that_does_not_stand_in_the_code_without_the_fix_is_an_error(world, half):
    done = counted(world, half, "take.py:5 n <= MOST")
    assert done.returncode == 1
    assert "does not stand there: take.py:5 n <= MOST" in done.stderr


def test_of_several_lines_that_say_the_same_one_is_enough(world, half):
    facts = "take.py:5 MOST + 1", ["test_take.py:3 take(10.5)", "take.py:4 def take"]
    done = counted(world, half, *facts)
    assert (done.returncode, done.stderr) == (0, "")
    assert "100% seen (target 75%)" in done.stdout


def test_what_a_removed_line_tells_counts_in_a_column_of_its_own(world, half):
    done = counted(world, half, "take.py:5 MOST + 1", ["test_take.py:3 take(10.5)", "-take.py n <= MOST"])
    assert (done.returncode, done.stderr) == (0, "")
    fixes, alone, share, with_removed, *_ = re.search(r"^all +(.*)$", done.stdout, re.MULTILINE)[1].split()
    assert (fixes, alone, share, with_removed) == ("1", "0", "0%", "1")
