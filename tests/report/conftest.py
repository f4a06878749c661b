from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow.domain.attempts import Attempt, Outcome, RunStatus, SubtaskStatus
from agentflow.domain.calls import CallKind, Label, Request, Tokens
from agentflow.domain.events import Event, EventKind
from agentflow.domain.evidence import CheckResult, Proof, TestOutcomes
from agentflow.domain.tiers import Tier
from agentflow.report.view import RunView
from agentflow.store.ledger import Ledger, open_ledger
from agentflow.store.records import RunRecord, SubtaskRecord

K = EventKind
#: Everything that steers or deceives a terminal, or breaks Rich's markup.
HOSTILE = "[/red]\x1b[31mred\x1b]8;;http://evil\x07link\x1b]8;;\x07\x9b2J\u202egnp\x00\x07\ud83d.py"
HOSTILE_CHARACTERS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")


@pytest.fixture
def hostile() -> str:
    return HOSTILE


@pytest.fixture
def steers() -> Callable[[str], bool]:
    """Whether a text still holds something a terminal would obey."""
    return lambda text: bool(HOSTILE_CHARACTERS.search(text))


@pytest.fixture
def told() -> Callable[..., RunView]:
    """Folds events into a view. Ids and seconds since 1000 are given in order, one apart."""

    def fold(*events: Event) -> RunView:
        view = RunView("run-1")
        for event in numbered(events):
            view.apply(event)
        return view

    return fold


def numbered(events: tuple[Event, ...]) -> Iterator[Event]:
    for n, e in enumerate(events):
        yield Event(e.kind, e.subtask, e.attempt, e.agent, e.tier, e.data, id=n + 1, at=e.at or 1000.0 + n)


@pytest.fixture
def event() -> Callable[..., Event]:
    """An event; keys that Event does not know are its data."""

    def make(kind: str, subtask: str = "-", attempt: int = 0, agent: str = "", tier: str = "", **data: Any) -> Event:
        at = data.pop("at", 0.0)
        return Event(EventKind(kind), subtask, attempt, agent, tier, data, at=at)

    return make


@pytest.fixture
def story() -> tuple[Event, ...]:
    """A whole run: haiku gets one subtask right, fails the other; sonnet repairs it."""
    planned = [
        {"id": "store", "title": "Extract the token store", "tier": "haiku", "agent": "execute", "depends_on": []},
        {"id": "wire", "title": "Wire it in", "tier": "haiku", "agent": "execute", "depends_on": ["store"]},
    ]
    told = (
        Event(K.RUN_STARTED, data={"goal": "refactor auth", "branch": "agentflow/run-1", "budget_usd": 2.0}),
        Event(K.CHECK_STARTED, data={"command": "pytest -q"}),
        Event(K.CHECK_FINISHED, data={"command": "pytest -q", "exit_code": 0, "passed": 12, "failed": 0}),
        Event(K.BASELINE_FINISHED, data={"checks": [{"command": "pytest -q", "exit_code": 0, "passed": 12}]}),
        Event(K.SESSION_STARTED, "-", 1, "planner", "opus", {"call": 1, "call_kind": "plan", "model": "claude-opus-5"}),
        Event(K.REQUEST_FINISHED, "-", 1, "planner", "opus", _request(1, "claude-opus-5", 4000, 0.05)),
        Event(K.SESSION_FINISHED, "-", 1, "planner", "opus", {"call": 1, "ok": True, "reason": "", "cost_usd": 0.05}),
        Event(K.PLAN_READY, data={"summary": "Two steps.", "subtasks": planned}),
        Event(K.SUBTASK_STARTED, "store", data={"title": "Extract the token store"}),
        *_attempt("store", 1, "haiku", 2, 0.0101, "passed", ""),
        Event(K.MERGE_STARTED, "store", 1),
        Event(K.MERGE_FINISHED, "store", 1, data={"merged": True, "reason": "", "head": "h"}),
        Event(K.SUBTASK_FINISHED, "store", data={"status": "merged", "proof": "proven", "reason": ""}),
        Event(K.SUBTASK_STARTED, "wire", data={"title": "Wire it in"}),
        *_attempt("wire", 1, "haiku", 3, 0.0102, "checks_failed", "1 test fails: t::a"),
        *_attempt("wire", 2, "sonnet", 4, 0.03, "passed", ""),
        Event(K.MERGE_STARTED, "wire", 2),
        Event(K.MERGE_FINISHED, "wire", 2, data={"merged": True, "reason": "", "head": "h"}),
        Event(K.SUBTASK_FINISHED, "wire", data={"status": "merged", "proof": "proven", "reason": ""}),
        Event(K.RUN_FINISHED, data={"status": "succeeded", "reason": "", "head": "h" * 40}),
    )
    return tuple(numbered(told))


