"""Structured output, validated by us: the schema before a session, the answer after it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from agentflow.errors import UsageError
from agentflow.models.decoder import json_value

#: How deep an answer may be wrapped, and how much of a text is searched for one.
_DEPTH = 4
_TEXT = 200_000
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w-]*[ \t]*\n(.*?)^[ \t]*(?:```|~~~)", re.DOTALL | re.MULTILINE)


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise UsageError when `schema` is no JSON Schema of an object; the CLI would die on it at start."""
    _check(json.dumps(dict(schema)))


@cache
def _check(schema: str) -> None:
    """A run asks thousands of times about a handful of schemas, and each check takes several milliseconds."""
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    given = json.loads(schema)
    try:
        validator_for(given).check_schema(given)
    except SchemaError as error:
        raise UsageError(f"the output schema is invalid at {error.json_path}: {error.message}") from error


def output_error(output: object, schema: Mapping[str, Any]) -> str | None:
    """What is wrong with an answer: where and why, on one line; None when it is an object the schema accepts."""
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for

    if not isinstance(output, Mapping):
        return "no structured output"
    try:  # neither is JSON, and both pass for it: NaN, and text with half of a surrogate pair
        json.dumps(output, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as reason:
        return f"structured output is not JSON: {reason}"[:400]
    if _is_too_large(output):
        return "structured output holds a number that is too large to be meant"
    error = best_match(validator_for(schema)(schema).iter_errors(output))
    return f"structured output at {error.json_path}: {error.message}"[:400] if error else None


def _is_too_large(value: object) -> bool:
    """Whether some number is beyond what databases hold; a schema takes it, be it 1e308, for a whole number."""
    if isinstance(value, Mapping):
        return any(map(_is_too_large, value.values()))
    if isinstance(value, list):
        return any(map(_is_too_large, value))
    return isinstance(value, int | float) and abs(value) >= 1 << 53


def readable(given: object, schema: Mapping[str, Any], *, join: bool = False) -> Mapping[str, Any] | None:
    """The answer that the schema accepts, taken out of what a model put around it; None when there is none.

    That is a fence, prose before and after, one more object, a list or a string; of several in a text the last counts,
    or with `join` their lists together.
    """
    found = (inner for inner in _unwrapped(given, _DEPTH) if output_error(inner, schema) is None)
    answer: dict[str, Any] | None = next(found, None)
    others = found if join and answer is not None and isinstance(given, str) else ()
    for other in [one for one in others if one != answer]:
        answer = {**other, **(answer or {}), **_joined_lists(answer or {}, other)}
    return answer


def _joined_lists(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    both = ((name, one[name], other[name]) for name in one.keys() & other.keys())
    return {
        name: [*a, *(x for x in b if x not in a)] for name, a, b in both if isinstance(a, list) and isinstance(b, list)
    }


def _unwrapped(given: object, depth: int) -> Iterator[Any]:
    """The value, and everything that it may only be the wrapping of."""
    if isinstance(given, Mapping):
        yield given
    if depth == 0:
        return
    for inner in _inside(given):
        yield from _unwrapped(inner, depth - 1)


def _inside(given: object) -> Iterator[Any]:
    match given:
        case str():
            yield from _in_text(given[-_TEXT:])
        case [one]:
            yield one
        case {**fields} if list(fields) == [str(n) for n in range(len(fields))]:
            # Claude Code takes a string or a list apart, character by character or item by item.
            values = list(fields.values())
            letters = [value for value in values if isinstance(value, str)]
            yield "".join(letters) if len(letters) == len(values) else values
            if len(values) == 1:
                yield values[0]
        case {**fields} if len(fields) == 1:
            yield from fields.values()


def _in_text(text: str) -> Iterator[Any]:
    """JSON values in prose, what is likeliest first: the whole, fences from the last on, what stands between braces."""
    for candidate in (text, *reversed(_FENCE.findall(text)), *_braced(text)):
        if (value := json_value(candidate.strip(), _with_repeats)) is not None:
            yield value


def _with_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of which nothing is lost: a key that is there twice has both lists together, or both values as one."""
    table: dict[str, Any] = {}
    for name, value in pairs:
        if name not in table or table[name] == value:
            table[name] = value
        elif isinstance(table[name], list):
            table[name] = [*table[name], *(value if isinstance(value, list) else [value])]
        else:
            table[name] = [table[name], value]
    return table


def _braced(text: str) -> Iterator[str]:
    """From each of the last openings of an object to where it ends."""
    decoder, starts = json.JSONDecoder(), [found.start() for found in re.finditer(r"\{", text)]
    for start in reversed(starts[-200:]):
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        yield text[start:end]
