r"""What reviewers are shown written out, such as `\ufe0f`, put back as it is in the file when they give it back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentflow.review.showing import WIDTH, shown_line

_WRITTEN_OUT = re.compile(
    r"\\[xuU](?:(?<=x)[0-9a-f]{2}|(?<=u)[0-9a-f]{4}|(?<=U)[0-9a-f]{8})|<\\(?=\s*/?\s*(?i:untrusted))"
)
_NOT_SHOWN = re.compile(r"… \d+ more characters, not shown")


def restored(text: str, cited: Sequence[str], lines: Sequence[str]) -> str:
    """Text about the `cited` lines, with the characters that they have, or else the file's `lines`.

    What the code itself spells that way stays. Where the cited lines have both, it cannot be told which is meant, and
    the text stays as it is.
    """
    near, far = "\n".join(cited), "\n".join(lines)
    return _WRITTEN_OUT.sub(lambda found: _true(found[0], near, far), text)


def restored_code(code: str, cited: Sequence[str], lines: Sequence[str]) -> str | None:
    """Code to stand in place of the cited lines; None when it would put what is only shown into the file."""
    if _NOT_SHOWN.search(code) or any(len(line) > WIDTH for line in cited):
        return None
    near = "\n".join(cited)
    both = (
        found[0] in near and _meant(found[0]) in near.replace(found[0], "") for found in _WRITTEN_OUT.finditer(code)
    )
    return None if any(both) else restored(code, cited, lines)


def _true(written: str, near: str, far: str) -> str:
    """The character behind a spelling, or the spelling where the code has that one."""
    meant = _meant(written)
    for text in (near, far):
        if written in text or meant in text:
            return written if written in text else meant
    return written


def _meant(written: str) -> str:
    """What is shown as this spelling; the spelling when nothing is."""
    if written == "<\\":
        return "<"
    code = int(written.lstrip("\\xuU"), 16)
    return chr(code) if code < 0x110000 and shown_line(chr(code)) == written else written
