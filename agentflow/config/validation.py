"""From data to a document: every error at once, with file and line, and a guess at what was meant."""

from __future__ import annotations

import difflib
import json
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from agentflow.config.yaml import Document, Place
from agentflow.errors import UsageError

Model = TypeVar("Model", bound=BaseModel)


class StrictModel(BaseModel):
    """A document that people or models write: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def validate(model: type[Model], data: Mapping[str, Any], source: str, *, strict: bool = True) -> Model:
    """`data` as a `model`; raises UsageError with one line per error: `source:line: key: message`.

    The line is there when `data` is a Document, the source when it is not empty. `strict` takes no text for numbers.
    """
    try:
        return model.model_validate_json(json.dumps(data), strict=strict)  # JSON mode: lists and words, yet no coercion
    except ValidationError as error:
        lines = [_worded(model, data, source, details) for details in error.errors(include_url=False)]
        raise UsageError("\n".join(lines)) from error


def located(data: Mapping[str, Any], source: str, place: Place, message: str) -> str:
    """One line of an error report: `source:line: key: message`."""
    at = f"{source}:{data.line(place)}" if source and isinstance(data, Document) else source
    return ": ".join(part for part in (at, dotted(place), message) if part)


def dotted(place: Place) -> str:
    """`subtasks[2].files[0]`: a place as people write it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` when a known word is close, else the empty string."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """`unknown tool 'Raed'; did you mean 'Read'?`, or the list of what is known."""
    words = list(known)
    return f"unknown {what} {word!r}" + (did_you_mean(word, words) or f"; known: {', '.join(words)}")


def _worded(model: type[BaseModel], data: Mapping[str, Any], source: str, details: Mapping[str, Any]) -> str:
    place = tuple(step for step in details["loc"] if step != "[key]")
    return located(data, source, place, _message(model, place, details))


def _message(model: type[BaseModel], place: Place, details: Mapping[str, Any]) -> str:
    given, kind = details["input"], details["type"]
    if kind == "extra_forbidden":
        return "unknown key" + did_you_mean(str(place[-1]), _keys(model, place[:-1]))
    if kind == "missing":
        return "is required"
    if kind in {"enum", "literal_error"} and isinstance(given, str):
        words = [word.strip("'") for word in details["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        return f"{given!r} is not one of {', '.join(words)}" + did_you_mean(given, words)
    message = str(details["msg"]).removeprefix("Value error, ").replace("Input should", "should")
    if kind.endswith(("_type", "_parsing")) and isinstance(given, bool | int | float) and "string" in message:
        return f"{message}; quote it"
    return message


def _keys(model: type[BaseModel], place: Place) -> list[str]:
    """The keys a mapping at `place` may have."""
    kind: Any = model
    for step in place:
        kind = next((found for found in _steps(kind, step)), None)
    models = [found for found in _alternatives(kind) if isinstance(found, type) and issubclass(found, BaseModel)]
    return [field.alias or name for found in models for name, field in found.model_fields.items()]


def _steps(kind: Any, step: str | int) -> Iterator[Any]:
    """The types one step below `kind`."""
    for found in _alternatives(kind):
        if isinstance(found, type) and issubclass(found, BaseModel):
            fields = {field.alias or name: field for name, field in found.model_fields.items()}
            if step in fields:
                yield fields[str(step)].annotation
        elif arguments := typing.get_args(found):
            yield arguments[-1] if typing.get_origin(found) is dict else arguments[0]


def _alternatives(kind: Any) -> tuple[Any, ...]:
    union = typing.get_origin(kind) in {typing.Union, types.UnionType}
    return tuple(part for part in typing.get_args(kind) if part is not types.NoneType) if union else (kind,)
