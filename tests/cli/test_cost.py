"""`agentflow cost`: exact sums over runs, reviews and a person's own sessions."""

from __future__ import annotations

import copy
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.domain.calls import CallKind, Tokens
from agentflow.domain.tiers import Tier
from agentflow.report.documents import schema
from agentflow.store.records import SESSION, CallRecord, RunRecord

ZONE = "Pacific/Auckland"


class Books:
    """A ledger with calls in it."""

    def __init__(self, world):
        self.world, self.root = world, world.repository({"a.txt": "a\n"})

    def spend(self, run, usd, *, at=None, repository="repo", model="claude-opus-5-5", agent="execute", **fields):
        """One call of a run."""
        at = time.time() if at is None else at
        facts = {"kind": CallKind.EXECUTE, "subtask": f"{agent}-{model}-{at}", "task_class": "fix/simple", **fields}
        call = CallRecord(
            id=0, run_id=run, parent=None, attempt=1, agent=agent, tier=Tier.OPUS, runner="claude_code",
            requested_model=model, served_model=model, session_id=None, requests=1,
            tokens=Tokens(1000, 100, 10, 1), cost_usd=usd, cli_cost_usd=None, ttft_s=None, duration_s=None,
            outcome="done", started_at=at, **facts,
        )  # fmt: skip
        place = self.world.folder / repository
        record = RunRecord(
            id=run, repo_root=place, common_dir=place / ".git", goal="", status=RunStatus.SUCCEEDED, base="", branch="",
            created_at=at, workflow=SESSION if call.kind is CallKind.INTERACTIVE else "run",
        )  # fmt: skip
        with self.world.ledger() as ledger:
            # The ledger replaces what a session has from this moment on: here, nothing.
            ledger.put_session(record, at + 1e9, [call])

    def cost(self, *args, root: Path | None = None, **env):
        ended = self.world.agentflow(root or self.root, "cost", *args, **env)
        assert (ended.code, ended.err) == (0, "")
        if "--json" not in args:
            return ended.out
        jsonschema.validate(ended.json, schema("cost-1"), format_checker=jsonschema.FormatChecker())
        return ended.json


@pytest.fixture
def books(world):
    return Books(world)


def groups(document, period=0):
    return {group["name"]: group["cost_usd"] for group in document["periods"][period]["groups"]}


def test_runs_and_sessions_of_this_repository_are_one_exact_sum(books):
    books.spend("run-1", 0.1)
    books.spend("run-1", 0.2, model="claude-haiku-5-5", agent="explore", kind=CallKind.EXPLORE, task_class="-")
    books.spend("s1", 0.3, kind=CallKind.INTERACTIVE, agent="main", task_class="-")
    books.spend("run-9", 5.0, repository="elsewhere")

    document = books.cost("--json")
    assert [(period["name"], period["total"]["cost_usd"]) for period in document["periods"]] == [
        ("today", 0.6),
        ("last 7 days", 0.6),
    ]
    assert groups(document) == {"claude-opus-5-5": 0.4, "claude-haiku-5-5": 0.2}
    assert document["periods"][0]["total"]["input_tokens"] == 3000

    expected = {
        "agent": {"main": 0.3, "explore": 0.2, "execute": 0.1},
        "kind": {"interactive": 0.3, "explore": 0.2, "execute": 0.1},
        "task": {"-": 0.5, "fix/simple": 0.1},
        "run": {"run-1": 0.3, "s1": 0.3},
    }
    for by, sums in expected.items():
        assert list(groups(books.cost("--json", "--by", by)).items()) == list(sums.items())
    assert books.cost("--json", "--all")["periods"][0]["total"]["cost_usd"] == 5.6


