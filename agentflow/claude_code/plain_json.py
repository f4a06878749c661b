"""JSON read without the `json` package, whose import takes longer than everything else a hook does.

The package's own scanner is a part of CPython written in C. Where an interpreter has none, and to say what is wrong
with a document, `json` itself reads.
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

        value, end = make_scanner(_Plain)(words, 0)  # type: ignore[arg-type]
    except (ImportError, StopIteration, SystemError):
        # CPython 3.11 raises a SystemError instead of the `json` package's error when that is not imported.
        end = -1
    return value if end == len(words) else _parsed_by_json(words)


def _parsed_by_json(words: str) -> Any:
    import json

    return json.loads(words, strict=False)


def parsed_dict(text: bytes) -> dict[str, Any]:
    """The object of a JSON document; raises ValueError when it is anything else."""
    value = parsed(text)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  one error for every kind of wrong document
    return value