@pytest.fixture
def review_story() -> tuple[Event, ...]:
    """A whole review: one pack is read, one fails, one was read before; then one synthesis and one verification."""
    titles = ("src/a.py +2", "src/b.py", "src/c.py")
    packs = [{"name": f"pack-{n}", "title": title} for n, title in enumerate(titles, start=1)]
    told = (
        Event(K.RUN_STARTED, data={"goal": "review src", "base": "b" * 40, "branch": "", "budget_usd": None}),
        Event(K.REVIEW_READY, data={"packs": packs, "files": 5, "skipped": 3}),
        *_read("pack-1", 1, "haiku", 0.0012),
        Event(K.PACK_FINISHED, "pack-1", data={"pack": "pack-1", "ok": True, "findings": 1, "kept": False}),
        *_read("pack-2", 2, "haiku", 0.002, ok=False),
        *_read("pack-2", 3, "haiku", 0.002, ok=False),
        Event(K.PACK_FINISHED, "pack-2", data={"pack": "pack-2", "ok": False, "reason": "HTTP 529", "findings": 0}),
        Event(K.PACK_STARTED, "pack-3", data={"pack": "pack-3"}),
        Event(K.PACK_FINISHED, "pack-3", data={"pack": "pack-3", "ok": True, "findings": 2, "kept": True}),
        *_session("synthesis-1", "synthesizer", "synthesize", 4, "sonnet", 0.01),
        *_session("verify-1", "verifier", "verify", 5, "sonnet", 0.02),
        Event(K.FINDINGS_READY, data={"found": 3, "merged": 1, "refuted": 1, "reported": 1}),
        Event(K.RUN_FINISHED, data={"status": "failed", "reason": "", "head": None}),
    )
    return tuple(numbered(told))


def _read(pack: str, call: int, tier: str, usd: float, *, ok: bool = True) -> list[Event]:
    session = _session(pack, "reviewer", "review", call, tier, usd, ok=ok)
    return [Event(K.PACK_STARTED, pack, data={"pack": pack}), *session]


def _session(label: str, agent: str, kind: str, call: int, tier: str, usd: float, *, ok: bool = True) -> list[Event]:
    model, who = f"claude-{tier}-5", (label, 1, agent, tier)
    ended = {"call": call, "ok": ok, "reason": "" if ok else "HTTP 529", "cost_usd": usd}
    return [
        Event(K.SESSION_STARTED, *who, {"call": call, "call_kind": kind, "model": model}),
        Event(K.REQUEST_FINISHED, *who, _request(call, model, 1700, usd)),
        Event(K.SESSION_FINISHED, *who, ended),
    ]


def _attempt(subtask: str, n: int, tier: str, call: int, usd: float, outcome: str, reason: str) -> list[Event]:
    model = f"claude-{tier}-5"
    who = (subtask, n, "execute", tier)
    failed = 0 if outcome == "passed" else 1
    check = {
        "command": "pytest -q",
        "exit_code": failed,
        "passed": 12 - failed,
        "failed": failed,
        "skipped": 0,
        "flaky": [],
    }
    return [
        Event(K.ATTEMPT_STARTED, subtask, n, tier=tier, data={"model": model}),
        Event(K.SESSION_STARTED, *who, {"call": call, "call_kind": "execute", "model": model}),
        Event(K.TOOL_USED, *who, {"call": call, "tool": "Edit", "argument": f"src/{subtask}.py"}),
        Event(K.REQUEST_FINISHED, *who, _request(call, model, 1700, usd)),
        Event(K.SESSION_FINISHED, *who, {"call": call, "ok": True, "reason": "", "cost_usd": usd}),
        Event(K.CHECK_STARTED, subtask, n, data={"command": "pytest -q"}),
        Event(K.CHECK_FINISHED, subtask, n, data=check),
        Event(K.ATTEMPT_FINISHED, subtask, n, tier=tier, data={"outcome": outcome, "reason": reason, "commit": "c"}),
    ]