def test_the_table_is_that_of_a_bill_and_adds_up(books):
    for n in range(3):
        books.spend(f"run-{n}", 0.00333333)
    books.spend("s1", None, model="mystery\x1b[31m", kind=CallKind.INTERACTIVE)

    assert books.cost("--since", "today", "--by", "run") == (
        "today:\n"
        "run    calls  input  output  cached                  cost\n"
        "run-0      1   1.0k     100      11               $0.0034\n"
        "run-1      1   1.0k     100      11               $0.0033\n"
        "run-2      1   1.0k     100      11               $0.0033\n"
        "s1         1   1.0k     100      11              unpriced\n"
        "total      4   4.0k     400      44  $0.0100 + 1 unpriced\n"
    )
    assert "\x1b" not in books.cost()


def test_what_has_no_price_is_never_zero(books):
    books.spend("run-1", None, model="mystery")

    (group,) = books.cost("--json", "--since", "7d")["periods"][0]["groups"]
    assert (group["cost_usd"], group["unpriced_calls"]) == (None, 1)


def test_days_begin_at_this_machines_midnight_whatever_its_clock_was_set_to(books):
    zone = ZoneInfo(ZONE)
    # Clocks went back in New Zealand on 5 April 2026 and forward on 27 September 2026.
    for day in ("2026-04-04", "2026-04-05", "2026-04-06", "2026-09-27", "2026-09-28"):
        midnight = datetime.fromisoformat(day).replace(tzinfo=zone)
        books.spend(f"{day}-late", 1.0, at=(midnight - timedelta(seconds=1)).timestamp())
        books.spend(f"{day}-early", 10.0, at=midnight.timestamp())

    assert groups(books.cost("--json", "--since", "2026-04-05", "--by", "day", TZ=ZONE)) == {
        "2026-04-05": 11.0,
        "2026-04-06": 10.0,
        "2026-09-26": 1.0,
        "2026-09-27": 11.0,
        "2026-09-28": 10.0,
    }


def test_seven_days_are_today_and_the_six_before(books):
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(9):
        books.spend(f"run-{days}", 1.0, at=(today - timedelta(days=days)).timestamp() + 7200)

    assert [period["total"]["cost_usd"] for period in books.cost("--json")["periods"]] == [1.0, 7.0]
    assert books.cost("--json", "--since", "2d")["periods"][0]["total"]["cost_usd"] == 2.0


def test_nothing_spent_is_said(books):
    assert books.cost() == "today: nothing spent\n\nlast 7 days: nothing spent\n"
    assert books.cost("--json")["periods"][0]["total"]["cost_usd"] == 0


@pytest.mark.parametrize(
    "day",
    ["yesterday", *(pytest.param(day, marks=pytest.mark.long) for day in ("0d", "-1d", "99999d", "2026-13-01", "d"))],
)
def test_a_day_that_is_none_is_refused_with_a_hint(books, day):
    ended = books.world.agentflow(books.root, "cost", f"--since={day}", "--json")

    assert (ended.code, ended.json["error"]["kind"]) == (2, "usage")
    assert "2026-01-31" in ended.json["error"]["hint"]


def test_outside_of_a_repository_only_all_of_them_can_be_summed_up(books):
    books.spend("run-1", 1.0)

    assert books.world.agentflow(books.world.folder, "cost").code == 4
    assert books.cost("--json", "--all", root=books.world.folder)["periods"][0]["total"]["cost_usd"] == 1.0


def test_the_document_fits_its_schema_and_anything_else_does_not(books):
    books.spend("run-1", 1.0)
    document = books.cost("--json")
    validator = jsonschema.Draft202012Validator(schema("cost-1"))
    validator.check_schema(schema("cost-1"))

    for path in ((), ("periods", 0), ("periods", 0, "total"), ("periods", 0, "groups", 0)):
        place = document
        for step in path:
            place = place[step]
        for key in place:
            for wrong in (None, [3.5]):
                spoiled = copy.deepcopy(document)
                inner = spoiled
                for step in path:
                    inner = inner[step]
                if wrong is None:
                    del inner[key]
                else:
                    inner[key] = wrong
                assert not validator.is_valid(spoiled), (path, key, wrong)
    assert not validator.is_valid({**document, "stranger": 1})
