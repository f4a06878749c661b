"""Claude Code's transcripts, read on from where the last look ended: which models a conversation used, and how much.

A transcript is a file of JSON lines. An answer stands there as one line per content block, each with the usage of the
whole answer: it counts once, by its message id, as its last line has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from agentflow.domain.calls import Tokens
from agentflow.models.decoder import json_object, table, text
from agentflow.models.usage import is_told as usage_is_told
from agentflow.models.usage import tokens_of

#: USD of one request to a model, None when nobody knows.
Price = Callable[[str, Tokens], float | None]
#: How many answers are remembered by id, in case one comes up again.
_REMEMBERED = 64
#: What Claude Code itself put in place of an answer.
_SYNTHETIC = "<synthetic>"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered request, `at` in Unix seconds. `is_told`: whether its usage can be believed."""

    id: str
    model: str
    requested: str
    tokens: Tokens
    at: float
    is_told: bool = True


@dataclass(frozen=True, slots=True)
class Sum:
    """What one model served on one local day, those requests apart that have no price. USD."""

    model: str
    requested: str
    day: str
    started_at: float
    requests: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Account:
    """A transcript up to byte `offset`. `open` is its last answer, which may get more lines, `known` those before."""

    offset: int = 0
    sums: tuple[Sum, ...] = ()
    open: Answer | None = None
    known: tuple[str, ...] = ()

    def totals(self, price: Price) -> tuple[Sum, ...]:
        """All sums so far."""
        return _added(self.sums, self.open, price) if self.open else self.sums


def read_on(account: Account, path: Path, since: float, price: Price) -> Account:
    """The account with what was appended, as far as it is written in full; raises OSError.

    Answers from before `since` (Unix seconds) are not its own: a session that was forked begins with a copy of them.
    """
    if path.stat().st_size < account.offset:
        account = Account()
    with path.open("rb") as file:
        file.seek(account.offset)
        for line in _whole_lines(file):
            account = replace(account, offset=account.offset + len(line))
            answer = _answer(line)
            if answer and answer.at >= since:
                account = _taken(account, answer, price)
    return account


def _whole_lines(lines: Iterator[bytes]) -> Iterator[bytes]:
    return (line for line in lines if line.endswith(b"\n"))


def _taken(account: Account, answer: Answer, price: Price) -> Account:
    """The account with one more line of an answer."""
    before = account.open
    if answer.id in account.known:
        return account
    if before is None or before.id == answer.id:
        return replace(account, open=answer)
    known = (*account.known, before.id)[-_REMEMBERED:]
    return replace(account, sums=_added(account.sums, before, price), open=answer, known=known)


def _added(sums: tuple[Sum, ...], answer: Answer, price: Price) -> tuple[Sum, ...]:
    """The sums with one more request, priced by itself: a model may cost more for a long prompt."""
    cost = price(answer.model, answer.tokens) if answer.is_told else None
    day = time.strftime("%Y-%m-%d", time.localtime(answer.at))
    fresh = Sum(answer.model, answer.requested, day, answer.at, cost_usd=None if cost is None else 0.0)
    mine = next((one for one in sums if _kind(one) == _kind(fresh)), fresh)
    total = None if mine.cost_usd is None or cost is None else mine.cost_usd + cost
    grown = replace(mine, requests=mine.requests + 1, tokens=mine.tokens + answer.tokens, cost_usd=total)
    return (*(one for one in sums if one is not mine), grown)


def _kind(one: Sum) -> tuple[str, str, str, bool]:
    return one.model, one.requested, one.day, one.cost_usd is None


def _answer(line: bytes) -> Answer | None:
    """The answer that a line is of; None for anything else, a damaged line among it."""
    if b'"assistant"' not in line:
        return None
    entry = json_object(line) or {}
    message = table(entry.get("message"))
    model, answer_id, usage = text(message.get("model")), text(message.get("id")), table(message.get("usage"))
    at = _moment(text(entry.get("timestamp")))
    if entry.get("type") != "assistant" or model in {"", _SYNTHETIC} or not answer_id or not usage or at is None:
        return None
    is_told = usage_is_told(usage, says_something=bool(message.get("content")))
    return Answer(answer_id, model, text(entry.get("requestedModel")) or model, tokens_of(usage), at, is_told)


def _moment(stamp: str) -> float | None:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError):
        return None
