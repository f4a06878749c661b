"""Which JSON Schemas the Messages API takes in `output_config`: a part of the standard; the rest is a 400.

The rules are those of "JSON Schema limitations" in Anthropic's guide to structured outputs, the words those the API
answers with. Keywords the guide does not name are refused too: what is accepted here must be accepted there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_ANYWHERE = frozenset(
    {
        *("type", "title", "description", "default", "enum", "const", "anyOf", "allOf"),
        *("$ref", "$defs", "definitions"),
    }
)
_BY_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems"},
    "string": {"format", "pattern"},
}
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
)


def refusal(body: Mapping[str, Any]) -> str | None:
    """What the API has against the output schema of a request; None when there is nothing."""
    asked = (body.get("output_config") or {}).get("format") or {}
    if asked.get("type") != "json_schema":
        return None
    wrong = next(_errors(asked.get("schema")), None)
    return f"output_config.format.schema: {wrong}" if wrong else None


def _errors(node: Any) -> Iterator[str]:
    if not isinstance(node, Mapping):
        yield f"a schema must be an object, not {type(node).__name__}"
        return
    kind = node.get("type")
    unsupported = sorted(node.keys() - _ANYWHERE - _BY_TYPE.get(str(kind), set()))
    if unsupported:
        yield f"For '{kind}' type, {_listed(unsupported)} not supported"
    if kind == "object" and node.get("additionalProperties") is not False:
        yield "For 'object' type, 'additionalProperties' must be explicitly set to false"
    if kind == "array" and node.get("minItems", 0) not in {0, 1}:
        yield "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    if kind == "string" and node.get("format", "uri") not in _FORMATS:
        yield f"For 'string' type, format '{node['format']}' is not supported"
    if any(isinstance(value, Mapping | list) for value in node.get("enum") or ()):
        yield "Complex types within enums are not supported"
    if not str(node.get("$ref", "#")).startswith("#"):
        yield "External $ref is not supported"
    for inner in _within(node):
        yield from _errors(inner)


def _within(node: Mapping[str, Any]) -> Iterator[Any]:
    for key in ("properties", "$defs", "definitions"):
        yield from (node.get(key) or {}).values()
    for key in ("anyOf", "allOf"):
        yield from node.get(key) or ()
    if "items" in node:
        yield node["items"]


def _listed(names: list[str]) -> str:
    return f"property '{names[0]}' is" if len(names) == 1 else f"properties {', '.join(names)} are"
