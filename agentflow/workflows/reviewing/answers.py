"""What the sessions of a review answer, read finding by finding: what is meant is taken, and the rest is told."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from agentflow.domain.findings import Category, Finding, Severity
from agentflow.domain.tiers import Tier
from agentflow.review.joining import Group
from agentflow.review.ruling import Ruling

T = TypeVar("T")
JSON = Mapping[str, Any]

#: What a confidence is read as that says nothing: as sure as is asked for by default.
UNKNOWN_CONFIDENCE = 0.8
#: Characters of what was wrong with an answer.
_MOST_REASONS = 600
_SEVERITIES = {
    Severity.CRITICAL: r"critical|blocker|fatal|severe|urgent|p0|s0",
    Severity.HIGH: r"high|major|error|serious|important|p1|s1",
    Severity.MEDIUM: r"medium|moderate|warning|warn|normal|p2|s2",
    Severity.LOW: r"low|minor|info|informational|note|trivial|nit|cosmetic|p3|p4|s3",
}
_CONFIDENCES = {"very high": 0.95, "certain": 0.95, "high": 0.9, "medium": 0.6, "moderate": 0.6, "low": 0.3}
_YES = frozenset({"true", "yes", "1"})
_NOTHING = frozenset({"", "null", "none", "n/a", "nil", "-"})
_CONFIRMED = frozenset({"confirmed", "confirm", "true positive", "true", "valid", "real"})
_REFUTED = frozenset({"refuted", "refute", "false positive"})


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What could be read, in its order, and a note about everything that could not, or only by a guess."""

    taken: tuple[T, ...]
    notes: tuple[str, ...]


def lists(*names: str) -> dict[str, Any]:
    """The schema of an object with these lists, of whatever: the least that an answer is. The first must be there."""
    properties = {name: {"type": "array"} for name in names}
    return {"type": "object", "properties": properties, "required": list(names[:1])}


def findings_in(answer: JSON) -> Read[Finding]:
    return _each(answer, "findings", "finding", _finding)


def objection(answer: JSON) -> str:
    """Why an answer with findings is of no use, since none of them can be read; empty when it is of use."""
    read = findings_in(answer)
    return "" if read.taken or not answer["findings"] else "; ".join(read.notes)[:_MOST_REASONS]


def groups_in(answer: JSON) -> Read[Group]:
    return _each(answer, "groups", "group", _group)


def rulings_in(answer: JSON, tier: Tier) -> Read[Ruling]:
    return _each(answer, "verdicts", "verdict", lambda given, notes: _ruling(given, notes, tier))


def _each(answer: JSON, key: str, what: str, read: Callable[[JSON, list[str]], T | None]) -> Read[T]:
    taken: list[T] = []
    notes: list[str] = []
    for n, given in enumerate(answer.get(key) or (), start=1):
        odd: list[str] = []
        one = read({_key(name): value for name, value in given.items()}, odd) if isinstance(given, Mapping) else None
        if one is None:
            notes.append(f"{what} {n} of an answer is dropped: {odd[-1] if odd else 'it is no object'}")
            continue
        taken.append(one)
        notes += [f"{what} {n} of an answer: {told}" for told in odd]
    return Read(tuple(taken), tuple(notes))


def _finding(given: JSON, notes: list[str]) -> Finding | None:
    title, message, evidence = (_text(given.get(name)).strip("\n") for name in ("title", "message", "evidence"))
    if not (title.strip() or message.strip()):
        notes.append("it has neither a title nor a message")
        return None
    line, end_line = _lines(given)
    return Finding(
        rule=_text(given.get("rule")),
        title=title or message.split("\n", maxsplit=1)[0],
        message=message or title,
        file=_text(given.get("file")),
        line=line,
        end_line=end_line,
        severity=_severity(given.get("severity"), notes) or Severity.HIGH,
        category=_category(given.get("category")),
        confidence=_confidence(given.get("confidence"), notes),
        evidence=evidence,
        suggestion=_suggestion(given.get("suggestion")),
        elsewhere=_text(given.get("elsewhere")).strip().lower() in _YES,
    )


