from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.domain.codec import decode, encode
from agentflow.domain.findings import Category, Finding, Severity
from agentflow.domain.reviews import Case, Excerpt, Part
from agentflow.review.joining import Candidate
from agentflow.review.refuting import founded
from agentflow.review.ruling import Ruling
from agentflow.review.sighting import NEAR
from agentflow.review.source import Source
from agentflow.review.verifying import Batch, batches_of

CLAIM = Finding(
    rule="off-by-one",
    title="The loop reads past the end",
    message="last([1]) raises IndexError.",
    file="a.py",
    line=1,
    end_line=None,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.7,
    evidence="x",
)


def sources(**sizes):
    """Files named for the keys, with so many lines."""
    return {f"{name}.py": Source(f"{name}.py", ("value = 1",) * size) for name, size in sizes.items()}


def candidates(*places):
    return [Candidate(n, replace(CLAIM, file=file, line=line)) for n, (file, line) in enumerate(places, start=1)]


def read(batch):
    return [(part.file, part.first, part.last) for part in batch.parts]


def numbers(batches):
    return [[candidate.number for candidate in batch.candidates] for batch in batches]


def test_a_first_ruling_rests_on_the_lines_near_a_finding_and_on_small_files():
    files, found = sources(a=400, b=20), candidates(("a.py", 200), ("b.py", 10))
    (near,) = batches_of(found, files, 10_000, NEAR)
    (far,) = batches_of(found, files, 10_000)
    assert read(near) == [("a.py", 175, 225), ("b.py", 1, 20)]
    assert read(far) == [("a.py", 1, 400), ("b.py", 1, 20)]


def test_who_judges_a_finding_is_shown_what_travelled_with_its_lines_and_no_more_of_that_file():
    files = sources(a=400) | {"b.py": Source("b.py", ("value = 1",) * 30, ())}
    excerpt = Excerpt(Part("b.py", 5, 9, 20), (Case("a.py", 190, 210),))
    (batch,) = batches_of(candidates(("a.py", 200)), files, 10_000, NEAR, [excerpt])
    assert read(batch) == [("a.py", 175, 225), ("b.py", 5, 9)]
    (apart,) = batches_of(candidates(("a.py", 300)), files, 10_000, NEAR, [excerpt])
    assert read(apart) == [("a.py", 275, 325)]


def test_who_judges_a_finding_in_what_travelled_is_shown_the_change_beside_which_it_did():
    files = sources(a=400) | {"b.py": Source("b.py", ("value = 1",) * 30, ())}
    excerpt = Excerpt(Part("b.py", 5, 9, 20), (Case("a.py", 190, 210),))
    (batch,) = batches_of(candidates(("b.py", 7)), files, 10_000, NEAR, [excerpt])
    assert ("a.py", 190, 210) in read(batch)
    assert any(file == "b.py" and first <= 5 and last >= 9 for file, first, last in read(batch))


def test_small_files_are_re_read_whole_and_together():
    found = candidates(("b.py", 3), ("a.py", 9), ("a.py", 2))
    (batch,) = batches_of(found, sources(a=10, b=20), 10_000)
    assert batch.name == "verify-1"
    assert numbers([batch]) == [[3, 2, 1]]
    assert read(batch) == [("a.py", 1, 10), ("b.py", 1, 20)]
    assert all(part.tokens > 0 for part in batch.parts)


def test_without_candidates_there_is_nothing_to_verify():
    assert batches_of([], {}, 10_000) == ()


def test_a_new_batch_begins_when_the_code_or_the_findings_are_too_many():
    files = sources(a=100, b=100, c=10)
    found = candidates(("a.py", 1), ("b.py", 1), ("c.py", 1))
    assert numbers(batches_of(found, files, 500)) == [[1, 3], [2]]
    many = candidates(*[("a.py", n) for n in range(1, 46)])
    assert [len(batch) for batch in numbers(batches_of(many, files, 10_000))] == [20, 20, 5]


