from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentflow.domain.reviews import Part
from agentflow.review.cutting import CONTEXT, parts_of
from agentflow.review.showing import show
from agentflow.review.source import Source
from agentflow.review.text import tokens


def function(name, length):
    return [f"def {name}():", *(f"    {name}_{n} = {n}" for n in range(length - 2)), ""]


def spans(parts):
    return [(part.first, part.last) for part in parts]


def priced(source, first, last):
    return tokens(show(source, Part(source.path, first, last, 0)))


def test_a_file_that_fits_is_one_part():
    source = Source("a.py", tuple(function("f", 50)))
    [part] = parts_of(source, 10_000)
    assert part == Part("a.py", 1, 50, priced(source, 1, 50))
    assert parts_of(source, part.tokens) == (part,)
    assert len(parts_of(source, part.tokens - 1)) > 1


def test_a_file_without_lines_has_no_part():
    assert parts_of(Source("a.py", ()), 1_000) == ()
    assert parts_of(Source("a.py", (), changed=(), removed={1: ("gone",)}), 1_000) == ()


def test_a_file_is_cut_where_functions_begin():
    source = Source("a.py", tuple(line for name in "abcdef" for line in function(name, 30)))
    target = priced(source, 1, 75)
    assert spans(parts_of(source, target)) == [(1, 60), (61, 120), (121, 180)]


def test_a_decorated_function_is_cut_before_its_decorator_and_comment():
    lines = [*function("a", 30), "# About b.", "@decorated", *function("b", 30)]
    source = Source("a.py", tuple(lines))
    assert spans(parts_of(source, priced(source, 1, 50))) == [(1, 30), (31, 62)]


def test_a_large_class_is_cut_between_its_methods():
    methods = [f"    {line}" if line else "" for name in "abcd" for line in function(name, 25)]
    source = Source("a.py", ("class A:", *methods))
    assert spans(parts_of(source, priced(source, 1, 60))) == [(1, 51), (52, 101)]


def test_an_outer_seam_is_preferred_to_a_later_inner_one():
    methods = [f"    {line}" if line else "" for name in "abcd" for line in function(name, 10)]
    source = Source("a.py", (*function("f", 30), "class A:", *methods))
    assert spans(parts_of(source, priced(source, 1, 60))) == [(1, 30), (31, 71)]


def test_text_without_definitions_is_cut_at_blank_lines():
    source = Source("a.md", tuple("" if n % 10 == 0 else f"line {n}" for n in range(1, 101)))
    assert spans(parts_of(source, priced(source, 1, 47))) == [(1, 40), (41, 80), (81, 100)]


def test_text_without_any_seam_is_cut_anywhere():
    source = Source("a.txt", tuple(f"line {n:03}" for n in range(1, 101)))
    parts = parts_of(source, priced(source, 1, 40))
    assert spans(parts)[0] == (1, 40)
    assert spans(parts)[-1][1] == 100


def test_a_line_beyond_the_target_stands_alone():
    source = Source("a.txt", ("a", "b" * 1_500, "c"))
    assert spans(parts_of(source, 60)) == [(1, 1), (2, 2), (3, 3)]


LONG = tuple(line for n in range(20) for line in function(f"f{n}", 50))


def test_a_changed_file_is_read_whole_if_that_takes_half_the_target():
    source = Source("a.py", LONG, changed=((5, 5),))
    target = 2 * priced(source, 1, 1_000)
    assert spans(parts_of(source, target)) == [(1, 1_000)]
    assert spans(parts_of(source, target - 2)) == [(1, 49)]


def test_a_change_is_read_with_its_function_and_some_lines_around():
    source = Source("a.py", LONG, changed=((510, 511), (547, 547)))
    assert spans(parts_of(source, 3_000)) == [(490, 567)]


def test_a_change_in_a_function_that_does_not_fit_is_read_with_some_lines_around():
    source = Source("a.py", tuple(function("f", 1_000)), changed=((500, 500),))
    assert spans(parts_of(source, 2_000)) == [(500 - CONTEXT, 500 + CONTEXT)]


def test_changes_far_apart_are_separate_parts():
    source = Source("a.py", LONG, changed=((110, 110), (825, 825)))
    assert spans(parts_of(source, 3_000)) == [(90, 149), (801, 849)]


def test_lines_that_were_only_removed_are_read_too():
    source = Source("a.py", LONG, changed=(), removed={425: ("    check()",), 1_001: ("def gone(): ...",)})
    parts = parts_of(source, 3_000)
    assert spans(parts) == [(401, 449), (980, 1_000)]
    assert "\n-    check()\n425 " in show(source, parts[0])
    assert "\n-def gone(): ...\n</untrusted>" in show(source, parts[1])


@pytest.mark.parametrize("target", [500, 5_000_000])
def test_a_file_without_a_change_has_no_part(target):
    assert parts_of(Source("a.py", LONG, changed=()), target) == ()


def test_a_new_file_is_covered_wholly():
    source = Source("a.py", LONG, changed=((1, 1_000),))
    covered = [n for first, last in spans(parts_of(source, 2_000)) for n in range(first, last + 1)]
    assert covered == list(range(1, 1_001))


LINE = st.one_of(
    st.sampled_from(["", "def f():", "    def g(self):", "        return 1", "class A:", "}", "@x", "# c", "x" * 400]),
    st.text(st.characters(exclude_characters="\n"), max_size=60),
)
LINES = st.lists(LINE, max_size=150).map(tuple)


@st.composite
def changed_sources(draw):
    lines = draw(LINES)
    numbers = sorted(draw(st.sets(st.integers(1, len(lines)), max_size=12))) if lines else []
    cuts = [(first, min(first + draw(st.integers(0, 30)), len(lines))) for first in numbers]
    changed = [(a, min(b, after - 1)) for (a, b), after in zip(cuts, [*numbers, len(lines) + 1][1:], strict=True)]
    removed = draw(st.dictionaries(st.integers(1, len(lines) + 1), st.lists(LINE, min_size=1).map(tuple), max_size=5))
    return Source("a.py", lines, tuple(changed), removed)


def assert_sound(source, parts, target):
    assert all(part.first <= part.last for part in parts)
    assert all(before.last < after.first for before, after in pairwise(parts))
    for part in parts:
        assert part.tokens == priced(source, part.first, part.last)
        assert part.tokens <= target or part.first == part.last


@given(LINES, st.integers(1, 3_000))
@example(("a",) * 150, 1)
def test_the_parts_of_a_file_cover_every_line_once_and_fit(lines, target):
    source = Source("a.py", lines)
    parts = parts_of(source, target)
    assert_sound(source, parts, target)
    assert [n for part in parts for n in range(part.first, part.last + 1)] == list(range(1, len(lines) + 1))


@given(changed_sources(), st.integers(1, 3_000))
def test_the_parts_of_a_changed_file_cover_every_change_once_and_fit(source, target):
    parts = parts_of(source, target)
    assert_sound(source, parts, target)
    covered = [n for part in parts for n in range(part.first, part.last + 1)]
    changes = {n for first, last in source.changed for n in range(first, last + 1)}
    removals = {min(n, len(source.lines)) for n in source.removed} if source.lines else set()
    assert len(covered) == len(set(covered))
    assert changes | removals <= set(covered)
    assert all((changes | removals) & set(range(part.first, part.last + 1)) for part in parts)
