"""The forms of a review by name, and which one a file's name asks for. Each writer is imported when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from agentflow.errors import UsageError
from agentflow.report.reviews.loading import Review


def format_for(path: Path | str) -> str:
    """The form that fits the file's name. Raises UsageError for a name that fits none."""
    name = Path(path).name.lower()
    for suffix, form in _SUFFIXES.items():
        if name.endswith(suffix):
            return form
    raise UsageError(f"no form of a review fits the name {str(path)!r}", hint=f"known endings: {', '.join(_SUFFIXES)}")


def _text(review: Review) -> str:
    from agentflow.report.reviews.text import review_text

    return review_text(review)


def _markdown(review: Review) -> str:
    from agentflow.report.reviews.markdown import review_markdown

    return review_markdown(review)


def _json(review: Review) -> str:
    from agentflow.report.documents import as_text
    from agentflow.report.reviews.document import review_document

    return as_text(review_document(review))


def _sarif(review: Review) -> str:
    from agentflow.report.documents import as_text
    from agentflow.report.reviews.sarif import review_sarif

    return as_text(review_sarif(review))


def _rdjson(review: Review) -> str:
    from agentflow.report.documents import as_text
    from agentflow.report.reviews.rdjson import review_rdjson

    return as_text(review_rdjson(review))


def _rdjsonl(review: Review) -> str:
    import json

    from agentflow.report.reviews.rdjson import review_rdjsonl

    return "\n".join(json.dumps(one) for one in review_rdjsonl(review))


def _github(review: Review) -> str:
    from agentflow.report.reviews.annotations import review_annotations

    return review_annotations(review)


FORMATS: Mapping[str, Callable[[Review], str]] = MappingProxyType(
    {
        "text": _text,
        "markdown": _markdown,
        "json": _json,
        "sarif": _sarif,
        "rdjson": _rdjson,
        "rdjsonl": _rdjsonl,
        "github": _github,
    }
)

#: Longer endings before those that they end with.
_SUFFIXES = {
    ".sarif": "sarif",
    ".sarif.json": "sarif",
    ".rdjson": "rdjson",
    ".rdjsonl": "rdjsonl",
    ".json": "json",
    ".md": "markdown",
    ".txt": "text",
}
