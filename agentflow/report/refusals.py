"""What agents were refused, by attempt, as the run's events tell it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from agentflow.domain.events import EventKind
from agentflow.report.term import safe
from agentflow.store.ledger import Ledger

#: Tool, argument and reason of each refusal, by subtask and attempt.
Refusals = Mapping[tuple[str, int], Sequence[Mapping[str, str]]]


def refusals(ledger: Ledger, run_id: str) -> Refusals:
    """Every call that the guard or Claude Code refused in the run."""
    found: dict[tuple[str, int], list[Mapping[str, str]]] = defaultdict(list)
    for event in ledger.events(run_id, kind=EventKind.DENIED):
        told = {name: str(event.data.get(name) or "") for name in ("tool", "argument", "reason")}
        found[event.subtask, event.attempt].append(told)
    return found


def refusal_lines(refused: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """A line per tool and reason, with all that was tried."""
    tried: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in refused:
        tried[one["tool"], one["reason"]].append(one["argument"])
    for (tool, reason), arguments in tried.items():
        named = ", ".join(filter(None, dict.fromkeys(arguments)))
        times = f" ({len(arguments)} times)" if len(arguments) > 1 else ""
        yield safe(f"refused {tool} {named}{times}: {reason}")
