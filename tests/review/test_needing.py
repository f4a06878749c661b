"""Which definitions a change lies in, and which names these need."""

from __future__ import annotations

import pytest

from agentflow.review.needing import cases_of, defined_by, needs_of
from agentflow.review.source import Source

CODE = """\
from prices import total
LIMIT = 3

class Shop:
    size = 3

    def sell(self, item):
        count = 2
        for one in item.parts():
            count += total(one, LIMIT)
        return self.price(count)

    def price(self, count):
        return count
""".splitlines()


def source(changed, path="shop.py", lines=CODE, removed=None):
    return Source(path, tuple(lines), changed, removed or {})


def cases(*changed, **given):
    return [(one.first, one.last) for one in cases_of(source(changed, **given))]


def test_a_case_is_the_function_around_a_change_or_the_changed_lines_outside_of_any():
    assert cases((8, 8), (10, 10)) == [(7, 11)]
    assert cases((5, 5), (14, 14)) == [(5, 5), (13, 14)]
    assert cases(removed={9: ("gone",)}) == [(7, 11)]


def test_imports_and_blank_lines_are_no_case_and_neither_is_prose():
    assert cases((1, 1), (3, 3)) == []
    assert cases((1, 1), path="notes.md", lines=["Call total() now."]) == []


def test_a_function_in_a_function_belongs_to_its_case():
    lines = ["function a() {", "  function b() {", "    return c();", "  }", "  return b();", "}"]
    assert cases((3, 3), path="a.ts", lines=lines) == [(1, 6)]


def test_a_file_that_is_read_whole_is_one_case():
    assert [(one.first, one.last) for one in cases_of(source(None))] == [(1, 14)]


def needs(changed, **given):
    file = source(changed, **given)
    return [one.name for case in cases_of(file) for one in needs_of(file, case)]


def test_what_the_changed_line_uses_is_needed_first_and_its_own_variables_never():
    found = needs(((10, 10),))
    assert found[:2] == ["total", "LIMIT"]
    assert "price" in found
    assert not {"count", "item", "one"} & set(found)


def test_what_only_a_removed_line_called_is_needed_and_its_prose_is_not():
    found = needs((), removed={9: ('        checked(item)  # the "fine" ones only',)})
    assert "checked" in found
    assert not {"the", "fine", "ones", "only"} & set(found)


def test_in_go_the_maker_of_what_a_method_belongs_to_is_needed():
    lines = ["package m", "func (s *Server) Handle(q Query) int {", "\treturn s.find(q)", "}"]
    assert {"Server", "Query", "find", "NewServer"} <= set(needs(((3, 3),), path="a.go", lines=lines))


def test_a_bare_name_that_is_not_imported_may_be_anywhere_only_where_languages_allow_it():
    java = source(((2, 2),), path="A.java", lines=["class A { void go() {", "  Tool.help(); assist(); } }"])
    script = source(((2, 2),), path="a.ts", lines=["function go() {", "  Tool.help(); assist(); }"])
    found = [{one.name: one.anywhere for c in cases_of(file) for one in needs_of(file, c)} for file in (java, script)]
    assert [one["assist"] for one in found] == [True, False]
    assert [one["help"] for one in found] == [True, True]


def test_a_case_defines_its_function_or_what_its_changed_lines_give_a_name():
    file = source(((2, 2), (8, 8)))
    assert [defined_by(file, case) for case in cases_of(file)] == [("LIMIT",), ("sell",)]


def test_names_that_many_things_have_are_not_looked_for():
    file = source(((2, 2),), lines=["def get(self):", "    return 1"])
    assert [defined_by(file, case) for case in cases_of(file)] == [()]


def test_what_is_called_as_many_things_are_is_looked_for_only_where_it_stands_alone():
    file = source(((3, 3),), path="a.go", lines=["package m", "func Go(x T) {", "\tfind(x.find, x.sort())", "}"])
    found = {one.name: one.telling for case in cases_of(file) for one in needs_of(file, case)}
    assert (found["find"], found["sort"]) == (True, False)


@pytest.mark.parametrize(
    ("path", "head"),
    [
        ("a.c", "int go(const item *one, unit two[3]) {"),
        ("a.go", "func go(one item, two []unit) {"),
    ],
)
def test_the_type_of_a_parameter_is_no_name_of_the_function_itself(path, head):
    file = source(((2, 2),), path=path, lines=[head, "\treturn one == two", "}"])
    found = {one.name for case in cases_of(file) for one in needs_of(file, case)}
    assert {"item", "unit"} <= found
    assert not {"one", "two"} & found
