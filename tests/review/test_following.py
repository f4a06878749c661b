"""Of a finding that is not found again: what is left of its place, and whether it was read."""

from __future__ import annotations

import pytest

from agentflow.domain.reviews import Part
from agentflow.review.following import Rest, rest_of
from agentflow.review.identity import Read
from agentflow.review.source import Source

CODE = """\
import os

def first(items):
    check(items)
    return items[1]

def other(items):
    return items[1]
"""
WHOLE = (1, 50)


def rest(code, *spans, line=5):
    spot = Read(Source("a.py", tuple(CODE.splitlines()))).spot(line, line)
    now = Read(Source("a.py", tuple(code.splitlines())))
    return rest_of(spot, now, [Part("a.py", first, last, 1) for first, last in spans])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    check(items)\n    return items[1]", "    check(items)\n    return items[0]"),
        ("    check(items)\n    return items[1]\n", "    pass\n"),
        ("def first(items):\n    check(items)\n    return items[1]\n\ndef other(items):\n    return items[1]\n", ""),
    ],
)
def test_a_place_that_was_read_and_holds_other_text_is_gone(old, new):
    assert old in CODE
    assert rest(CODE.replace(old, new, 1), WHOLE) is Rest.GONE


@pytest.mark.parametrize(
    ("old", "new"), [("", ""), ("check(items)", "log(items)"), ("def first(items)", "def last(items)")]
)
def test_lines_that_are_still_there_are_never_called_gone(old, new):
    assert rest(CODE.replace(old, new, 1), WHOLE) is Rest.THERE


@pytest.mark.parametrize("code", [CODE, CODE.replace("check(items)\n    return items[1]", "pass", 1)])
def test_nothing_is_said_of_a_place_that_was_not_read(code):
    assert rest(code, (7, 8)) is Rest.UNREAD
    assert rest(code) is Rest.UNREAD


def test_outside_of_definitions_the_whole_file_counts():
    assert rest("import sys\n" + CODE.partition("\n")[2], (1, 3), line=1) is Rest.GONE
    assert rest("# More.\n" + CODE, (1, 3), line=1) is Rest.THERE