def _group(given: JSON, notes: list[str]) -> Group | None:
    members = given.get("members")
    numbers = [_number(one) for one in (members if isinstance(members, list) else [members])]
    known = tuple(number for number in numbers if number is not None)
    if not known:
        notes.append("it has no members")
        return None
    severity = _severity(given.get("severity"), notes) if given.get("severity") is not None else None
    return Group(known, severity, _text(given.get("reason")).strip())


def _ruling(given: JSON, notes: list[str], tier: Tier) -> Ruling | None:
    """A verdict that cannot be read says nothing, and neither does a refutation without a reason."""
    number, reason = _number(given.get("number")), _text(given.get("reason")).strip()
    if number is None:
        notes.append("it has no number")
        return None
    said = _text(given.get("verdict")).strip().lower().replace("_", " ").replace("-", " ").rstrip(".!")
    verdict: Literal["confirmed", "refuted", "unsure"] = "unsure"
    if said in _CONFIRMED:
        verdict = "confirmed"
    elif said in _REFUTED and reason:
        verdict = "refuted"
    elif said != "unsure":
        notes.append(f"{said[:40]!r} {'without a reason ' if said in _REFUTED else ''}is read as unsure")
    severity = _severity(given.get("severity"), notes) if given.get("severity") is not None else None
    confidence = _confidence(given.get("confidence"), notes)
    return Ruling(number, verdict, reason, confidence, tier.value, severity, _text(given.get("quote")).strip("\n"))


def _key(name: object) -> str:
    """Names as we write them, whatever their case: `endLine`, `End line`."""
    return re.sub(r"[\s-]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name).strip())).lower()


def _text(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    if isinstance(value, Mapping):
        return "\n".join(map(_text, value.values()))
    return "" if value is None else str(value)


def _number(value: object) -> int | None:
    found = next(_numbers(value), None)
    return None if found is None else int(found)


def _numbers(value: object) -> Iterator[float]:
    """The numbers in a value; in a text only those without a sign, since `12-14` is a span."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        if math.isfinite(value):
            yield value
    elif isinstance(value, str):
        yield from (float(found) for found in re.findall(r"\d{1,9}(?:\.\d+)?", value))
    elif isinstance(value, list):
        for one in value:
            yield from _numbers(one)


def _lines(given: JSON) -> tuple[int, int | None]:
    """First and last line; 0 for a first line that is not given."""
    first, *more = [*_numbers(given.get("line", given.get("lines", given.get("start_line"))))] or [0]
    end = _number(given.get("end_line")) or (int(more[0]) if more else None)
    return int(first), end


def _severity(value: object, notes: list[str]) -> Severity | None:
    """The worst that is named. What names none is told, and for the caller to read."""
    words = set(re.findall(r"[a-z]+\d?", _text(value).lower()))
    for severity, names in _SEVERITIES.items():
        if any(re.fullmatch(names, word) for word in words):
            return severity
    notes.append(f"the severity {_text(value)[:40]!r} is not one of ours")
    return None


def _category(value: object) -> Category:
    said = _text(value).strip().lower()
    return next((category for category in Category if said.startswith(category.value)), Category.BUG)


def _confidence(value: object, notes: list[str]) -> float:
    """From 0 to 1; out of ten, a hundred and words are read as such."""
    if isinstance(value, str) and value.strip().lower() in _CONFIDENCES:
        return _CONFIDENCES[value.strip().lower()]
    number = next(_numbers(value), None)
    if number is None:
        notes.append(f"the confidence {_text(value)[:40]!r} is read as {UNKNOWN_CONFIDENCE:g}")
        return UNKNOWN_CONFIDENCE
    is_percent = number > 10 or (isinstance(value, str) and "%" in value)
    scaled = number / 100 if is_percent else number / 10 if number > 1 else number
    return min(max(float(scaled), 0.0), 1.0)


def _suggestion(value: object) -> str | None:
    code = _text(value) if isinstance(value, str | list) else ""
    return None if code.strip().lower() in _NOTHING else code