def test_of_a_large_file_the_lines_around_the_findings_are_read():
    (batch,) = batches_of(candidates(("a.py", 500), ("a.py", 530), ("a.py", 1995)), sources(a=2000), 3_000)
    assert read(batch) == [("a.py", 440, 590), ("a.py", 1935, 2000)]


def test_the_whole_definition_around_a_finding_is_read():
    lines = ["", *["    x = 1"] * 999]
    lines[400], lines[700] = "def long(x):", "def next(x):"
    (batch,) = batches_of(candidates(("a.py", 480)), {"a.py": Source("a.py", tuple(lines))}, 3_000)
    assert (read(batch), batch.partly) == ([("a.py", 401, 700)], ())
    (batch,) = batches_of(candidates(("a.py", 710)), {"a.py": Source("a.py", tuple(lines))}, 3_000)
    assert (read(batch), batch.partly) == ([("a.py", 650, 1000)], ())


def test_of_a_function_that_is_too_long_the_head_and_what_the_finding_cites_and_quotes_are_read():
    lines = ["import os", "", "@cached", "def long(x):", *["    x = 1"] * 3000, "    return x / 0"]
    lines[1500] = "    x = x - x  # nothing is left"
    evidence = "    x = x - x  # nothing is left\n    return x / 0"
    found = Candidate(1, replace(CLAIM, line=3005, evidence=evidence, message="See line 2001 and `a.py:2501-2502`."))
    (batch,) = batches_of([found], {"a.py": Source("a.py", tuple(lines))}, 3_000)
    assert read(batch) == [
        ("a.py", 3, 4),
        ("a.py", 1498, 1504),
        ("a.py", 1998, 2004),
        ("a.py", 2498, 2505),
        ("a.py", 2945, 3005),
    ]
    assert batch.partly == (1,)


BUSY = [f"    step_{n} = work({n})" for n in range(3, 93)]
SUM = ("def total(rates):", "    rates = rates or [0]  # never empty", *BUSY, "    return sum(rates) / len(rates)")


def test_a_first_ruling_has_the_reason_at_the_top_of_a_function_of_93_lines_for_a_defect_at_its_end():
    rest = tuple(f"value_{n} = {n}  # Nothing to see here." for n in range(200))
    source = Source("a.py", (*rest, *SUM, *rest))
    found = Candidate(1, replace(CLAIM, line=293, evidence=SUM[-1]))
    (batch,) = batches_of([found], {"a.py": source}, 12_000, NEAR)
    (part,) = batch.parts
    assert len(SUM) == 93
    assert (part.first, part.last, batch.partly) == (201, 318, ())
    (ruling,) = founded([Ruling(1, "refuted", "Never empty.", 0.9, quote=SUM[1])], batch, {"a.py": source})
    assert (ruling.verdict, ruling.place) == ("refuted", "a.py:202")
    unseen = replace(batch, parts=(Part("a.py", 268, 318, 0),))
    (ruling,) = founded([Ruling(1, "refuted", "Never empty.", 0.9, quote=SUM[1])], unseen, {"a.py": source})
    assert (ruling.verdict, ruling.confidence) == ("unsure", CLAIM.confidence)


def test_who_sees_a_function_only_in_part_cannot_refute_it():
    source = Source("a.py", ("def total(x):", *BUSY * 20, "    return 1 / x"))
    found = candidates(("a.py", 2))
    (batch,) = batches_of(found, {"a.py": source}, 3_000, NEAR)
    given = Ruling(1, "refuted", "Never nought.", 0.1, quote=BUSY[0])
    (ruling,) = founded([given], batch, {"a.py": source})
    assert (batch.partly, ruling.verdict, ruling.void) == ((1,), "unsure", "its function is too long to be shown whole")
    (sure,) = founded([replace(given, verdict="confirmed")], batch, {"a.py": source})
    assert sure.verdict == "confirmed"


