from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.domain.reviews import Part
from agentflow.review.cutting import parts_of
from agentflow.review.packing import pack
from agentflow.review.skipping import skip_by_content, skip_by_name
from agentflow.review.source import Source
from agentflow.review.text import decode, lines_of


def part(file, tokens, first=1):
    return Part(file, first, first, tokens)


def packed(parts, target):
    return [[(one.file, one.first) for one in each.parts] for each in pack(parts, target)]


def test_neighbours_are_read_together_in_the_order_of_their_paths():
    parts = [part("b/x.py", 40), part("a/z.py", 40), part("a.py", 40), part("a/b/c.py", 40)]
    assert packed(parts, 100) == [[("a/b/c.py", 1), ("a/z.py", 1)], [("a.py", 1), ("b/x.py", 1)]]


def test_packs_are_numbered_from_one_and_named():
    assert [(one.n, one.name) for one in pack([part("a", 9), part("b", 9)], 10)] == [(1, "pack-1"), (2, "pack-2")]


def test_nothing_makes_no_pack():
    assert pack([], 100) == ()


def test_a_part_beyond_the_target_is_alone():
    parts = [part("a", 10), part("b", 500), part("c", 10)]
    assert packed(parts, 100) == [[("a", 1)], [("b", 1)], [("c", 1)]]


def test_the_parts_of_a_file_share_a_pack_when_they_fit_one():
    parts = [part("a", 60), part("b", 30, 1), part("b", 30, 2), part("c", 30)]
    assert packed(parts, 100) == [[("a", 1)], [("b", 1), ("b", 2), ("c", 1)]]


def test_a_file_beyond_the_target_is_divided_between_packs():
    parts = [part("a", 60, 1), part("a", 60, 2), part("b", 30)]
    assert packed(parts, 100) == [[("a", 1)], [("a", 2), ("b", 1)]]


def test_no_small_pack_is_left_over_where_an_even_spread_takes_no_more_packs():
    assert [one.tokens for one in pack([part(f"f{n:02}", 10) for n in range(11)], 100)] == [60, 50]
    assert [one.tokens for one in pack([part(f"f{n:02}", 10) for n in range(21)], 100)] == [70, 70, 70]


def test_files_of_which_one_imports_the_other_are_read_together_where_that_fits():
    parts = [part("a.py", 40), part("b.py", 40), part("c.py", 40), part("d.py", 40)]
    imports = {"a.py": {"d.py"}, "b.py": {"other.py"}}
    found = [[one.file for one in each.parts] for each in pack(parts, 100, imports)]
    assert found == [["a.py", "d.py"], ["b.py", "c.py"]]
    assert [len(one.parts) for one in pack(parts, 70, imports)] == [1, 1, 1, 1]


def test_what_few_files_import_is_joined_before_what_all_import():
    parts = [part("a.py", 40), part("b.py", 40), part("base.py", 40), part("helper.py", 40)]
    imports = {"a.py": {"base.py", "helper.py"}, "b.py": {"base.py"}}
    found = [[one.file for one in each.parts] for each in pack(parts, 100, imports)]
    assert found == [["a.py", "helper.py"], ["b.py", "base.py"]]


PARTS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 150)), max_size=60).map(
    lambda drawn: [Part(file, n, n, tokens) for n, (file, tokens) in enumerate(drawn, start=1)]
)


@given(PARTS, st.integers(1, 200), st.randoms())
def test_every_part_is_in_exactly_one_pack_that_fits_whatever_the_order(parts, target, random):
    packs = pack(parts, target)
    assert [one.n for one in packs] == list(range(1, len(packs) + 1))
    assert [one for each in packs for one in each.parts] == sorted(parts, key=lambda one: (one.file, one.first))
    assert all(each.tokens <= target or len(each.parts) == 1 for each in packs)
    shuffled = list(parts)
    random.shuffle(shuffled)
    assert pack(shuffled, target) == packs


@given(PARTS, st.integers(1, 200))
def test_a_file_that_fits_a_pack_is_in_one(parts, target):
    packs = pack(parts, target)
    for file in {one.file for one in parts}:
        if sum(one.tokens for one in parts if one.file == file) <= target:
            assert sum(file in each.files for each in packs) == 1


@pytest.mark.parametrize("package", ["typer", "starlette"])
@pytest.mark.parametrize("target", [2_000, 12_000])
def test_every_file_of_a_real_package_is_covered_exactly_once_or_has_a_reason(package, target):
    [root] = find_spec(package).submodule_search_locations
    files = {f"{package}/{path.relative_to(root).as_posix()}": path for path in Path(root).rglob("*") if path.is_file()}
    sources, skipped = {}, {}
    for name, path in files.items():
        text = decode(path.read_bytes())
        reason = skip_by_name(name, path.stat().st_size) or skip_by_content(name, text)
        if reason:
            skipped[name] = reason
        else:
            sources[name] = Source(name, lines_of(text))
    packs = pack([one for source in sources.values() for one in parts_of(source, target)], target)

    covered = [(one.file, n) for each in packs for one in each.parts for n in range(one.first, one.last + 1)]
    assert sorted(covered) == sorted(
        (name, n) for name, source in sources.items() for n in range(1, len(source.lines) + 1)
    )
    assert files.keys() == sources.keys() | skipped.keys()
    assert len([name for name in sources if name.endswith(".py")]) > 15
    assert {reason for name, reason in skipped.items() if name.endswith(".py")} <= {"empty"}
    assert set(skipped.values()) <= {"empty", "binary"}
    assert all(each.tokens <= target for each in packs)
    assert len(packs) <= 2 * sum(each.tokens for each in packs) / target + 1
