from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.domain.findings import Category, Finding, Severity
from agentflow.review.fingerprints import fingerprinted, former_fingerprints
from agentflow.review.identity import Read
from agentflow.review.source import Source

CODE = """\
import os

def last(items):
    if not items:
        return None
    return items[len(items)]

class Shelf:
    def first(self):
        if not self.items:
            return None
        log()
        return None
""".splitlines()

CLAIM = Finding(
    rule="off-by-one",
    title="Reads past the end",
    message="last([1]) raises IndexError.",
    file="a.py",
    line=6,
    end_line=None,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.9,
    evidence="return items[len(items)]",
)


#: What version 1 gave this claim.
FORMER = "1b611e1a818f49e89cf19ca03cec6b00"


def prints(*claims, lines=CODE):
    return fingerprinted(claims, {path: Read(Source(path, tuple(lines))) for path in ("a.py", "b.py")})


def test_a_fingerprint_is_32_hexadecimal_digits():
    assert re.fullmatch(r"[0-9a-f]{32}", prints(CLAIM)[0])


@pytest.mark.parametrize(
    "inserted", [[""], ["# more"], ["import sys"], ["def other():", "    return None"], ["x = [", "    1,", "]"]]
)
def test_inserting_forty_lines_above_keeps_it(inserted):
    above = (inserted * 40)[:40]
    for line in (3, 6, 11, 13):
        moved = replace(CLAIM, line=line + 40)
        assert prints(moved, lines=[CODE[0], *above, *CODE[1:]]) == prints(replace(CLAIM, line=line))


def test_forty_lines_in_the_same_function_keep_it():
    moved = replace(CLAIM, line=46)
    assert prints(moved, lines=[*CODE[:3], *["    log()"] * 40, *CODE[3:]]) == prints(CLAIM)


@pytest.mark.parametrize(
    "said",
    [
        {"title": "Index error"},
        {"message": "Boom."},
        {"rule": "index-error"},
        {"end_line": 7},
        {"severity": Severity.LOW},
        {"confidence": 0.1},
        {"evidence": "items[len(items)]"},
        {"suggestion": "pass"},
        {"category": Category.API},
    ],
)
def test_other_words_about_the_same_place_keep_it(said):
    assert prints(replace(CLAIM, **said)) == prints(CLAIM)


def test_another_indentation_keeps_it():
    deeper = [*CODE[:5], "      return  items[len(items)]", *CODE[6:]]
    assert prints(CLAIM, lines=deeper) == prints(CLAIM)


@pytest.mark.parametrize("other", [{"file": "b.py"}, {"line": 3}, {"line": 4}, {"rule": "dead-code"}])
def test_another_place_or_kind_has_another_one(other):
    assert prints(replace(CLAIM, **other)) != prints(CLAIM)


@pytest.mark.parametrize("head", ["def last(items) -> int | None:", "async def last(items, default=None):"])
def test_another_signature_keeps_it(head):
    assert prints(CLAIM, lines=[*CODE[:2], head, *CODE[3:]]) == prints(CLAIM)


def test_what_an_earlier_version_gave_is_known_under_any_category():
    former = former_fingerprints(CLAIM, Read(Source("a.py", tuple(CODE))))
    assert FORMER in former
    assert former == former_fingerprints(replace(CLAIM, category=Category.API), Read(Source("a.py", tuple(CODE))))


def test_equal_lines_in_different_functions_differ():
    one, other = prints(replace(CLAIM, line=5), replace(CLAIM, line=11))
    assert one != other


def test_equal_lines_in_one_function_differ_and_do_not_need_each_other():
    early, late = replace(CLAIM, line=11), replace(CLAIM, line=13)
    assert len({*prints(early, late)}) == 2
    assert prints(late) == prints(early, late)[1:]
    assert prints(late, early) == prints(early, late)[::-1]


def test_a_line_outside_of_definitions_is_not_renamed_by_equal_ones_inside_of_them():
    lines = ["log()", "def f():", "    log()", "log()"]
    before = prints(replace(CLAIM, line=4), lines=lines)
    assert before == prints(replace(CLAIM, line=5), lines=[*lines[:2], "    log()", *lines[2:]])
    assert before != prints(replace(CLAIM, line=1), lines=lines)


def test_two_findings_on_one_line_differ():
    one, other = prints(CLAIM, replace(CLAIM, rule="other"))
    assert one != other
    assert prints(replace(CLAIM, rule="other"), CLAIM) == (one, other)


def test_a_name_that_is_no_plain_text_has_one_too():
    path = "a\n\x1b\u202e.py"
    assert fingerprinted([replace(CLAIM, file=path)], {path: Read(Source(path, tuple(CODE)))})


@given(st.lists(st.integers(1, len(CODE)), max_size=30))
def test_no_two_findings_share_one(lines):
    found = prints(*(replace(CLAIM, line=line) for line in lines))
    assert len(set(found)) == len(lines)
