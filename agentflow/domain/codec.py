"""Plain data to JSON and back, for step results and ledger columns."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def encode(value: object) -> Any:
    """JSON data of a domain object."""
    return _adapter(cast(Any, type(value))).dump_python(value, mode="json")


def decode(kind: type[T], data: Any) -> T:
    """The domain object that `encode` wrote; raises pydantic.ValidationError on anything else."""
    return cast(T, _adapter(cast(Any, kind)).validate_python(data))
