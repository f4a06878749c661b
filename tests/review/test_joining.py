from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.domain.findings import Category, Finding, Severity
from agentflow.review.joining import Candidate, Group, apply_groups, join_repeats, neighbours
from agentflow.review.source import Source

CLAIM = Finding(
    rule="off-by-one",
    title="The loop reads past the end",
    message="last([1]) raises IndexError.",
    file="src/a.py",
    line=10,
    end_line=None,
    severity=Severity.MEDIUM,
    category=Category.BUG,
    confidence=0.7,
    evidence="return items[len(items)]",
)


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"line": 12},
        {"line": 8},
        {"line": 3, "end_line": 8},
        {"line": 3, "end_line": 30},
        {"title": "Wrong index", "category": Category.SECURITY},
        {"rule": "index-error", "title": "Loop reads past the END"},
        {"rule": "index-error", "category": Category.API},
    ],
)
def test_reports_of_one_defect_at_one_place_become_one(other):
    joined = join_repeats({"pack-1": [CLAIM], "pack-2": [replace(CLAIM, **other)]})
    assert [sorted(c.readers) for c in joined] == [["pack-1", "pack-2"]]


@pytest.mark.parametrize(
    "other",
    [
        {"file": "src/b.py"},
        {"line": 13},
        {"line": 3, "end_line": 7},
        {"rule": "index-error", "title": "The cache is never emptied"},
        {"rule": "index-error", "title": ""},
        {"title": "The cache is never emptied", "message": "Keys stay for ever.", "severity": Severity.CRITICAL},
    ],
)
def test_what_may_be_another_defect_stays_apart(other):
    assert [c.agreement for c in join_repeats({"pack-1": [CLAIM], "pack-2": [replace(CLAIM, **other)]})] == [1, 1]


def test_the_surest_report_speaks_with_the_worst_severity():
    sure = replace(CLAIM, line=11, confidence=0.9, message="Sure.", severity=Severity.LOW)
    grave = replace(CLAIM, confidence=0.5, severity=Severity.CRITICAL)
    assert join_repeats({"pack-1": [CLAIM, sure, grave]}) == (
        Candidate(1, replace(sure, severity=Severity.CRITICAL), ("pack-1",), (CLAIM, grave)),
    )


def test_a_reader_that_repeats_itself_is_one():
    (repeated,) = join_repeats({"pack-1": [CLAIM, replace(CLAIM, line=11), CLAIM, CLAIM]})
    assert (repeated.agreement, len(repeated.members)) == (1, 3)
    again = replace(repeated, number=2, finding=replace(CLAIM, title="Wrong index"))
    (joined,) = apply_groups([repeated, again], [Group((1, 2))], anywhere)
    assert joined.agreement == 1


def test_repeats_do_not_chain_down_a_file():
    reports = [replace(CLAIM, line=line, confidence=0.9 - line / 1000) for line in (10, 12, 14)]
    assert [(c.finding.line, len(c.members)) for c in join_repeats({"one": reports})] == [(10, 1), (14, 0)]


def test_candidates_are_numbered_by_file_and_line():
    reports = [replace(CLAIM, file=file, line=line) for file, line in [("b", 5), ("a", 50), ("b", 1), ("a", 9)]]
    told = [(c.number, c.finding.file, c.finding.line) for c in join_repeats({"one": reports})]
    assert told == [(1, "a", 9), (2, "a", 50), (3, "b", 1), (4, "b", 5)]


def candidates(*readers):
    found = enumerate(readers, start=1)
    return tuple(Candidate(n, replace(CLAIM, line=n * 9, confidence=n / 10), tuple(some)) for n, some in found)


def anywhere(_one, _other):
    return True


def test_the_first_of_a_group_speaks_for_it_with_a_worse_severity_and_the_highest_confidence():
    one, two, three = candidates("a", "ab", "bcd")
    spoken = replace(two.finding, severity=Severity.HIGH, confidence=0.3)
    joined = apply_groups([one, two, three], [Group((2, 3), Severity.HIGH)], anywhere)
    assert joined == (one, Candidate(2, spoken, (*"abcd",), (three.finding,)))


