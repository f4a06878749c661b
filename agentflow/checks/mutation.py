"""Mutants: small wrong versions of changed Python lines, to see whether the checks would notice.

Our own and not a library: mutmut and cosmic-ray mutate whole packages from their own configuration and run the tests
themselves; here the lines are a diff's, and the checks run like any others, on a commit.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import groupby

#: What stands in for an operator: near enough to be a plausible slip.
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "/", ast.Mod: "*", ast.Pow: "*",
    ast.BitAnd: "|", ast.BitOr: "&", ast.BitXor: "&", ast.LShift: ">>", ast.RShift: "<<",
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in", ast.And: "or", ast.Or: "and",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong version of a file. `line` is 1-based; `was` and `now` are the replaced code and what replaces it."""

    path: str
    line: int
    was: str
    now: str
    source: str


def mutants(path: str, source: str, lines: Collection[int], most: int) -> tuple[Mutant, ...]:
    """At most `most` mutants of these lines of a Python file, spread over the lines; none where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    text = source.encode()
    found = [made for node in _nodes(tree) for made in _of_node(path, text, node) if made.line in lines]
    found.sort(key=lambda mutant: mutant.line)
    return _spread([list(group) for _, group in groupby(found, key=lambda mutant: mutant.line)], most)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of annotations, which run nothing, and of f-strings, which Python 3.11 places wrongly."""
    yield node
    for name, value in ast.iter_fields(node):
        inner = value if isinstance(value, list) else [value]
        if name not in {"annotation", "returns"} and not isinstance(node, ast.JoinedStr):
            yield from (found for one in inner if isinstance(one, ast.AST) for found in _nodes(one))


def _spread(by_line: list[list[Mutant]], most: int) -> tuple[Mutant, ...]:
    """One of every line, then a second one of each, and so on."""
    rounds = max(map(len, by_line), default=0)
    ordered = [group[n] for n in range(rounds) for group in by_line if n < len(group)]
    return tuple(ordered[:most])


def _of_node(path: str, text: bytes, node: ast.AST) -> Iterator[Mutant]:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            yield from _between(path, text, left, right, _OPERATORS.get(type(op)))
        case ast.BoolOp(op=op, values=[first, second, *_]):
            yield from _between(path, text, first, second, _OPERATORS.get(type(op)))
        case ast.Compare(left=left, ops=[op, *_], comparators=[right, *_]):
            yield from _between(path, text, left, right, _OPERATORS.get(type(op)))
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield _replaced(path, text, test, lambda code: f"(not ({code}))")
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield _replaced(path, text, value, lambda _: "None")
        case ast.Constant(value=bool() as flag):
            yield _replaced(path, text, node, lambda _: str(not flag))
        case ast.Constant(value=int() | float()):
            yield _replaced(path, text, node, lambda code: f"({code} + 1)")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _between(path: str, text: bytes, left: ast.expr, right: ast.expr, operator: str | None) -> Iterator[Mutant]:
    """The operator between two operands replaced; brackets and line ends around it stay."""
    start, end = _place(text, left)[1], _place(text, right)[0]
    gap = text[start:end].decode()
    code = gap.strip("() \t\r\n\\")
    if operator is not None and code and "#" not in gap:
        changed = gap.replace(code, operator, 1)
        yield Mutant(path, left.end_lineno or 1, code, operator, _spliced(text, start, end, changed))


def _replaced(path: str, text: bytes, node: ast.expr, change: Callable[[str], str]) -> Mutant:
    start, end = _place(text, node)
    code = text[start:end].decode()
    now = change(code)
    return Mutant(path, node.lineno, code, now, _spliced(text, start, end, now))


def _spliced(text: bytes, start: int, end: int, code: str) -> str:
    return (text[:start] + code.encode() + text[end:]).decode()


def _place(text: bytes, node: ast.expr) -> tuple[int, int]:
    """Where a node's code begins and ends, in bytes: columns of the syntax tree count UTF-8."""
    starts = [0]
    for line in text.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return starts[node.lineno - 1] + node.col_offset, starts[end_line - 1] + end_column
