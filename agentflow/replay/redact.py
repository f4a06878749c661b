"""What must never reach a log or a recording: credentials, whole or in passing."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from agentflow.domain.redaction import Known, redacted

_CREDENTIAL_HEADER = re.compile(r"key|token|auth|cookie|secret|credential|password", re.IGNORECASE)


def redact(value: Any, secrets: Collection[str] = ()) -> Any:
    """JSON data with everything that looks like a key, and every one of `secrets`, replaced."""
    return redacted(value, Known(dict.fromkeys(secrets, "credential")))


def safe_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be kept: none with a credential's name, values redacted."""
    return {name: redact(value) for name, value in headers.items() if not _CREDENTIAL_HEADER.search(name)}


def secrets_in(headers: Mapping[str, str]) -> set[str]:
    """The credentials a request carries, whole and without scheme or cookie name, so that they can be looked for."""
    values = [value for name, value in headers.items() if _CREDENTIAL_HEADER.search(name)]
    parts = [part for value in values for part in re.split(r"[\s;,=]+", value)]
    return {value for value in (*values, *parts) if len(value) >= 8}