@pytest.mark.parametrize("reason", ["", "It is rare."])
def test_a_better_severity_is_only_proposed_and_only_with_a_reason(reason):
    (one,) = candidates("a")
    (joined,) = apply_groups([one], [Group((1,), Severity.LOW, reason)], anywhere)
    proposed = (Severity.LOW, reason) if reason else (None, "")
    assert (joined.finding.severity, joined.lower, joined.reason) == (Severity.MEDIUM, *proposed)


def test_a_group_is_as_grave_as_the_worst_of_its_members():
    one, two = candidates(*"ab")
    grave = replace(two, finding=replace(two.finding, severity=Severity.CRITICAL))
    (joined,) = apply_groups([one, grave], [Group((1, 2), Severity.LOW)], anywhere)
    assert (joined.number, joined.finding.severity) == (1, Severity.CRITICAL)


@pytest.mark.parametrize(
    "groups",
    [[], [Group((), Severity.LOW)], [Group((7, 0, -1), Severity.LOW)]],
)
def test_groups_of_nothing_known_change_nothing(groups):
    assert apply_groups(candidates(*"ab"), groups, anywhere) == candidates(*"ab")


def test_a_number_in_two_groups_belongs_to_the_first():
    groups = [Group((1, 2, 2), Severity.HIGH), Group((2, 3), Severity.CRITICAL)]
    joined = apply_groups(candidates(*"abc"), groups, anywhere)
    assert [(c.number, c.agreement, c.finding.severity) for c in joined] == [
        (1, 2, Severity.HIGH),
        (3, 1, Severity.CRITICAL),
    ]


CODE = ("def one():", *["    x = 1"] * 30, "", "def two():", *["    y = 2"] * 30)
SOURCES = {file: Source(file, CODE) for file in ("src/a.py", "src/b.py")}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"line": 3}, {"line": 30}, True),  # one definition
        ({"line": 30}, {"line": 36}, True),  # a few lines apart
        ({"line": 20}, {"line": 36}, False),
        ({"line": 3}, {"line": 3, "file": "src/b.py"}, False),
        ({"line": 2, "end_line": 31}, {"line": 40}, True),
    ],
)
def test_only_neighbours_share_a_group(one, other, expected):
    beside = neighbours(SOURCES)
    first, second = replace(CLAIM, **one), replace(CLAIM, **other)
    assert (beside(first, second), beside(second, first)) == (expected, expected)
    joined = apply_groups([Candidate(1, first), Candidate(2, second)], [Group((1, 2), Severity.HIGH)], beside)
    assert len(joined) == 2 - expected


REPORT = st.builds(
    replace,
    st.just(CLAIM),
    rule=st.sampled_from(["off-by-one", "leak"]),
    title=st.sampled_from(["The loop reads past the end", "Loop reads past end", "Leak", ""]),
    file=st.sampled_from(["a", "b"]),
    line=st.integers(1, 12),
    confidence=st.floats(0, 1),
    severity=st.sampled_from(Severity),
    category=st.sampled_from(Category),
)
GROUPS = st.lists(st.builds(Group, st.lists(st.integers(-1, 12)).map(tuple), st.none() | st.sampled_from(Severity)))


@given(st.dictionaries(st.sampled_from("abc"), st.lists(REPORT, max_size=6)), GROUPS)
def test_every_report_stays_counted(reported, groups):
    joined = join_repeats(reported)
    reports = [one for some in reported.values() for one in some]
    assert [c.number for c in joined] == list(range(1, len(joined) + 1))
    assert sum(1 + len(c.members) for c in joined) == len(reports)
    grouped = apply_groups(joined, groups, anywhere)
    assert sum(1 + len(c.members) for c in grouped) == len(reports)
    graves = sum(c.finding.severity is Severity.CRITICAL for c in joined)
    assert bool(graves) <= any(c.finding.severity is Severity.CRITICAL for c in grouped)
    assert {reader for c in grouped for reader in c.readers} == {name for name, some in reported.items() if some}
    assert len({c.number for c in grouped}) == len(grouped)
