"""The one place that prints. stdout is data, stderr is for people; what becomes of either is `streams`' to say.

File names and models' words reach the screen from here, so everything is stripped of what steers a terminal, whatever
its origin; and nothing dynamic is ever read as Rich markup.
"""

from __future__ import annotations

import os
import re
import sys

from rich.console import Console
from rich.text import Text

from agentflow.domain.text import UNSHOWN
from agentflow.report.streams import lost

_ESCAPES = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|(?=\x1b)|\Z)"  # OSC: titles, links, clipboard
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c|(?=\x1b)|\Z)"  # DCS, SOS, PM, APC
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|\x1b[ -/]*[0-~]?"
)
_BREAKS = re.compile(r"[\t\v\f\x85\u2028\u2029]|\r?\n|\r")
#: Of what is unseen: line ends, and what joins, parts and colours the letters and emoji of honest text.
_KEPT = "\n\u200c\u200d\ufe0e\ufe0f"
_MARKS = {"✓": "green", "✗": "red"}
_LABELS = {"error": "bold red", "warning": "bold yellow", "hint": "bold cyan"}


def safe(text: str, *, newlines: bool = False) -> str:
    """The text without anything that could steer or deceive a terminal; on one line unless `newlines`."""
    plain = _ESCAPES.sub("", text)
    lines = _BREAKS.sub(lambda found: "\n" if found[0].endswith(("\n", "\r")) else " ", plain)
    visible = UNSHOWN.sub(lambda found: found[0] if found[0] in _KEPT else "", lines)
    return visible if newlines else visible.replace("\n", " ")


def people() -> Console:
    """A console on stderr. Honours NO_COLOR, FORCE_COLOR and TERM=dumb; animates only on a real terminal."""
    console = Console(stderr=True, markup=False, emoji=False, highlight=False, force_interactive=animated())
    if not console.width:  # with COLUMNS=0 Rich would print nothing at all
        console.width = 80
    return console


def animated() -> bool:
    """Whether stderr is a terminal that can redraw."""
    stream = sys.stderr
    return stream is not None and stream.isatty() and os.environ.get("TERM", "") not in {"dumb", "unknown"}


def note(text: str, console: Console | None = None) -> None:
    """Lines for people, marks coloured. Long lines are left to the terminal to wrap."""
    styled = Text(safe(text, newlines=True))
    for mark, style in _MARKS.items():
        styled.highlight_regex(mark, style)
    _print(styled, console)


def warn(message: str) -> None:
    _print(_labelled("warning", message))


def error(message: str, hint: str | None = None) -> None:
    """What went wrong; after an empty line, what to do about it."""
    _print(_labelled("error", message))
    if hint:
        _print(Text("\n").append_text(_labelled("hint", hint)))


def data(text: str, *, own: bool = False) -> None:
    """The answer itself, on stdout: exact in a pipe or a file, without terminal controls on a screen.

    `own`: it is the user's own code, for programs to read: in a pipe or a file its secrets stay as they are.
    Raises EnvironmentError_ when it cannot be written.
    """
    out = sys.stdout
    if out is None:
        raise lost("it is closed")
    if out.isatty():
        out.write(safe(text, newlines=True) + "\n")
    else:
        (getattr(out, "write_exact", out.write) if own else out.write)(text + "\n")
    out.flush()


def _labelled(label: str, message: str) -> Text:
    return Text.assemble((label, _LABELS[label]), ": ", safe(message, newlines=True))


def _print(text: Text, console: Console | None = None) -> None:
    (console or people()).print(text, soft_wrap=True)
