"""From a file's bytes to lines, and from text to tokens."""

from __future__ import annotations

import codecs
import re

#: The longer marks first: UTF-32's begins with UTF-16's.
_MARKED = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Control characters that stand in no text, whatever its encoding.
_NO_TEXT = re.compile(rb"[\x01-\x07\x0b\x0e-\x1a\x1c-\x1f\x7f]")


def decode(content: bytes) -> str | None:
    """The text of a file, None if it is binary.

    A byte order mark decides and is dropped. Without one, NUL means binary; then UTF-8 is tried. What is neither is
    binary if it holds control characters, else it is read as Windows-1252, or as Latin-1 where that has no character:
    letters may come out wrong, lines and code do not.
    """
    for mark, encoding in _MARKED:
        if content.startswith(mark):
            return _strictly(content, encoding)
    if b"\0" in content:
        return None
    text = _strictly(content, "utf-8")
    return text if text is not None else _western(content)


def _strictly(content: bytes, encoding: str) -> str | None:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _western(content: bytes) -> str | None:
    if _NO_TEXT.search(content):
        return None
    windows = _strictly(content, "cp1252")
    return windows if windows is not None else content.decode("latin-1")


def lines_of(text: str) -> tuple[str, ...]:
    r"""The lines as git counts them: `\n` alone ends one. A `\r` before it is dropped; a last `\n` begins no line."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return tuple(line.removesuffix("\r") for line in lines)


def tokens(text: str) -> int:
    """An estimate of the tokens a model counts: four bytes of UTF-8 each, rounded up (Anthropic's rule of thumb)."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)
