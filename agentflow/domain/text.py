"""Text that came from file names."""

from __future__ import annotations


def printable(name: str) -> str:
    """A file name that is not UTF-8, with its odd bytes written out, so that every store and screen can hold it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
