"""What travels with a pack: nothing that it shows, the nearest first, and no more than is worth its tokens."""

from __future__ import annotations

from agentflow.domain.reviews import Part
from agentflow.review.excerpting import LINES, MOST_OF_CASE, Known, excerpts_of
from agentflow.review.importing import Modules
from agentflow.review.locating import Hit
from agentflow.review.needing import cases_of, needs_of
from agentflow.review.showing import show
from agentflow.review.source import Source
from agentflow.review.symbols import symbols_of
from agentflow.review.text import tokens

FILLER = [f"    # line {n}" for n in range(60)]
SHOP = [
    "from lib.prices import total",
    "LIMIT = 3",
    "class Shop:",
    "    size: int",
    "    def __init__(self, size):",
    "        self.size = size",
    *FILLER,
    "    def sell(self, item):",
    "        return total(item, LIMIT) + self.price(item)",
    *FILLER,
    "    def price(self, item):",
    "        return 1",
]
SELL = SHOP.index("    def sell(self, item):") + 1
PRICES = ["def total(item, limit):", *[f"    item += {n}" for n in range(30)], "    return item", "def other(): ..."]


def travelling(others, lines=SHOP, changed=(SELL + 1, SELL + 1), shown=(SELL - 20, SELL + 20), path="shop.py", uses=()):
    source = Source(path, tuple(lines), (changed,))
    read = {name: Source(name, tuple(text), ()) for name, text in others.items()}
    imports = {path: Modules([path, *read]).imported(source)}
    needs = {case: needs_of(source, case) for case in cases_of(source)}
    found = {}
    for name, file in read.items():
        for one in symbols_of(file):
            found.setdefault(one.name, []).append(Hit(one.name, name, one.line))
    known = Known({path: source}, read, imports, needs, {path: found}, dict.fromkeys(needs, uses))
    parts = [Part(path, *shown, 0)]
    excerpts = excerpts_of(parts, known, 12_000)
    for one in excerpts:
        file = known.open(one.part.file)
        assert one.part.tokens == tokens(show(file, one.part))
        assert one.part.file != path or one.part.last < shown[0] or one.part.first > shown[1]
        assert one.cases
    return [(one.part.file, one.part.first, one.part.last) for one in excerpts]


def test_what_the_pack_shows_does_not_travel():
    assert travelling({"lib/prices.py": PRICES}, shown=(1, len(SHOP))) == [("lib/prices.py", 1, LINES)]


def test_a_name_with_two_definitions_is_left_out():
    twice = ["class A:", "    def total(self): ...", "class B:", "    def total(self): ..."]
    assert "lib/prices.py" not in {file for file, _, _ in travelling({"lib/prices.py": twice})}


def test_a_case_takes_no_more_than_its_tokens_and_what_changed_lines_use_goes_first():
    names = [f"helper_{n}" for n in range(40)]
    lines = [f"from lib.help import {', '.join(names)}", *["# so far away"] * 30, "def go(x):"]
    lines += [*(f"    x = {name}(x)" for name in names), "    return x"]
    changed = lines.index("    x = helper_30(x)") + 1
    help_lines = [line for name in names for line in (f"def {name}(x):", f"    return '{'word ' * 20}'", "")]
    found = travelling({"lib/help.py": help_lines}, lines, (changed, changed), (32, len(lines)))
    spans = [(first, last) for file, first, last in found if file == "lib/help.py"]
    at = help_lines.index("def helper_30(x):") + 1
    assert any(first <= at <= last for first, last in spans)
    assert not any(first <= 1 <= last for first, last in spans)
    file = Source("lib/help.py", tuple(help_lines), ())
    assert 0 < sum(tokens(show(file, Part("lib/help.py", *span, 0))) for span in spans) <= MOST_OF_CASE


def test_lines_that_use_what_the_case_defines_travel_as_they_are():
    others = {"lib/prices.py": PRICES, "main.py": ["import shop", "def main():", "    shop.Shop(1).sell(2)"]}
    assert ("main.py", 3, 3) in travelling(others, uses=[("main.py", 3)])
