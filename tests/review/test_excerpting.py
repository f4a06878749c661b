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


def test_imports_the_head_of_the_type_its_constructor_and_what_the_function_uses_travel():
    assert travelling({"lib/prices.py": PRICES}) == [
        ("shop.py", 1, 6),
        ("shop.py", len(SHOP) - 5, len(SHOP)),
        ("lib/prices.py", 1, LINES),
    ]


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


def test_in_java_and_typescript_the_constructor_and_methods_of_the_type_are_found():
    java = ["import a.Item;", "public class Shop {", "  private int size;", "  public Shop(int size) {", "  }"]
    java += ["  // …"] * 40 + ["  int sell(Item item) {", "    return price(item);", "  }"] + ["  // …"] * 40
    java += ["  int price(Item item) {", "    return 1;", "  }", "}"]
    at = java.index("    return price(item);") + 1
    found = travelling(
        {"a/Item.java": ["package a;", "public class Item {", "}"]}, java, (at, at), (at - 9, at + 9), "S.java"
    )
    assert found == [("S.java", 1, 5), ("S.java", len(java) - 7, len(java) - 1), ("a/Item.java", 2, 3)]
    script = [
        'import { Item } from "./item";',
        *["//"] * 9,
        "export class Shop {",
        "  constructor(private size: number) {",
    ]
    script += ["  }", *["  //"] * 40, "  sell(item: Item) {", "    return this.price(item);", "  }", *["  //"] * 40]
    script += ["  price(item: Item) {", "    return 1;", "  }", "}"]
    at = script.index("    return this.price(item);") + 1
    found = travelling(
        {"item.ts": ["export interface Item {", "  a: 1;", "}"]}, script, (at, at), (at - 9, at + 9), "s.ts"
    )
    assert found == [("s.ts", 1, 1), ("s.ts", 7, 13), ("s.ts", len(script) - 7, len(script) - 1), ("item.ts", 1, 3)]


def test_in_go_and_c_sharp_files_of_the_folder_are_enough():
    go = ["package m", "func (s *Server) Handle(q Query) int {", "\treturn find(q)", "}"]
    others = {
        "m/b.go": [
            "package m",
            "type Server struct {",
            "\tn int",
            "}",
            "func NewServer() *Server {",
            "\treturn nil",
            "}",
        ],
        "m/c.go": ["package m", "func find(q Query) int {", "\treturn 1", "}"],
        "n/c.go": ["package n", "func find(q Query) int {", "\treturn 2", "}"],
    }
    assert travelling(others, go, (3, 3), (1, 4), "m/a.go") == [("m/c.go", 2, 4), ("m/b.go", 2, 7)]
    sharp = ["class Shop {", "  int Go(Item d) {", "    return d.Find();", "  }", "}"]
    others = {"x/Item.cs": ["class Item {", "  int Find() {", "    return 1;", "  }", "}"]}
    assert travelling(others, sharp, (3, 3), (1, 5), "x/Shop.cs") == [("x/Item.cs", 1, 5)]


def test_lines_that_use_what_the_case_defines_travel_with_what_comes_of_it_in_the_same_function():
    after = [f"    print({n})" for n in range(20)]
    main = ["import shop", "def before(): ...", "def main():", "    sold = shop.Shop(1).sell(2)", *after]
    found = travelling({"lib/prices.py": PRICES, "main.py": main}, uses=[("main.py", 4)])
    assert ("main.py", 3, 11) in found


def test_a_line_outside_of_functions_that_uses_what_the_case_defines_travels_alone():
    main = ["import shop", "shop.Shop(1).sell(2)", "print(1)"]
    assert ("main.py", 2, 2) in travelling({"lib/prices.py": PRICES, "main.py": main}, uses=[("main.py", 2)])


def test_a_type_that_the_head_names_goes_before_other_functions_that_unchanged_lines_use():
    fields = [f"    int field_{n};" for n in range(12)]
    head = ["struct item {", *fields, "};"]
    helpers = [line for n in range(30) for line in (f"int helper_{n}(int x)", "{", "  /* word */", "}")]
    calls = [f"  helper_{n}(1);" for n in range(30)]
    lines = ['#include "item.h"', "int go(struct item *one)", "{", *calls, *["  ;"] * 30, "  return 1;", "}"]
    found = travelling({"item.h": [*helpers, *head]}, lines, (len(lines) - 1,) * 2, (2, len(lines)), "go.c")
    at = len(helpers) + 1
    assert any(first <= at and last >= at + 13 for file, first, last in found if file == "item.h")
