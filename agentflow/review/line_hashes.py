"""GitHub's own fingerprint of a line, by which code scanning knows an alert again.

Its upload action computes them where it has a checkout, and warns where a log holds another one (`fingerprints.ts` of
github/codeql-action); without a checkout they have to be in the log.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from agentflow.review.source import Source

#: Characters that go into one hash, beginning with the line's first.
_WINDOW = 100
_BASE, _BITS = 37, (1 << 64) - 1
#: What stands for the end of a file.
_END = 0xFFFF


def line_hashes(source: Source) -> tuple[str, ...]:
    """A hash for every line, the empty one after a last line break too; equal ones are numbered from 1.

    Blanks and tabs do not count, all line breaks are alike, and characters are those of UTF-16, as in JavaScript.
    Empty for a notebook, of which not every line is at hand.
    """
    if source.read is not None:
        return ("",) * len(source.lines)
    text = "\n".join((*source.lines, *(() if source.unended else ("",))))
    plain = re.sub(r"[ \t]", "", re.sub(r"\r\n?", "\n", text)).encode("utf-16-le", "surrogatepass")
    units = [int.from_bytes(plain[at : at + 2], "little") for at in range(0, len(plain), 2)]
    starts = [0, *(at + 1 for at, unit in enumerate(units) if unit == ord("\n"))]
    seen = Counter[str]()
    return tuple(_numbered(starts, [*units, _END, *[0] * _WINDOW], seen))


def _numbered(starts: list[int], units: list[int], seen: Counter[str]) -> Iterator[str]:
    for start in starts:
        value = 0
        for unit in units[start : start + _WINDOW]:
            value = (value * _BASE + unit) & _BITS
        seen[f"{value:x}"] += 1
        yield f"{value:x}:{seen[f'{value:x}']}"
