"""Values that the user lets through to checks, kept out of everything agentflow writes down or shows to a model."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

#: Shorter values (`1`, `true`) are no secrets, and would be found in every output.
_SHORTEST = 6


def secrets_of(names: Collection[str]) -> dict[str, str]:
    """Placeholders by value, for the variables of these names and the passwords in them; longest values first."""
    found = dict[str, str]()
    for name in names:
        value = os.environ.get(name, "")
        found |= {secret: f"[{name}]" for secret in (value, _password(value)) if len(secret) >= _SHORTEST}
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def redacted(data: Any, secrets: Mapping[str, str]) -> Any:
    """Plain data with every secret in its texts replaced."""
    if isinstance(data, str):
        for secret, placeholder in secrets.items():
            data = data.replace(secret, placeholder)
        return data
    if isinstance(data, dict):
        return {key: redacted(value, secrets) for key, value in data.items()}
    return [redacted(value, secrets) for value in data] if isinstance(data, list) else data


def redact_file(path: Path, secrets: Mapping[str, str]) -> None:
    """The same in a log; harmless when there is none."""
    if not secrets or not path.is_file():
        return
    content = path.read_bytes()
    fresh = content
    for secret, placeholder in secrets.items():
        fresh = fresh.replace(os.fsencode(secret), placeholder.encode())
    if fresh != content:
        path.write_bytes(fresh)


def _password(value: str) -> str:
    try:
        return urlsplit(value).password or ""
    except ValueError:
        return ""
