"""SECURITY.md and the tests that hold its rows: neither speaks of what the other does not know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = re.findall(r"^\| ([TL]\d+) \|.*\| ([^|]*) \|$", (ROOT / "SECURITY.md").read_text(encoding="utf-8"), re.MULTILINE)


def marked(path):
    """The numbers that tests of a file name."""
    said = re.findall(r"pytest\.mark\.security\(([^)]*)\)", path.read_text(encoding="utf-8"))
    return {number for numbers in said for number in re.findall(r'"(\w+)"', numbers)}


def test_every_number_is_given_once_and_in_order():
    for kind in "TL":
        numbers = [number for number, _ in ROWS if number[0] == kind]
        assert numbers == [f"{kind}{n}" for n in range(1, len(numbers) + 1)]


@pytest.mark.parametrize(("number", "files"), ROWS, ids=[number for number, _ in ROWS])
def test_every_row_is_held_by_a_test_of_each_file_that_it_names(number, files):
    named = re.findall(r"`(tests/[\w/]+\.py)`", files)
    assert named
    assert [file for file in named if number not in marked(ROOT / file)] == []


def test_tests_name_only_rows_that_there_are():
    known = {number for number, _ in ROWS}
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    assert {path.name: sorted(odd) for path in tests if (odd := marked(path) - known)} == {}
