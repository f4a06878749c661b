from hypothesis import given
from hypothesis import strategies as st

from agentflow.review.source import Source


def test_text_is_that_of_the_lines_named():
    source = Source("a.py", ("a", "b", "c"))
    assert source.text(2, 3) == "b\nc"


def test_every_line_of_a_whole_file_is_under_review():
    assert Source("a.py", ("a", "b")).is_changed(1, 1)
    assert not Source("a.py", ("a", "b"), changed=()).is_changed(1, 2)


@given(st.sets(st.integers(1, 40)), st.integers(1, 40), st.integers(0, 10))
def test_lines_are_changed_when_any_of_them_is_in_a_changed_span(changed, first, length):
    spans = tuple((n, n) for n in sorted(changed))
    wide = tuple((n, n) if n % 2 else (n, n + 1) for n in sorted(changed) if n % 2 == 0 or n - 1 not in changed)
    lines = tuple("x" * 60)
    for given_spans in (spans, wide):
        covered = {n for start, end in given_spans for n in range(start, end + 1)}
        asked = set(range(first, first + length + 1))
        assert Source("a.py", lines, given_spans).is_changed(first, first + length) == bool(covered & asked)
