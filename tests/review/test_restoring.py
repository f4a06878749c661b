from __future__ import annotations

import pytest

from agentflow.review.restoring import restored, restored_code
from agentflow.review.showing import shown_line

#: Lines of code with what is shown written out: emoji of several parts, marks of direction, frames, controls.
LINES = [
    'say("⚠️ careful")',
    'say("👩‍💻 at work")',
    "name = '\u202eevil'",
    "html = '<untrusted>' + '</UNTRUSTED >'",
    "bell = '\x07'",
    "flag = '🏴\U000e0067\U000e007f'",
]


@pytest.mark.parametrize("line", LINES)
def test_a_suggestion_made_of_what_was_shown_has_the_characters_of_the_file(line):
    seen = shown_line(line)
    assert seen != line
    assert restored_code(f"{seen}  # mended", [line], LINES) == f"{line}  # mended"
    assert restored(seen, ["x = 1"], LINES) == line


@pytest.mark.parametrize("line", [r'say("\ufe0f")', r"bell = '\x07'", r"html = '<\untrusted>'"])
def test_what_the_code_itself_spells_that_way_stays(line):
    assert restored_code(line, [line], [line, *LINES]) == line


def test_what_nothing_in_the_file_holds_is_a_programmers_escape():
    assert restored_code(r"x = '\u200b'", ["x = ''"], ["x = ''"]) == r"x = '\u200b'"


def test_a_suggestion_is_dropped_where_its_characters_cannot_be_told():
    both = "a = '⚠️' + '\\ufe0f'"
    assert restored_code(shown_line(both), [both], [both]) is None
    assert restored_code("x … 12 more characters, not shown", ["x"], ["x"]) is None
    assert restored_code("x", ["x" * 2001], ["x" * 2001]) is None
