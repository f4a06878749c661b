"""How a Claude Code session ended: success is computed from the facts, never read off the CLI's word for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claude_agent_sdk import ClaudeSDKError, CLINotFoundError, ResultMessage

from agentflow.config.machine import make_folder, write_private
from agentflow.models.failures import Ending, classify, environment, is_lost_session, lost, quality, transport
from agentflow.models.outputs import output_error
from agentflow.models.session import Failure, SessionRequest, SessionResult
from agentflow.models.transcript import Transcript

#: Ends that a complete answer may have been thrown away by.
_CUT_SHORT = {"error_max_budget_usd", "error_max_turns", "error_max_structured_output_retries", "unreadable"}


def conclude(
    request: SessionRequest, transcript: Transcript, stopped: Failure | None, duration_s: float
) -> SessionResult:
    """The result of a session; `stopped` is why it never came to an end of its own."""
    output, failure = _judged(request, transcript, stopped)
    return SessionResult(
        output=output,
        failure=failure,
        session_id=transcript.session_id,
        requests=tuple(transcript.requests),
        cli_cost_usd=_own_cost(request, transcript.result),
        ttft_s=transcript.ttft_s,
        duration_s=duration_s,
        denials=tuple(transcript.denials),
        written=tuple(transcript.written),
    )


def broken(error: Exception, stderr: str, *, has_started: bool) -> Failure:
    """The failure behind a CLI that went away: before its session it could not start, later it broke down."""
    told = " ".join((stderr or str(error)).split())[:300]
    if isinstance(error, CLINotFoundError):
        return environment(f"Claude Code cannot be started: {error}")
    if is_lost_session(told) and not has_started:
        return lost(told)
    if isinstance(error, ClaudeSDKError) and not has_started:
        return environment(f"Claude Code did not start: {told}")
    return transport(f"Claude Code broke off: {told}")


def _judged(request: SessionRequest, transcript: Transcript, stopped: Failure | None) -> tuple[Any, Failure | None]:
    result = transcript.result
    if stopped is not None:
        return None, stopped
    if result is None or result.subtype in _CUT_SHORT:
        given = request.readable(transcript.late_output)
        if given is not None:
            return given, None
    if result is None:
        return None, transport("Claude Code ended without a result")
    if result.is_error or result.subtype != "success" or result.terminal_reason != "completed":
        return None, classify(_ending(result, transcript))
    return _output(request, transcript, result)


def _output(
    request: SessionRequest, transcript: Transcript, result: ResultMessage
) -> tuple[Mapping[str, Any] | None, Failure | None]:
    """The structured output, or else an answer in the model's last words: it was paid for."""
    said = (result.structured_output, result.result, transcript.last_words)
    found = (request.readable(one) for one in said)
    if (given := next((answer for answer in found if answer is not None), None)) is not None:
        return given, None
    return None, quality(output_error(result.structured_output, request.accepted) or "no structured output")


def _ending(result: ResultMessage, transcript: Transcript) -> Ending:
    refused = result.stop_reason == "refusal"
    return Ending(
        text=result.result or "; ".join(result.errors or []),
        status=result.api_error_status,
        word=transcript.error_word,
        terminal="refusal" if refused else _terminal(result),
        retries=transcript.retries,
        resets_at=transcript.resets_at,
    )


def _terminal(result: ResultMessage) -> str:
    """One word for the end; the subtype tells limits apart more reliably than the loop's own reason."""
    by_subtype = {
        "error_max_turns": "max_turns",
        "error_max_budget_usd": "max_budget",
        "error_max_structured_output_retries": "structured_output_retries",
        "unreadable": "unreadable",
    }
    return by_subtype.get(result.subtype) or result.terminal_reason or ""


def _own_cost(request: SessionRequest, result: ResultMessage | None) -> float | None:
    """The CLI's figure for this session alone, in USD.

    A resumed session's total includes its parent's, so each session's total is kept beside the run's private files.
    None when the CLI gave no figure, or when it is unknown how much of it the parent had spent.
    """
    if result is None or result.total_cost_usd is None:
        return None
    before = _total(request.private_dir, request.resume) if request.resume else 0.0
    path = _total_path(request.private_dir, result.session_id)
    write_private(make_folder(path.parent) / path.name, repr(result.total_cost_usd))
    return None if before is None else max(0.0, result.total_cost_usd - before)


def _total(private_dir: Path, session_id: str) -> float | None:
    try:
        return float(_total_path(private_dir, session_id).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _total_path(private_dir: Path, session_id: str) -> Path:
    return private_dir / "totals" / Path(session_id).name
