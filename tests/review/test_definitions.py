import ast
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.review.definitions import definitions, enclosing, signatures


def lines(text):
    return tuple(dedent(text).strip("\n").split("\n"))


SAMPLES = Path(__file__).parent / "samples"


def sample(name):
    """A sample's lines, and the numbers of those that are definitions: they end in `//!` or `#!`."""
    found = (SAMPLES / name).read_text(encoding="utf-8").split("\n")
    plain = tuple(line.removesuffix("//!").removesuffix("#!").rstrip() for line in found)
    return plain, [n for n, line in enumerate(found, start=1) if line.endswith(("//!", "#!"))]


def definition_lines(text):
    """Where definitions begin, with what stands directly above and belongs to them."""
    return tuple(one.first for one in definitions(text))


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir()))
def test_definitions_are_found_in_many_languages(name):
    plain, wanted = sample(name)
    assert wanted
    found = [n for n, _ in signatures(plain)]
    assert [plain[n - 1] for n in found] == [plain[n - 1] for n in wanted]


def python_definitions(root):
    for path in sorted(Path(root).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        nodes = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        ]
        yield tuple(source.split("\n")), sorted(nodes, key=lambda node: node.lineno)


@pytest.mark.parametrize("package", ["typer", "starlette"])
def test_nearly_every_definition_of_real_python_is_found_where_the_parser_finds_it(package):
    [root] = find_spec(package).submodule_search_locations
    total = missed = begins = ends = false = 0
    for text, nodes in python_definitions(root):
        found = {one.line: one for one in definitions(text)}
        first = {node.lineno: min([node.lineno, *(d.lineno for d in node.decorator_list)]) for node in nodes}
        total += len(nodes)
        missed += len(first.keys() - found.keys())
        begins += sum(n in found and found[n].first <= first[n] for n in first)
        ends += sum(n in found and found[n].last == node.end_lineno for n, node in zip(first, nodes, strict=True))
        false += len(found.keys() - first.keys())
    assert total > 500
    assert missed / total < 0.005
    assert begins / total > 0.99
    assert ends / total > 0.99
    assert false / total < 0.2, "examples in docstrings look like definitions, little else may"


def test_a_definition_begins_with_its_decorators_attributes_and_comments():
    text = lines(
        """
        import os

        # About the command.
        @app.command(
            name="x",
        )
        @other
        def run():
            pass

        x = 1

        def plain():
            pass
        """
    )
    assert definition_lines(text) == (3, 13)
    assert [(one.line, one.last) for one in definitions(text)] == [(8, 9), (13, 14)]
    assert definition_lines(sample("server.go")[0])[:2] == (7, 11)
    assert definition_lines(sample("users.js")[0])[0] == 6
    assert definition_lines(sample("shapes.rs")[0])[0] == 3
    assert definition_lines(sample("stack.cpp")[0])[0] == 1


def test_what_stands_above_without_belonging_to_a_definition_is_left():
    assert definition_lines(lines("#include <stdio.h>\nint main(void) {\n}")) == (2,)
    assert definition_lines(lines("call(\n    1,\n)\ndef f(): ...")) == (4,)


PYTHON = lines(
    '''
    import os

    class A:
        """About A."""

        def f(
            self,
            x,
        ):
            if x:
                return [
                    1,
                ]

            return 2

    if __name__ == "__main__":
        A().f(1)
    '''
)


@pytest.mark.parametrize(
    ("line", "holder"),
    [
        (1, ""),
        (3, ""),
        (4, "class A:"),
        (6, "class A:"),
        (7, "def f("),
        (10, "def f("),
        (12, "def f("),
        (14, "def f("),
        (15, "def f("),
        (17, ""),
        (18, ""),
    ],
)
def test_a_line_is_enclosed_by_the_nearest_definition_around_it(line, holder):
    assert enclosing(PYTHON, line) == holder


@pytest.mark.parametrize(
    ("name", "text", "holder"),
    [
        ("server.go", "errNoStore", "func New(store Store, opts ...Option) (*Server, error) {"),
        ("server.go", "h(w)", "func (s *Server) ServeHTTP("),
        ("users.js", "return this.#cache.size", "get size() {"),
        ("users.js", "console.log", "export async function findUser(id) {"),
        ("node.c", "return call", "static inline int add(int a, int b)"),
        ("Order.cs", "return await", "public async Task<int> SaveAsync(CancellationToken token)"),
        ("stack.cpp", "items_.back", "T top() const noexcept {"),
        ("order.rb", "puts item", "def total(tax: 0)"),
        ("deploy.sh", 'echo "usage', "usage() {"),
        ("deploy.sh", 'deploy "$@"', ""),
    ],
)
def test_a_line_is_enclosed_in_other_languages_too(name, text, holder):
    plain, _ = sample(name)
    line = next(n for n, one in enumerate(plain, start=1) if text in one)
    assert enclosing(plain, line) == holder


def test_a_signature_has_its_parameters_on_one_line_and_keeps_its_indentation():
    assert signatures(PYTHON) == ((3, "class A:"), (6, "    def f( self, x, ):"))


@given(st.text(st.sampled_from("(){}[]@#/*:=>< \t\nabdefclsunt")))
def test_any_text_has_definitions_in_order_within_its_lines(text):
    source = tuple(text.split("\n"))
    found = definitions(source)
    assert [one.line for one in found] == sorted({one.line for one in found}) == [n for n, _ in signatures(source)]
    assert all(1 <= one.first <= one.line <= one.last <= len(source) for one in found)
    assert all(isinstance(enclosing(source, n), str) for n in range(1, len(source) + 1))


@pytest.mark.parametrize("unit", ["a ", "(", "a<", "a: ", "pub ", "const ", "\t", "[", "a,", "function ", "type a ["])
def test_a_hostile_line_does_not_stall_the_review(unit):
    hostile = (unit * 200_000, unit * 200_000)
    assert len(definitions(hostile)) <= 2


def test_a_hostile_file_does_not_stall_the_review():
    nested = tuple(" " * depth + "def f():" for depth in range(400))
    assert {one.last for one in definitions(nested + ("",) * 500_000)} == {400}
    assert definitions(("a(",) * 100_000) == ()


def test_a_definition_ends_with_its_brace_or_before_what_follows():
    plain, _ = sample("Orders.java")
    ends = {plain[one.line - 1].split("(")[0].split()[-1]: plain[one.last - 1] for one in definitions(plain)}
    assert ends["Orders"] == "    }"
    assert ends["sorted"] == "    }"
    assert ends["{"] == "}"
    assert ends["Pair"] == "record Pair(int a, int b) {}"
