"""Scenarios: YAML files that say what the model answers.

    name: two-files
    about: One agent edits a file; its first request meets a rate limit.
    rules:
      - when: {agent: execute, subtask: add-parser, tier: haiku}
        turns:
          - fault: {status: 429, headers: {retry-after: "1"}}
          - say: I will look at the file first.
            calls: [{tool: Read, input: {file_path: "{cwd}/src/x.py"}}]
          - answer: {status: done, summary: Read it., confidence: 0.9, blocked_reason: null}

A conversation is one session of one agent: requests with the same X-Agentflow-* labels and the same Claude Code session
(without a session, the same first message); each sub-agent that a session starts has its own. It takes the first rule
that matches and is not used up, and that rule's turns answer its requests one by one. When the turns are spent, the
next request looks for a rule again: so a fix round, which goes on in the same session, is either more turns of the same
rule or another rule, found by `round` or `last`. `times` is how often a rule may be taken, by whichever conversations:
1 unless given, "*" without end. Parallel conversations with the same labels are told apart by `last` or `any`. A
request that no rule answers is refused.

`when`: all conditions given must hold.
  agent, subtask, tier, attempt   the label, one of a list, or "*"
  round                           2 once the conversation has given a structured answer, 3 after the second, …
  tools                           all of these are offered
  tool_result                     whether the last user message carries tool results
  model, system, last, any        a regular expression found in the model's name, the system prompt, the last user
                                  message (tool results included), the request's JSON
  headers                         regular expressions by header name

A turn is, in this order, `thinking`, `say`, `calls` and a structured `answer`, or else raw `content` blocks.
`{cwd}` stands for the session's working directory, `{python}` for a command that starts this interpreter; doubled
braces keep them from being filled in.
`delay` waits before the first byte (seconds). `model`, `stop_reason` and `usage` override what is reported.

`fault` spoils the first `times` requests that reach the turn (1 unless given, "*" for all); then the turn answers as
written, or, if it says nothing, the next one does.
  status (300-599), type, headers, message   an HTTP error; with `body` that text instead of the API's JSON
  body, headers           this text instead of the answer, under status 200
  drop: PLACE             the connection is cut there
  end: PLACE              the answer ends there, as if it were whole
  hang: seconds, where: PLACE (connect unless given)   silence, then the connection is cut
  sse_error: type, where: PLACE (mid unless given)     an error event inside the stream
  drip: seconds           the whole answer, with this pause before each event
  odd: KIND               the whole answer, as a client has to bear it
PLACE is connect (before the headers), headers (after them), mid (after half of the events) or the name of an event:
after the last one of that name. An answer that is not streamed has its middle in place of any event.
KIND: crlf and cr end lines so; bytes parts it anywhere, also within a character; strangers puts comments, pings and
events that nobody knows between the others; twice says the last event twice; flood sends 100,000 pings first, huge a
comment of 16 MB. An answer that is not streamed has spaces in place of pings and comments, and else is as it was.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from agentflow.config.validation import StrictModel, unknown, validate
from agentflow.config.yaml import load_yaml, read_yaml
from agentflow.domain.tiers import Tier

#: Recordings of long runs are larger than what people write: up to 16 MiB and 640,000 values.
_SCALE = 64
T = TypeVar("T")
Place = Literal[
    "connect",
    "headers",
    "mid",
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
]
Odd = Literal["crlf", "cr", "bytes", "strangers", "twice", "flood", "huge"]


def _choice(value: Any) -> tuple[str, ...]:
    """One label or a list of labels, as text."""
    values = value if isinstance(value, list) else [value]
    if not values or any(isinstance(item, bool) or not isinstance(item, str | int) for item in values):
        raise ValueError('must be a name, a list of names, or "*"')
    return tuple(map(str, values))


def _tiers(value: Any) -> tuple[str, ...]:
    chosen = _choice(value)
    if strangers := [name for name in chosen if name not in (*Tier, "*")]:
        raise ValueError(unknown("tier", strangers[0], [tier.value for tier in Tier]))
    return chosen


def _some(value: tuple[T, ...]) -> tuple[T, ...]:
    if not value:
        raise ValueError("at least one is needed")
    return value


def _times(value: Any) -> float:
    if value == "*":
        return math.inf
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError('must be a whole number from 1, or "*"')
    return value


Choice = Annotated[tuple[str, ...], BeforeValidator(_choice)]
TierChoice = Annotated[tuple[str, ...], BeforeValidator(_tiers)]
Times = Annotated[float, BeforeValidator(_times)]
ANY: tuple[str, ...] = ("*",)


class When(StrictModel):
    """What a request must be like for a rule to be taken."""

    agent: Choice = ANY
    subtask: Choice = ANY
    tier: TierChoice = ANY
    attempt: Choice = ANY
    round: Annotated[int, Field(ge=1)] | None = None
    tools: tuple[str, ...] = ()
    tool_result: bool | None = None
    model: re.Pattern[str] | None = None
    system: re.Pattern[str] | None = None
    last: re.Pattern[str] | None = None
    any: re.Pattern[str] | None = None
    headers: dict[str, re.Pattern[str]] = Field(default_factory=dict)


class Call(StrictModel):
    """A tool call the model makes."""

    tool: str
    input: dict[str, Any] = Field(default_factory=dict)


class Fault(StrictModel):
    """Something that goes wrong on the wire."""

    status: Annotated[int, Field(ge=300, le=599)] | None = None
    type: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    message: str = ""
    body: str | None = None
    drop: Place | None = None
    end: Place | None = None
    hang: Annotated[float, Field(gt=0)] | None = None
    sse_error: str | None = None
    where: Place | None = None
    drip: Annotated[float, Field(gt=0)] | None = None
    odd: Odd | None = None
    times: Times = 1

    @model_validator(mode="after")
    def _is_one_fault(self) -> Self:
        literal = self.status if self.status is not None else self.body
        kinds = (literal, self.drop, self.end, self.hang, self.sse_error, self.drip, self.odd)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a fault is exactly one of status or body, drop, end, hang, sse_error, drip, odd")
        return self


class Turn(StrictModel):
    """One answer of the model."""

    thinking: str | None = None
    say: str | None = None
    calls: tuple[Call, ...] = ()
    answer: dict[str, Any] | None = None
    content: tuple[dict[str, Any], ...] | None = None
    fault: Fault | None = None
    delay: Annotated[float, Field(ge=0)] = 0
    model: str | None = None
    stop_reason: str | None = None
    usage: dict[str, Any] = Field(default_factory=dict)

    @property
    def speaks(self) -> bool:
        """Whether there is an answer besides a fault."""
        return self.content is not None or self._is_composed

    @property
    def _is_composed(self) -> bool:
        return bool(self.calls) or any(part is not None for part in (self.thinking, self.say, self.answer))

    @model_validator(mode="after")
    def _is_one_answer(self) -> Self:
        if not self.speaks and self.fault is None:
            raise ValueError("a turn needs one of say, thinking, calls, answer, content or fault")
        if self.content is not None and self._is_composed:
            raise ValueError("content stands alone: it cannot be mixed with say, thinking, calls or answer")
        return self


class Rule(StrictModel):
    """Who is answered, how often, and with what."""

    when: When = When()
    times: Times = 1
    turns: Annotated[tuple[Turn, ...], AfterValidator(_some)]


class Scenario(StrictModel):
    """Rules in order of precedence."""

    name: str
    about: str = ""
    rules: Annotated[tuple[Rule, ...], AfterValidator(_some)]


def load_scenario(file: Path) -> Scenario:
    """Read a scenario file. Raises UsageError naming every mistake with its line."""
    return validate(Scenario, read_yaml(file, scale=_SCALE), str(file))


def parse_scenario(text: str, source: str = "scenario") -> Scenario:
    """A scenario from YAML text; `source` is its name in errors. Raises UsageError as `load_scenario` does."""
    return validate(Scenario, load_yaml(text, source, scale=_SCALE), source)
