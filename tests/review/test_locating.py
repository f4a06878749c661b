"""What a search for definitions looks for, and which of its lines are worth a parse."""

from __future__ import annotations

import re

import pytest

from agentflow.review.importing import Import
from agentflow.review.locating import Hit, candidates, hits, patterns, used, uses
from agentflow.review.needing import Need

LINES = [
    ("a.py", "go", "    async def go(self):", True),
    ("a.py", "MAX", "MAX: int = 5", True),
    ("a.py", "go", "    go(1)", False),
    ("a.ts", "go", "  async go<T>(x: T): Promise<T> {", True),
    ("a.ts", "LIMIT", "export const LIMIT = 5;", True),
    ("a.ts", "go", "  go(x);", False),
    ("a.go", "Handle", "func (s *Server) Handle(q Query) int {", True),
    ("a.go", "Point", "\tPoint struct {", True),
    ("a.go", "Max", "\tMax = 5", True),
    ("A.java", "go", "  public List<Item> go(Item d) {", True),
    ("A.java", "MAX", "  private static final int MAX = 3;", True),
    ("A.java", "Base", "class A extends Base {", False),
    ("A.cs", "Go", "    public async Task<Item> Go(Item d) =>", True),
    ("A.cs", "Sizes", "    public List<int> Sizes { get; set; }", True),
    ("a.c", "go", "int *go(struct s *p)", True),
    ("a.c", "go", "int *go(struct s *p);", False),
    ("a.c", "go", "  return go(p);", False),
    ("a.c", "table", "static const int table[] = {1,", True),
    ("a.rs", "go", "    pub fn go<T>(&self)", True),
    ("a.rb", "go", "  def self.go(x)", True),
    ("a.php", "go", "  public function go(Item $d) {", True),
    ("a.sh", "go", "go() {", True),
]


@pytest.mark.parametrize(("path", "name", "text", "defines"), LINES)
def test_lines_that_may_define_a_name_are_found_and_told_from_its_uses(path, name, text, defines):
    found = any(
        re.search(pattern.replace("[:alnum:]", "A-Za-z0-9").replace("[:space:]", r"\s"), text)
        for pattern in patterns([name, "other"], path)
    )
    assert found or not defines
    assert [one.name for one in hits([name], path, 1, text)] == ([name] if defines else [])


def need(name="total", *, bare=True, anywhere=False):
    return Need(name, 0, bare, not bare, True, True, anywhere)


def where(*files, file="shop/sell.py", imports=(), **given):
    return candidates(need(**given), file, imports, {"total": [Hit("total", one, 1) for one in files]})


def test_what_an_import_names_comes_before_all_else():
    named = Import(frozenset({"total"}), ("shop/prices.py",))
    other = Import(frozenset({"tools"}), ("shop/tools.py",))
    assert where("shop/tools.py", "shop/prices.py", "x.py", imports=[other, named]) == ("shop/prices.py",)
    assert where("shop/tools.py", "x.py", imports=[other, named], bare=False) == ("shop/tools.py",)


def test_a_name_that_stands_alone_is_not_looked_for_where_nobody_imports_it():
    other = Import(frozenset({"tools"}), ("shop/tools.py",))
    assert where("shop/tools.py", imports=[other]) == ()
    assert where("shop/tools.py", imports=[Import(frozenset({"tools", "*"}), ("shop/tools.py",))]) == ("shop/tools.py",)


@pytest.mark.parametrize(("suffix", "found"), [("go", ("m/b.go",)), ("py", ())])
def test_a_folder_is_enough_where_its_files_see_each_other(suffix, found):
    assert where(f"m/b.{suffix}", f"n/b.{suffix}", file=f"m/a.{suffix}") == found


def test_elsewhere_it_is_taken_only_where_it_may_be_anywhere_and_few_have_it():
    assert where("a.py", bare=False, anywhere=True) == ("a.py",)
    assert where("a.py", bare=False) == ()
    assert where("a.py", "b.py", "c.py", "d.py", bare=False, anywhere=True) == ()


def test_what_tests_define_is_nothing_that_code_rests_on():
    assert where("a.py", "tests/test_a.py", bare=False, anywhere=True) == ("a.py",)
    assert where("tests/b.py", file="tests/test_a.py", bare=False, anywhere=True) == ("tests/b.py",)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("    x = total(1)", ("total",)),
        ("def total(x):", ()),
        ("from prices import total", ()),
        ("# total is what counts", ()),
        ("import { total } from './x'", ()),
        ("    return subtotal(1)", ()),
    ],
)
def test_a_use_is_no_definition_import_or_remark(text, names):
    assert used({"total"}, "a.py", 1, text) == names
    assert re.search(uses(["total"]).replace("[:alnum:]", "A-Za-z0-9"), text) or not names