def _request(call: int, model: str, tokens: int, usd: float) -> dict[str, Any]:
    return {"call": call, "model": model, "tokens": {"input": tokens - 100, "output": 100}, "cost_usd": usd}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "ledger.db") as opened:
        yield opened


A_RUN = RunRecord(
    id="run-1",
    repo_root=Path("/repo"),
    common_dir=Path("/repo/.git"),
    goal="refactor auth",
    status=RunStatus.SUCCEEDED,
    base="b" * 40,
    branch="agentflow/run-1",
    head="d" * 40,
    budget_usd=2.0,
    created_at=1_795_000_000.0,
    active_s=65.0,
)


@pytest.fixture
def a_run() -> RunRecord:
    return A_RUN


@pytest.fixture
def an_attempt() -> Attempt:
    return Attempt(
        subtask="store",
        n=1,
        tier=Tier.HAIKU,
        model="claude-haiku-5-5",
        outcome=Outcome.PASSED,
        rounds=1,
        reason="",
        digest="",
        base="b" * 40,
        commit="c" * 40,
        summary="did it",
        confidence=0.9,
        proof=Proof.PROVEN,
        checks=(CheckResult("pytest -q", 0, 2.0, TestOutcomes(("t::a", "t::b"), (), ())),),
        duration_s=9.0,
    )


@pytest.fixture
def spend(ledger: Ledger) -> Callable[..., int]:
    """Books one call with one request."""

    def book(
        kind: CallKind,
        tier: Tier,
        usd: float | None,
        subtask: str = "-",
        attempt: int = 1,
        tokens: Tokens | None = None,
    ) -> int:
        label = Label("run-1", subtask, "agent", tier, attempt)
        call = ledger.start_call(
            "run-1", label, kind, runner="claude_code", model=f"claude-{tier}-5", task_class="fix/simple"
        )
        ledger.add_request(call, Request(f"claude-{tier}-5", tokens or Tokens(100, 10), usd))
        return call

    return book


@pytest.fixture
def a_finished_run(ledger: Ledger, a_run: RunRecord, an_attempt: Attempt, spend: Callable[..., int]) -> str:
    """The ledger of the story told above. Returns the run's id."""
    from dataclasses import replace

    ledger.create_run(a_run)
    red = CheckResult("pytest -q", 1, 2.0, TestOutcomes(("t::a",), ("t::b",), ()))
    failed = replace(
        an_attempt,
        subtask="wire",
        outcome=Outcome.CHECKS_FAILED,
        reason="1 test fails: t::b",
        checks=(red,),
        rounds=2,
        proof=None,
    )
    merged = SubtaskStatus.MERGED
    ledger.put_subtask("run-1", SubtaskRecord("store", 0, "Extract the token store", merged, Tier.HAIKU, "c" * 40, ""))
    ledger.put_subtask("run-1", SubtaskRecord("wire", 1, "Wire it in", merged, Tier.SONNET, "d" * 40, ""))
    ledger.put_attempt("run-1", an_attempt, 1.0)
    ledger.put_attempt("run-1", failed, 2.0)
    ledger.put_attempt(
        "run-1", replace(an_attempt, subtask="wire", n=2, tier=Tier.SONNET, model="claude-sonnet-5"), 3.0
    )
    spend(CallKind.PLAN, Tier.OPUS, 0.05005, tokens=Tokens(3900, 100, 15_000))
    spend(CallKind.EXPLORE, Tier.HAIKU, 0.00104)
    spend(CallKind.EXECUTE, Tier.HAIKU, 0.01014, "store")
    spend(CallKind.EXECUTE, Tier.HAIKU, 0.01024, "wire")
    spend(CallKind.EXECUTE, Tier.SONNET, 0.03003, "wire", 2)
    return "run-1"


class Screen:
    """As much of a terminal as a redrawn tree needs: lines, cursor up, erase line."""

    def __init__(self) -> None:
        self.lines = [""]
        self.row = 0

    def feed(self, output: str) -> Screen:
        for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", output):
            if token == "\n":
                self.row += 1
                self.lines += [""] * (self.row + 1 - len(self.lines))
            elif token == "\x1b[2K":
                self.lines[self.row] = ""
            elif up := re.fullmatch(r"\x1b\[(\d*)A", token):
                self.row -= int(up[1] or 1)
            elif token[0] not in "\x1b\r":
                self.lines[self.row] += token
        return self

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines).rstrip("\n")


@pytest.fixture
def screen() -> Screen:
    return Screen()
