"""Structured output, validated by us: the schema before a session, the answer after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from agentflow.errors import UsageError


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
    error = best_match(validator_for(schema)(schema).iter_errors(output))
    return f"structured output at {error.json_path}: {error.message}"[:400] if error else None
