"""The bookkeeper: reads on in transcripts of a person's own sessions and writes what they cost into the ledger.

An account holds sums since it was opened, and the ledger's rows are replaced by them, so a bookkeeper that is killed at
any point, or comes twice, does no harm.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentflow.claude_code import hook_log, places
from agentflow.claude_code.in_use import tier_of
from agentflow.claude_code.sessions import path_of, session
from agentflow.claude_code.spending import account_key
from agentflow.claude_code.transcripts import Account, Price, Sum, read_on
from agentflow.config.settings import load_settings
from agentflow.domain.attempts import RunStatus
from agentflow.domain.calls import CallKind
from agentflow.domain.codec import decode, encode
from agentflow.domain.tiers import Tier
from agentflow.errors import AgentflowError
from agentflow.models.prices import ModelPrice, PriceTable
from agentflow.store.ledger import open_ledger
from agentflow.store.records import SESSION, CallRecord, RunRecord

#: How often to wait for another bookkeeper of the session, five seconds each time.
TRIES = 12
#: The agent of what a person's session does itself, outside any sub-agent; its calls have this subtask too.
MAIN, NO_SUBTASK = "main", "-"


def main() -> None:
    """A process of its own, given a folder and transcripts: what goes wrong with one is logged and stops no other."""
    folder, *transcripts = sys.argv[1:]
    for transcript in transcripts:
        try:
            _book_patiently(Path(transcript), folder)
        except (AgentflowError, OSError, ValueError) as error:
            hook_log.write("bookkeeping", error)


def _book_patiently(transcript: Path, folder: str) -> None:
    """A bookkeeper that is at it already may have looked too early: wait for it, a minute at most."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(TimeoutError):
            return book(transcript, folder)
    return book(transcript, folder)


def book(transcript: Path, folder: str) -> None:
    """Bring a session's account and its rows in the ledger up to date."""
    key, looked_at = account_key(transcript), time.time()
    with session(key) as state:
        place, since = str(state.get("folder") or folder), float(state.get("since") or 0.0)
        price = _price(place)
        accounts = _known(state)
        for name, path in _conversations(transcript):
            accounts[name] = read_on(accounts.get(name, Account()), path, since, price)
        agents = {**state.get("agents", {}), **_agents(transcript)}
        sums = {name: account.totals(price) for name, account in accounts.items()}
        _write(transcript.stem, place, since, sums, agents)
        state["accounts"] = {name: encode(account) for name, account in accounts.items()}
        state["agents"] = agents
        state.setdefault("since", since)
    # Whatever was appended after the look is newer than the account.
    os.utime(path_of(key), (looked_at, looked_at))


def _known(state: Mapping[str, Any]) -> dict[str, Account]:
    """The accounts as they were; damaged ones are begun again, and come to the same sums."""
    try:
        return decode(dict[str, Account], state.get("accounts", {}))
    except ValueError:
        return {}


def _conversations(transcript: Path) -> Iterator[tuple[str, Path]]:
    """The session's transcript and those of its sub-agents, which are known by their ids."""
    if transcript.exists():
        yield NO_SUBTASK, transcript
    for path in sorted((transcript.with_suffix("") / "subagents").rglob("agent-*.jsonl")):
        yield path.stem.removeprefix("agent-"), path


def _agents(transcript: Path) -> dict[str, str]:
    """The type of each sub-agent, where its conversation says so."""
    return {name: _agent_type(path) for name, path in _conversations(transcript) if name != NO_SUBTASK}


def _agent_type(path: Path) -> str:
    try:
        return str(json.loads(path.with_suffix(".meta.json").read_bytes())["agentType"])
    except (OSError, ValueError, KeyError, TypeError):
        return "subagent"


def _price(folder: str) -> Price:
    """The user's own prices on top of the list; a broken configuration has none."""
    root = places.repository_root(folder)
    try:
        own = load_settings(Path(root) if root else None, {}, os.environ).prices
    except (AgentflowError, OSError):
        own = {}
    return PriceTable({model: ModelPrice(**rates) for model, rates in own.items()}).price


def _write(
    session_id: str, folder: str, since: float, sums: Mapping[str, tuple[Sum, ...]], agents: Mapping[str, str]
) -> None:
    calls = [_call(session_id, name, agents.get(name, MAIN), one) for name, some in sums.items() for one in some]
    if not calls:
        return
    with open_ledger() as ledger:
        ledger.put_session(_session(session_id, folder, min(call.started_at for call in calls)), since, calls)


def _session(session_id: str, folder: str, started_at: float) -> RunRecord:
    root = places.repository_root(folder) or folder
    try:
        common_dir = places.common_dir(root)
    except OSError:
        common_dir = root
    return RunRecord(
        id=session_id,
        repo_root=Path(root),
        common_dir=Path(common_dir),
        goal="",
        status=RunStatus.SUCCEEDED,
        base="",
        branch="",
        created_at=started_at,
        workflow=SESSION,
    )


def _call(session_id: str, name: str, agent: str, one: Sum) -> CallRecord:
    """A row of the ledger, which gives it its id."""
    return CallRecord(
        id=0,
        run_id=session_id,
        parent=None,
        subtask=name,
        attempt=1,
        agent=agent,
        kind=CallKind.INTERACTIVE,
        tier=Tier(tier_of(one.model) or Tier.LOCAL),
        runner="claude_code",
        requested_model=one.requested,
        served_model=one.model,
        session_id=session_id,
        requests=one.requests,
        tokens=one.tokens,
        cost_usd=one.cost_usd,
        cli_cost_usd=None,
        ttft_s=None,
        duration_s=None,
        task_class="-",
        outcome=None,
        started_at=one.started_at,
    )
