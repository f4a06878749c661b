"""Events: what the live view and `agentflow watch` are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """What happened. The comment names the keys of `data`; costs in USD, durations in seconds."""

    RUN_STARTED = "run_started"  # goal, base, branch, budget_usd
    NOTICE = "notice"  # message
    BASELINE_FINISHED = "baseline_finished"  # checks: [{command, exit_code, passed, failed, skipped}]
    PLAN_READY = "plan_ready"  # summary, subtasks: [{id, title, tier, agent, depends_on}]
    SUBTASK_STARTED = "subtask_started"  # title
    ATTEMPT_STARTED = "attempt_started"  # model
    REVIEW_READY = "review_ready"  # packs: [{name, title}], files, skipped
    PACK_STARTED = "pack_started"  # pack
    PACK_FINISHED = "pack_finished"  # pack, ok, reason, findings, kept
    FINDINGS_READY = "findings_ready"  # found, merged, refuted, reported
    SESSION_STARTED = "session_started"  # call, call_kind, model
    TOOL_USED = "tool_used"  # call, tool, argument
    REQUEST_FINISHED = "request_finished"  # call, model, tokens, cost_usd, estimate_usd where the usage was not told
    RETRYING = "retrying"  # call, status, delay_s
    DENIED = "denied"  # call, tool, argument, reason
    SESSION_FINISHED = "session_finished"  # call, ok, reason, cost_usd
    CHECK_STARTED = "check_started"  # command
    CHECK_PROGRESS = "check_progress"  # command, done, tests, failed
    CHECK_FINISHED = "check_finished"  # command, exit_code, passed, failed, skipped, flaky, where
    ATTEMPT_FINISHED = "attempt_finished"  # outcome, proof, reason, commit
    SCOPE_WIDENED = "scope_widened"  # files, asked
    SUBTASK_REPLANNED = "subtask_replanned"  # files, depends_on, reason
    MERGE_STARTED = "merge_started"
    MERGE_FINISHED = "merge_finished"  # merged, reason, head
    SUBTASK_FINISHED = "subtask_finished"  # status, proof, reason
    RUN_FINISHED = "run_finished"  # status, reason, head


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a run. `id` and `at` (Unix seconds) are given by the ledger."""

    kind: EventKind
    subtask: str = "-"
    attempt: int = 0
    agent: str = ""
    tier: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0
    at: float = 0.0
