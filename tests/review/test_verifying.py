from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agentflow.domain.codec import decode, encode
from agentflow.domain.findings import Category, Finding, Severity
from agentflow.review.joining import Candidate
from agentflow.review.ruling import Ruling
from agentflow.review.source import Source
from agentflow.review.verifying import NEAR, Batch, batches_of

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


def test_the_lines_around_a_finding_grow_to_the_head_of_its_definition():
    lines = ["", *["    x = 1"] * 999]
    lines[400] = "def long(x):"
    (batch,) = batches_of(candidates(("a.py", 480)), {"a.py": Source("a.py", tuple(lines))}, 3_000)
    assert read(batch) == [("a.py", 401, 540)]
    (batch,) = batches_of(candidates(("a.py", 600)), {"a.py": Source("a.py", tuple(lines))}, 3_000)
    assert read(batch) == [("a.py", 540, 660)]


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
