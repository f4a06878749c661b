from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.report.figures import aligned, count, dollars, duration, shares, spent


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-1, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m00s"), (65, "1m05s"), (3599, "59m59s"), (7380, "2h03m")],
)
def test_durations_read_at_a_glance(seconds, told):
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (999_949, "999.9k"), (999_950, "1.0M"), (3_440_000, "3.4M")],
)
def test_counts_read_at_a_glance(number, told):
    assert count(number) == told


@pytest.mark.parametrize(
    ("usd", "told"), [(0.0, "$0.0000"), (0.01234, "$0.0123"), (12.0, "$12.0000"), (None, "unpriced")]
)
def test_money_has_four_decimals_and_unknown_is_not_zero(usd, told):
    assert dollars(usd) == told


@pytest.mark.parametrize(
    ("usd", "unpriced", "told"),
    [(0.5, 0, "$0.5000"), (0.5, 2, "$0.5000 + 2 unpriced"), (0.0, 1, "unpriced"), (0.0, 0, "$0.0000")],
)
def test_sums_name_what_they_leave_out(usd, unpriced, told):
    assert spent(usd, unpriced) == told


@given(st.lists(st.floats(0, 100), max_size=12))
def test_printed_parts_add_up_to_the_printed_total(parts):
    total = sum(parts)
    rounded = shares(parts, total)
    assert round(sum(float(f"{part:.4f}") for part in rounded), 4) == float(f"{total:.4f}")
    assert all(abs(part - whole) < 0.00011 for part, whole in zip(rounded, parts, strict=True))


def test_three_thirds_of_a_unit_make_one_unit():
    assert shares([0.00004, 0.00003, 0.00003], 0.0001) == [0.0001, 0.0, 0.0]


def test_columns_are_aligned():
    assert aligned([("name", "n"), ("a", "10")], left=(0,)) == ["name   n", "a     10"]
