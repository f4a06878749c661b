from __future__ import annotations

import pytest

from agentflow.review.source import Source
from agentflow.review.suggesting import fitted

FILES = {
    "a.py": ["def last(items):", "    for one in items:", "        print(one)", "    return items[len(items)]", ""],
    "a.js": ["function last(items) {", "  for (const one of items) {", "    log(one);", "  }", "  return items;", "}"],
    "a.go": [
        "package a",
        "func last(items []int) int {",
        "\tif len(items) == 0 {",
        "\t\treturn 0",
        "\t}",
        "\treturn 1",
        "}",
    ],
    "a.rs": [
        "fn last(items: &[u8]) -> u8 {",
        "    if items.is_empty() {",
        "        return 0;",
        "    }",
        "    items[9]",
        "}",
    ],
    "a.json": ["{", '  "a": [', '    "b"', "  ]", "}"],
    "a.toml": ["[a]", 'b = "c"', "d = 1", "e = 2"],
}


def fit(name, code, first, last=None, lines=None):
    return fitted(code, Source(name, tuple(lines or FILES[name])), first, last or first)


@pytest.mark.parametrize(
    ("name", "first", "code"),
    [
        ("a.py", 4, "    return items[-1]"),
        ("a.py", 3, "        if one:\n            print(one)"),
        ("a.js", 3, "    if (one) {\n      log(one);\n    }"),
        ("a.go", 4, "\t\treturn -1"),
        ("a.rs", 5, "    *items.last().unwrap()"),
        ("a.json", 3, '    "b",\n    "c"'),
        ("a.toml", 3, "d = [1, 2]"),
    ],
)
def test_code_that_leaves_the_file_readable_stays_as_it_is(name, first, code):
    assert fit(name, code, first) == code


@pytest.mark.parametrize(
    ("name", "first", "code"),
    [
        ("a.py", 4, "    return items[-1"),
        ("a.py", 4, "      return items[-1]"),
        ("a.py", 3, "        if one:"),
        ("a.py", 4, "    return “items”"),
        ("a.py", 4, "    ... the rest as before"),
        ("a.js", 3, "    if (one) {"),
        ("a.js", 4, "  }}"),
        ("a.go", 4, "\t\treturn (0"),
        ("a.rs", 5, "    items.last("),
        ("a.json", 3, '    "b",'),
        ("a.toml", 3, "d = one"),
    ],
)
def test_code_that_breaks_the_file_is_none(name, first, code):
    assert fit(name, code, first) is None


@pytest.mark.parametrize(
    ("name", "span", "code", "meant"),
    [
        ("a.py", (4, 4), "return items[-1]", "    return items[-1]"),
        ("a.py", (2, 3), "for one in items:\n    pass", "    for one in items:\n        pass"),
        ("a.py", (2, 3), "for one in items:\n        pass", "    for one in items:\n            pass"),
        ("a.py", (2, 4), "if items:\n        pass\n    return 0", "    if items:\n        pass\n    return 0"),
        ("a.go", (4, 4), "return -1", "\t\treturn -1"),
    ],
)
def test_an_indent_that_was_left_out_is_put_back(name, span, code, meant):
    assert fit(name, code, *span) == meant


def test_a_file_that_is_broken_as_it_is_may_be_mended_and_not_made_worse():
    broken = ["function last(items) {", "  return items[items.length - 1;", "}"]
    assert fit("a.js", "  return items[items.length - 1];", 2, lines=broken) == "  return items[items.length - 1];"
    assert fit("a.js", "  if (items { return [1;", 2, lines=[*broken[:1], "  return 1;", "}"]) is None
    old = ["print 'hello'", "x = 1"]
    assert fit("a.py", "x = 2", 2, lines=old) == "x = 2"


@pytest.mark.parametrize("name", ["notes.md", "a.unknown", "Makefile", "a.kt"])
def test_where_no_parser_is_at_hand_the_code_stays(name):
    assert fit(name, "return items[", 1, lines=["x"]) == "return items["


@pytest.mark.parametrize(
    "code", ["(" * 5000, "not " * 50_000 + "x", "x = " + "-" * 50_000 + "1", "\0", "x = 1 .__class__ is 2"]
)
def test_no_code_makes_the_parser_fail_or_warn(code):
    assert fit("a.py", code, 1, lines=["x"]) in {None, code}
