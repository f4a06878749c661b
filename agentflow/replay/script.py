"""Which turn answers which request: the matching that `scenario` describes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agentflow.replay.request import LABELS, ReplayRequest
from agentflow.replay.scenario import ANY, Fault, Rule, Scenario, Turn, When


class Unmatched(Exception):  # noqa: N818  a finding about the scenario, told to the client as HTTP 400
    """No rule answers a request. The message names its labels and the nearest rules."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The turn that answers, where it stands in the file, and the fault that spoils it this time."""

    turn: Turn
    place: str
    fault: Fault | None


@dataclass(slots=True)
class _Reading:
    """How far a conversation has come in its rule."""

    rule: int
    turn: int = 0
    faults: int = 0


class Script:
    """A scenario being played."""

    def __init__(self, scenario: Scenario) -> None:
        self._rules = scenario.rules
        self._left = [rule.times for rule in scenario.rules]
        self._readings: dict[tuple[str, ...], _Reading] = {}

    def reply(self, request: ReplayRequest) -> Reply:
        """The next turn for this conversation. Raises Unmatched."""
        reading = self._readings.get(request.conversation)
        if reading is None or reading.turn >= len(self._rules[reading.rule].turns):
            reading = self._readings[request.conversation] = _Reading(self._take(request))
        return self._read_on(reading)

    def _take(self, request: ReplayRequest) -> int:
        for index, rule in enumerate(self._rules):
            if self._left[index] and not any(mismatches(rule.when, request)):
                self._left[index] -= 1
                return index
        raise Unmatched(self._explain(request))

    def _read_on(self, reading: _Reading) -> Reply:
        place = f"rules[{reading.rule}].turns[{reading.turn}]"
        turn = self._rules[reading.rule].turns[reading.turn]
        if turn.fault is None or reading.faults >= turn.fault.times:
            reading.turn, reading.faults = reading.turn + 1, 0
            return Reply(turn, place, None)
        reading.faults += 1
        if not turn.speaks and reading.faults >= turn.fault.times:
            reading.turn, reading.faults = reading.turn + 1, 0
        return Reply(turn, place, turn.fault)

    def _explain(self, request: ReplayRequest) -> str:
        labels = " ".join(f"{name}={request.labels.get(name, '-')}" for name in LABELS)
        near = sorted((list(self._why_not(index, rule, request)), index) for index, rule in enumerate(self._rules))
        nearest = sorted(near, key=lambda found: len(found[0]))[:3]
        rules = "; ".join(f"rules[{index}]: {', '.join(reasons)}" for reasons, index in nearest)
        about = f"model={request.model} round={request.round} last={request.last_text[:200]!r}"
        return f"no rule of the scenario answers this request ({labels} {about}). Nearest: {rules}"

    def _why_not(self, index: int, rule: Rule, request: ReplayRequest) -> Iterator[str]:
        if not self._left[index]:
            yield "used up"
        yield from mismatches(rule.when, request)


def mismatches(when: When, request: ReplayRequest) -> Iterator[str]:
    """Why a request is not what `when` asks for; nothing when it is."""
    yield from _label_mismatches(when, request)
    if when.round not in (None, request.round):
        yield f"round is {request.round}, not {when.round}"
    if missing := set(when.tools) - set(request.tools):
        yield f"tools lack {', '.join(sorted(missing))}"
    if when.tool_result not in (None, bool(request.tool_results)):
        yield f"tool_result is {not when.tool_result}"
    for name, pattern, text in _searches(when, request):
        if pattern is not None and not pattern.search(text):
            yield f"{name} has no {pattern.pattern!r}"


def _label_mismatches(when: When, request: ReplayRequest) -> Iterator[str]:
    wanted = {"agent": when.agent, "subtask": when.subtask, "tier": when.tier, "attempt": when.attempt}
    for label, choice in wanted.items():
        if choice != ANY and request.labels.get(label) not in choice:
            yield f"{label} is not {' or '.join(choice)}"


def _searches(when: When, request: ReplayRequest) -> Iterator[tuple[str, re.Pattern[str] | None, str]]:
    yield "model", when.model, request.model
    yield "system", when.system, request.system
    yield "last", when.last, request.last_text
    if when.any is not None:
        yield "any", when.any, request.searchable()
    for name, pattern in when.headers.items():
        yield f"header {name}", pattern, request.headers.get(name.lower(), "")
