"""Text in the encoding its file has: read, changed and written back so that no other byte differs.

Claude Code's own tools write UTF-8, with or without a mark, and little-endian UTF-16 behind its mark; they refuse the
rest.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

#: What a file says of itself: Python's cookie, HTML's and CSS's charset, XML's encoding, vim's and emacs' lines.
_DECLARED = re.compile(rb"(?:coding|charset)[ \t]*[:=][ \t]*[\"']?([A-Za-z][\w.-]{1,40})")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
#: What files without a word about it mostly are, to choose from.
_LEGACY = ("windows-1252", "gb18030", "shift_jis", "euc-jp", "big5", "euc-kr", "windows-1251")


def read(data: bytes, encoding: str = "") -> tuple[str, str]:
    """A file's text, line ends and marks included, and the encoding it is in: the one named, or what the file shows.

    Raises ValueError, with the encodings to choose from, where it shows none.
    """
    for name in filter(None, (encoding, _shown(data))):
        found = _decoded(data, name)
        if found is not None:
            return found, name
        raise ValueError(f"the file is not {name}{_choice(data)}")
    raise ValueError(f"the file does not say its encoding{_choice(data)}")


def replaced(data: bytes, old: str, new: str, encoding: str = "") -> bytes:
    """The file with `new` in place of `old`, which must stand in it exactly once.

    Where both are ASCII the encoding need not be known. Raises ValueError with what to do about it.
    """
    if not encoding and _shown(data) is None and old.isascii() and new.isascii() and b"\0" not in data:
        encoding = "latin-1"  # every byte is a character of it and comes back as it was
    before, encoding = read(data, encoding)
    if "\r\n" in before and "\r" not in old + new:
        old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    if (times := before.count(old) if old else 0) != 1:
        raise ValueError(f"`old` stands in the file {times} times, not once" if old else "`old` is empty")
    try:
        return before.replace(old, new).encode(encoding)
    except UnicodeEncodeError as error:
        raise ValueError(f"{encoding} has no character {error.object[error.start]!r}") from None


def _shown(data: bytes) -> str | None:
    """The encoding by mark, by what the first lines say, or because the bytes can be nothing else."""
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if marked or _decoded(data, "utf-8") is not None:
        return marked or "utf-8"
    found = _DECLARED.search(data[:1000])
    name = found[1].decode() if found else None
    return name if name and _decoded(data, name) is not None else None


def _decoded(data: bytes, name: str) -> str | None:
    """The text, None where the bytes are not it or would come back as others."""
    try:
        text = data.decode(name)
        return text if text.encode(name) == data else None
    except (LookupError, UnicodeError):
        return None


def _choice(data: bytes) -> str:
    listed = "; ".join(_samples(data))
    return f": say `encoding`. Its first such line reads {listed}" if listed else ", nor is it text in any we know"


def _samples(data: bytes) -> Iterator[str]:
    for name in _LEGACY:
        text = _decoded(data, name)
        if text is not None and not re.search("[\x80-\x9f]", text):
            line = next((line for line in text.splitlines() if not line.isascii()), "")
            yield f"{line.strip()[:60]!r} as {name}"
