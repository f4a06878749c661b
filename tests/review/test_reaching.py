from __future__ import annotations

import pytest

from agentflow.review.reaching import Reach
from agentflow.review.source import Source

GO = """\
package shop

const Limit = 10

func (s *Shop) Sell(n int) error {
	total := n * 2
	if total > Limit {
		return errTooMany
	}
	return s.book(n)
}

func (s *Shop) Refund(n int) error {
	return s.Sell(-n)
}

func (s *Shop) Close() {
	s.open = false
}
""".splitlines()

TS = """\
export class Till {
  private sum = 0;

  constructor(private readonly rate: number) {
    this.start = 1;
  }

  add = (price: number) => {
    this.sum += price;
  };

  left() {
    return this.start;
  }
}

function open() {
  return new Till(1);
}
""".splitlines()


def reached(lines, changed, removed=None, path="a"):
    source = Source(path, tuple(lines), changed, removed or {})
    reach = Reach([source])
    return [n for n in range(1, len(lines) + 1) if not source.is_changed(n, n) and reach.includes(path, [n])]


@pytest.mark.parametrize(
    ("lines", "changed", "removed", "expected"),
    [
        (GO, ((6, 6),), {}, [5, 7, 14]),  # the head, the use of what it binds, the caller
        (GO, ((3, 3),), {}, [7]),  # a constant: its use
        (GO, ((17, 17),), {}, [18]),  # a head: the uses of what it names
        (GO, (), {9: ("func (s *Shop) Refund(n int, why string) error {",)}, [5, 13, 14]),
        (TS, ((5, 5),), {}, [1, 4, 13, 18]),  # a constructor counts as its class; a field is known everywhere
        (GO, ((13, 13),), {13: ("func (s *Shop) Return(n int) error {",)}, []),  # another name, the same parameters
        (GO, (), {}, []),
    ],
)
def test_a_change_reaches_heads_uses_and_callers(lines, changed, removed, expected):
    assert reached(lines, changed, removed) == expected


def test_a_change_reaches_callers_in_other_files_and_a_review_of_whole_files_has_no_changes():
    one, other = Source("a.go", tuple(GO), ((6, 6),)), Source("b.go", ("err := shop.Sell(3)", "log(err)"), ())
    reach = Reach([one, other])
    assert [reach.includes("b.go", [n]) for n in (1, 2)] == [True, False]
    assert not Reach([Source("a.go", tuple(GO))]).includes("a.go", [5])
