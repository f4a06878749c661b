"""JSON read without the `json` package, whose import takes longer than everything else a hook does.

The package's own scanner is a part of CPython written in C. Where an interpreter has none, `json` itself reads.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Plain:
    """What the scanner asks about: dicts, floats and ints as they are."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def parsed(text: bytes) -> Any:
    """The value of a JSON document; raises ValueError when it is none."""
    words = text.decode("utf-8", "replace").strip()
    try:
        from _json import make_scanner
    except ImportError:
        import json

        return json.loads(words, strict=False)
    try:
        value, end = make_scanner(_Plain)(words, 0)  # type: ignore[arg-type]
    except StopIteration:
        raise ValueError("no JSON") from None
    if end != len(words):
        raise ValueError("more than one JSON document")
    return value


def parsed_dict(text: bytes) -> dict[str, Any]:
    """The object of a JSON document; raises ValueError when it is anything else."""
    value = parsed(text)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  one error for every kind of wrong document
    return value
