"""What agents were refused: told in full, and a wall once one kind of it was met three times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agentflow.domain.text import printable
from agentflow.models.path_guard import GIT_FOLDER, OTHER_ENCODING, OUTSIDE_SCOPE, OUTSIDE_WORKTREE, STEERS
from agentflow.models.session import Denial

#: So many refusals of one kind are a wall: whoever tries next meets it as well.
WALL = 3
_PLACES = (OUTSIDE_WORKTREE, GIT_FOLDER, "the glob leaves the worktree")
_NO_TOOL = "this agent does not have the tool"


def kind_of(denial: Denial) -> str:
    """What stood in the way, in a word or two."""
    if denial.reason.startswith(OUTSIDE_SCOPE) or denial.reason.endswith(STEERS):
        return "scope"
    if denial.reason.startswith(OTHER_ENCODING):
        return "encoding"
    if denial.reason in _PLACES:
        return "place"
    if denial.reason == _NO_TOOL:
        return f"tool {denial.tool}"
    return "command" if denial.tool == "Bash" else denial.reason


def wall_met(denials: Sequence[Denial]) -> tuple[Denial, ...]:
    """The refusals of the kind that was met most, where they are enough to be a wall."""
    counted = Counter(map(kind_of, denials)).most_common(1)
    if not counted or counted[0][1] < WALL:
        return ()
    return tuple(denial for denial in denials if kind_of(denial) == counted[0][0])


def told(denials: Sequence[Denial]) -> str:
    """All of them on one line, alike ones together."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for denial in denials:
        by_reason.setdefault((denial.tool, denial.reason), []).append(denial.argument)
    return "; ".join(
        printable(f"{tool} {', '.join(dict.fromkeys(filter(None, arguments)))}: {reason}")
        for (tool, reason), arguments in by_reason.items()
    )