def test_what_a_finding_quotes_and_names_in_other_files_is_read_with_it():
    files = sources(a=400, b=400, c=400)
    files["b.py"] = Source(
        "b.py", (*["value = 1"] * 300, "def close(handle):", "    handle = None", *["value = 1"] * 98)
    )
    message = "close() in `b.py` forgets `handle = None`; c.py:100 calls it."
    (batch,) = batches_of([Candidate(1, replace(CLAIM, line=200, message=message))], files, 10_000, NEAR)
    assert read(batch) == [("a.py", 175, 225), ("b.py", 299, 305), ("c.py", 97, 103)]


@pytest.mark.parametrize(
    "message", ["line 0", "line 9999999", "a.py:5-2", "no.py:3", "L3-L9999999", "`" * 400, "lines 3 to"]
)
def test_a_place_that_is_not_there_adds_no_lines(message):
    (batch,) = batches_of([Candidate(1, replace(CLAIM, line=200, message=message))], sources(a=400), 10_000, NEAR)
    assert all(1 <= first <= last <= 400 for _, first, last in read(batch))
    assert sum(last - first + 1 for _, first, last in read(batch)) <= 51 + 48


@pytest.mark.parametrize("methods", [20, 600])
def test_a_short_class_is_read_whole_and_of_a_long_one_the_head(methods):
    lines = ("class Sum:", *["    def add(self, x):", "        return x", ""] * methods, *["x = 1"] * 300)
    (batch,) = batches_of(candidates(("a.py", 30)), {"a.py": Source("a.py", lines)}, 12_000, NEAR)
    assert read(batch)[0][:2] == ("a.py", 1)
    assert (read(batch)[0][2] < 30) is (methods == 600)
    assert batch.partly == ()


def test_findings_all_over_a_large_file_share_batches():
    found = candidates(*[("a.py", n * 200) for n in range(1, 30)])
    batches = batches_of(found, sources(a=6000), 6_000)
    assert len(batches) <= 5
    assert all(sum(part.tokens for part in batch.parts) <= 6_000 for batch in batches)


def test_long_lines_get_less_context_instead_of_a_batch_for_each_finding():
    wide = Source("a.py", ("x" * 400,) * 4000)
    found = candidates(*[("a.py", n * 100) for n in range(1, 21)])
    batches = batches_of(found, {"a.py": wide}, 10_000)
    assert len(batches) <= 5
    assert all(sum(part.tokens for part in batch.parts) <= 10_000 for batch in batches)


def test_a_finding_that_cites_a_whole_file_is_shown_its_beginning():
    (batch,) = batches_of([Candidate(1, replace(CLAIM, line=1, end_line=50_000))], sources(a=50_000), 10_000)
    assert read(batch)[0][1] == 1
    assert read(batch)[0][2] < 400


PLACES = st.lists(st.tuples(st.sampled_from(["a.py", "b.py", "c.py"]), st.integers(1, 900)), max_size=60)


@given(PLACES, st.integers(300, 8_000))
def test_every_candidate_is_in_one_batch_with_its_lines(places, target):
    batches = batches_of(candidates(*places), sources(a=900, b=900, c=900), target)
    assert sorted(n for batch in numbers(batches) for n in batch) == list(range(1, len(places) + 1))
    assert [batch.n for batch in batches] == list(range(1, len(batches) + 1))
    for batch in batches:
        assert len(batch.candidates) <= 20
        for candidate in batch.candidates:
            at = candidate.finding
            assert any(p.file == at.file and p.first <= at.line <= p.last for p in batch.parts)


def test_batches_and_rulings_survive_being_written_as_json():
    batches = batches_of(candidates(("a.py", 1)), sources(a=3), 900)
    assert decode(tuple[Batch, ...], [encode(batch) for batch in batches]) == batches
    ruling = Ruling(1, "unsure", "Line 3 is not shown.", 0.5)
    assert decode(Ruling, encode(ruling)) == ruling
