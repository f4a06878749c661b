"""What this process knows to be secret, and everything that leaves it without that.

Known are the values of the environment's variables that name secrets, at any moment, and what was learned: variables
that the user lets through to checks, and the repository's own files of secrets. What is secret by its looks needs
nobody to know it: see `domain/redaction.py`. Kept in memory alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from agentflow.config.reading import open_file
from agentflow.domain import redaction
from agentflow.domain.redaction import Known, secrets_in, secrets_of
from agentflow.domain.secret_files import may_hold_secrets

#: Bytes of one file of secrets that are read, and files of one repository.
_MOST_BYTES = 256 * 1024
_MOST_FILES = 100

_learned: dict[str, str] = {}


def redact(text: str) -> str:
    """The text as it may leave: on a terminal, in a file, a database, a commit or a prompt."""
    return redaction.redact(text, known())


def redacted(data: Any) -> Any:
    """The same for plain data."""
    return redaction.redacted(data, known())


def redact_file(path: Path) -> None:
    """The same in a log; harmless when there is none, or nothing to hide in it."""
    if not path.is_file() or path.is_symlink():
        return
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    if (fresh := redact(text)) != text:
        path.write_bytes(fresh.encode("utf-8", "surrogateescape"))


class RedactingFormatter(logging.Formatter):
    """For a library's own log."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def known() -> Known:
    return _known(tuple(os.environ.items()), tuple(_learned.items()))


def learn_variables(names: Collection[str]) -> None:
    """Take the values of these variables for secret, and the passwords in them, whatever their names say."""
    given = {name: os.environ.get(name, "") for name in names}
    _learned.update(secrets_of(given, every=True))


def learn_files(root: Path, files: Iterable[str]) -> None:
    """Take what stands in files of secrets for secret; of the files below `root` that are given, the others count not.

    Nothing is followed, and what cannot be read hides nothing.
    """
    for file in [file for file in files if may_hold_secrets(file)][:_MOST_FILES]:
        _learned.update(secrets_in(_text(root / file)))


@lru_cache(maxsize=4)
def _known(environment: tuple[tuple[str, str], ...], learned: tuple[tuple[str, str], ...]) -> Known:
    return Known(secrets_of(dict(environment)) | dict(learned))


def _text(path: Path) -> str:
    try:
        with open_file(path, os.O_NOFOLLOW) as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
