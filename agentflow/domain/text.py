"""Text that came from file names."""

from __future__ import annotations

import re

#: What is unseen or steers what is seen: controls, line and paragraph separators, bidirectional marks and overrides,
#: invisible characters, surrogates, and the selectors and tags in which whole sentences can hide.
UNSHOWN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def printable(name: str) -> str:
    """A file name that is not UTF-8, with its odd bytes written out, so that every store and screen can hold it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(name: str) -> str:
    """A file name on one line, with every character that is unseen or steers what is seen written out."""
    return UNSHOWN.sub(_written_out, name)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
