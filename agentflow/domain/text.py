"""Text that came from file names."""

from __future__ import annotations

import re

#: Controls, line and paragraph separators, bidirectional marks and overrides, invisible characters, surrogates.
_UNSHOWN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ud800-\udfff]"
)


def printable(name: str) -> str:
    """A file name that is not UTF-8, with its odd bytes written out, so that every store and screen can hold it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(name: str) -> str:
    """A file name on one line, with every character that is unseen or steers what is seen written out."""
    return _UNSHOWN.sub(_written_out, name)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
