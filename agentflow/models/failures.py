"""Why a session failed, told from facts: HTTP status, error words, how the CLI's loop ended."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentflow.domain.attempts import FailureKind, Outcome
from agentflow.models.session import Failure

_PAID_OUT = re.compile(
    r"credit balance|usage[ _]limit|spend(ing)?[ _]limit|quota|billing|limit reached|hit your limit", re.IGNORECASE
)
_NO_LOGIN = re.compile(
    r"not logged in|please run /login|invalid (api key|x-api-key|bearer)|authentication", re.IGNORECASE
)
#: What Claude Code says of a session to resume whose file is gone, empty or damaged.
_LOST_SESSION = "No conversation found"
#: What the API refuses with HTTP 400 because of this one text, and not of how it was asked.
_UNFIT = re.compile(r"prompt is too long|too many tokens|exceed.* context|content filtering policy", re.IGNORECASE)
_BEYOND_THE_MODEL = frozenset({"prompt_too_long", "image_error", "max_output_tokens"})


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known about a session or request that gave no usable answer.

    `status`: HTTP status of the failing request. `word`: the API's or CLI's name of the error.
    `terminal`: how it ended (`max_turns`, `max_budget`, `structured_output_retries`, `refusal`, or anything else).
    `retries`: how often the request was repeated.
    """

    text: str
    status: int | None = None
    word: str = ""
    terminal: str = ""
    retries: int = 0
    resets_at: float | None = None


def quality(reason: str, outcome: Outcome = Outcome.INVALID_OUTPUT) -> Failure:
    return Failure(FailureKind.QUALITY, outcome, reason)


def transport(reason: str, status: int | None = None) -> Failure:
    return Failure(FailureKind.TRANSPORT, Outcome.TRANSPORT, reason, status)


def lost(reason: str) -> Failure:
    """The conversation that was to go on is gone."""
    return Failure(FailureKind.QUALITY, Outcome.INVALID_OUTPUT, reason, is_lost=True)


def is_lost_session(told: str) -> bool:
    """Whether Claude Code says that it does not find the session it was to resume."""
    return _LOST_SESSION in told


def environment(reason: str, status: int | None = None) -> Failure:
    """Nothing a retry or another tier could change; attempts have no outcome of their own for it."""
    return Failure(FailureKind.ENVIRONMENT, Outcome.TRANSPORT, reason, status)


def limit(reason: str, status: int | None = None, resets_at: float | None = None) -> Failure:
    return Failure(FailureKind.LIMIT, Outcome.LIMIT, reason, status, resets_at)


def classify(ending: Ending) -> Failure:
    """The failure of a session that came to its end with an error."""
    return _by_terminal(ending) or _by_api(ending) or transport(_told(ending), ending.status)


def _by_terminal(ending: Ending) -> Failure | None:
    match ending.terminal:
        case "max_turns":
            return quality("the agent ran out of turns", Outcome.LIMIT)
        case "max_budget":
            return limit("the session's budget is used up")
        case "structured_output_retries":
            return quality("answer after answer did not match the output schema")
        case "unreadable":
            return quality("the end of the session cannot be read")
        case "refusal":
            return quality("the model refused")
        case _:
            return None


def _by_api(ending: Ending) -> Failure | None:
    told, status = _told(ending), ending.status
    if is_lost_session(ending.text):
        return lost(told)
    if _is_limit(ending):
        return limit(told, status, ending.resets_at)
    if _is_login(ending):
        return environment(told, status)
    if status == 413 or ending.word in _BEYOND_THE_MODEL or _UNFIT.search(ending.text):
        return quality(told)
    if status is not None and 300 <= status < 500 and status not in {408, 409, 429}:
        return environment(told, status)
    return None


def _is_login(ending: Ending) -> bool:
    said = ending.word if ending.status else f"{ending.word} {ending.text}"
    return ending.status in {401, 403} or bool(_NO_LOGIN.search(said))


def _is_limit(ending: Ending) -> bool:
    """Spend caps and usage windows: waiting seconds does not help.

    The CLI gives up at once, without a retry, on a 429 that asks for more than a minute.
    """
    if ending.resets_at is not None or ending.status == 402 or "billing" in ending.word:
        return True
    if ending.status == 429 and ending.retries == 0:
        return True
    return ending.status in {400, 403, 429, None} and bool(_PAID_OUT.search(f"{ending.word} {ending.text}"))


def _told(ending: Ending) -> str:
    """One line for people."""
    text = " ".join(ending.text.split())[:300]
    return text or ending.word or ending.terminal or "the session ended without an answer"
