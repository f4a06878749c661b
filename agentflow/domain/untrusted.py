r"""What somebody else wrote, on its way into a prompt: framed, visible and cut.

A repository, a pull request, a tool and another model are quoted between tags that nothing in them can close or look
like. Instructions that a person or a planner gave stand between tags of their own, which are theirs to fill but not to
leave. Every unseen character is written out, as reviewers are shown code: `\x1b`, `\u202e`.
"""

from __future__ import annotations

import re

from agentflow.domain.text import shown

#: Characters of one frame. What gives more has been cut by whoever knows where to; this is the wall behind.
MOST = 200_000
#: Characters of a name or a reason within a sentence of ours.
MOST_OF_NAME = 300

_INSTRUCTIONS = "task|subtask|question"
_OUR_TAGS = re.compile(rf"<(?=\s*/?\s*(?:{_INSTRUCTIONS})\b)", re.IGNORECASE)
_ANY_TAGS = re.compile(rf"<(?=\s*/?\s*(?:untrusted|{_INSTRUCTIONS})\b)", re.IGNORECASE)
_QUOTED = str.maketrans({'"': r"\x22", "<": r"\x3c", ">": r"\x3e"})


def untrusted(source: str, text: str, most: int = MOST) -> str:
    """Text that is data and never an instruction, with whose it is."""
    inert = "\n".join(map(inert_line, _lines(text, most)))
    return f'<untrusted source="{name(source)}">\n{inert}\n</untrusted>'


def instructions(tag: str, text: str, most: int = MOST, **attributes: str) -> str:
    """A task, subtask or question. Frames of `untrusted` may stand within."""
    visible = "\n".join(_OUR_TAGS.sub(r"<\\", _visible(line)) for line in _lines(text, most))
    told = "".join(f' {key}="{name(value)}"' for key, value in attributes.items())
    return f"<{tag}{told}>\n{visible}\n</{tag}>"


def inert_line(line: str) -> str:
    """One line as it may stand in a frame."""
    return _ANY_TAGS.sub(r"<\\", _visible(line))


def name(text: str) -> str:
    """A path, id or command as it may stand within an attribute or a sentence: on one line, no quote or tag in it."""
    cut = text if len(text) <= MOST_OF_NAME else f"{text[: MOST_OF_NAME - 1]}…"
    return quoted(cut)


def quoted(text: str) -> str:
    """The same at its whole length."""
    return shown(text).translate(_QUOTED)


def _lines(text: str, most: int) -> list[str]:
    more = [f"… {len(text) - most} more characters, not shown"] if len(text) > most else []
    return [*(line.removesuffix("\r") for line in text[:most].split("\n")), *more]


def _visible(line: str) -> str:
    return "\t".join(shown(piece) for piece in line.split("\t"))
