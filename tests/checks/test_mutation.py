import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.checks.mutation import mutants

SOURCE = '''\
def price(total, member=False):
    """Ünïcode before the code."""
    if total > 100 and member:
        return total * 0.9  # ten per cent
    return total
'''


def made(source, lines, most=100):
    return [(m.line, m.was, m.now) for m in mutants("a.py", source, set(lines), most)]


@pytest.mark.parametrize(
    ("line", "was", "now"),
    [
        ("x = a + b", "+", "-"),
        ("x = a < b", "<", "<="),
        ("x = a not in b", "not in", "in"),
        ("x = (a) and (b)", "and", "or"),
        ("x = True", "True", "False"),
        ("x = 41", "41", "(41 + 1)"),
        ("while a: pass", "a", "(not (a))"),
        ("def f(): return a", "a", "None"),
    ],
)
def test_a_line_gets_the_slips_that_people_make(line, was, now):
    assert (1, was, now) in made(line, [1])


def test_only_the_changed_lines_are_mutated_and_each_mutant_is_one_wrong_version_of_the_file():
    found = mutants("a.py", SOURCE, {4}, 100)
    assert {m.line for m in found} == {4}
    assert {m.now for m in found} == {"None", "/", "(0.9 + 1)"}
    assert all(m.source != SOURCE and ast.parse(m.source) for m in found)
    assert "return total / 0.9  # ten per cent" in next(m.source for m in found if m.now == "/")


def test_a_limit_takes_one_mutant_of_every_line_before_a_second_of_any():
    assert [line for line, *_ in made(SOURCE, [3, 4, 5], most=4)] == [3, 4, 5, 3]


@pytest.mark.parametrize("source", ["def f(:\n", "x = '\0'\n", ""])
def test_what_is_no_python_has_no_mutants(source):
    assert made(source, [1]) == []


def test_annotations_and_f_strings_are_left_alone():
    assert made('def f(a: int | None = b) -> x | y:\n    return f"{a + 1}"\n', [1, 2]) == [(2, 'f"{a + 1}"', "None")]


def test_a_docstring_and_a_bare_return_are_left_alone():
    assert made('"""Words."""\ndef f():\n    return None\n', [1, 2, 3]) == []


@given(st.sampled_from(["a + b", "(a\n + b)", "not a or b", "a if b else c", "é + ü", "[1, 2][0]", "-3 ** 2"]))
def test_every_mutant_parses(expression):
    source = f"def f(a, b, c, é, ü):\n    return {expression}\n"
    assert all(ast.parse(m.source) for m in mutants("a.py", source, {1, 2, 3}, 100))
