"""The steps between a run's review and its second round of work."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agentflow.domain.attempts import Attempt, Outcome, SubtaskStatus
from agentflow.domain.codec import decode
from agentflow.domain.events import EventKind
from agentflow.domain.findings import Category, Finding, ReviewedFinding, Severity, Verified
from agentflow.domain.plans import Kind, Plan, Subtask
from agentflow.domain.reviews import Mending, Mode
from agentflow.domain.tiers import Complexity, Tier
from agentflow.workflows.finishing import begin
from agentflow.workflows.mending import begin_review, free_names, plan_mending
from agentflow.workflows.opening import new_run, open_run, open_workplace
from agentflow.workflows.orders import Merge, Start
from agentflow.workflows.progress import Progress

CLAIM = Finding(
    rule="off-by-one",
    title="Reads past the end",
    message="last([1]) raises IndexError.",
    file="shelf.py",
    line=2,
    end_line=None,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.9,
    evidence="return items[len(items)]",
)


def subtask(name, *needs, checks=()):
    return Subtask(name, name, "Do it.", Kind.FIX, Complexity.SIMPLE, "execute", needs, ("**",), checks, ())


def planned(*subtasks):
    return Plan("Do it.", (), subtasks)


def reviewed(fingerprint="f1", verified=Verified.CONFIRMED, suppression=None, **claim):
    return ReviewedFinding(replace(CLAIM, **claim), fingerprint, verified, suppression=suppression)


@pytest.fixture
def context(world, ledger, monkeypatch):
    """Opens a run with `--review` on this plan, begun, whose subtasks ended like this."""
    for name, value in world.env.items():
        monkeypatch.setenv(name, value)
    root = world.repository({"shelf.py": "def last(items):\n    return items[len(items)]\n"})

    async def opened(plan, statuses):
        workplace = await open_workplace(root, {"sandbox": "off"})
        run = await open_run(ledger, await new_run(workplace, ledger, "goal", plan=plan, review=True))
        await begin(run)
        for name, status in statuses.items():
            run.put_subtask(name, status)
        await begin_review(run, run.base)
        return run

    return lambda plan, **statuses: asyncio.run(opened(plan, statuses))


def mend(context, plan, *findings):
    """The plan after mending was planned, twice: its process may die before the first result is recorded."""
    context.ledger.put_findings(context.run_id, findings)
    first, second = (asyncio.run(plan_mending(context, plan)) for _ in range(2))
    assert first == second
    return second


def mending(context):
    return decode(Mending, context.ledger.run(context.run_id).spec["mending"])


def test_the_review_is_of_everything_between_base_and_head(context):
    run = context(planned(subtask("a")))
    spec = run.review_spec
    assert (spec.mode, spec.base, spec.head, spec.paths) == (Mode.DIFF, run.base, run.base, ())


def test_what_is_grave_and_confirmed_becomes_a_subtask_that_waits(context):
    plan = planned(subtask("a"))
    run = context(plan, a=SubtaskStatus.MERGED)
    start = mend(run, plan, reviewed("f1"), reviewed("f2", line=1, severity=Severity.CRITICAL))
    assert [s.id for s in start.plan.subtasks] == ["a", "fix-shelf-1"]
    assert start.plan.subtasks[0] == plan.subtasks[0]
    assert start.ladders["fix-shelf-1"][0] is Tier.OPUS
    assert run.plan == start.plan
    rows = [(row.id, row.status.value, row.position) for row in run.ledger.subtasks(run.run_id)]
    assert rows == [("a", "merged", 0), ("fix-shelf-1", "waiting", 1)]
    assert {name: set(prints) for name, prints in mending(run).handed_back.items()} == {"fix-shelf-1": {"f1", "f2"}}
    told = [event.data for event in run.ledger.events(run.run_id) if event.kind is EventKind.PLAN_READY]
    assert (told[0]["summary"], [row["id"] for row in told[0]["subtasks"]]) == (
        "Mend 2 defects in 1 file.",
        ["fix-shelf-1"],
    )


@pytest.mark.parametrize(
    "findings",
    [
        [],
        [reviewed(severity=Severity.MEDIUM)],
        [reviewed(verified=Verified.UNSURE)],
        [reviewed(verified=Verified.UNVERIFIED)],
        [reviewed(confidence=0.79)],
        [reviewed(suppression="as agreed")],
    ],
    ids=["nothing", "medium", "unsure", "unverified", "doubtful", "ignored in the code"],
)
def test_what_is_not_grave_or_not_sure_stays_a_report(context, findings):
    plan = planned(subtask("a"))
    run = context(plan, a=SubtaskStatus.MERGED)
    assert mend(run, plan, *findings).plan == plan
    assert run.plan == plan
    assert (mending(run), [s.id for s in run.ledger.subtasks(run.run_id)]) == (Mending(), ["a"])
    assert not [event for event in run.ledger.events(run.run_id) if event.kind is EventKind.PLAN_READY]


def test_a_finding_that_no_subtask_can_mend_is_written_down(context):
    plan = planned(subtask("a"))
    run = context(plan, a=SubtaskStatus.MERGED)
    assert mend(run, plan, reviewed(file="-odd.py")).plan == plan
    assert mending(run).left_out == ("-odd.py:2: off-by-one is not mended: no write scope can name the file",)


def test_mending_promises_what_the_branch_already_keeps_and_nothing_else(context):
    plan = planned(
        subtask("a", checks=("make a", "make all")),
        subtask("b", checks=("make b",)),
        subtask("c", checks=("make all",)),
    )
    run = context(plan, a=SubtaskStatus.MERGED, b=SubtaskStatus.FAILED, c=SubtaskStatus.MERGED)
    assert mend(run, plan, reviewed()).plan.subtask("fix-shelf-1").checks == ("make a", "make all")


def test_a_name_that_the_plan_has_already_is_numbered_and_followed_by_its_new_name(context):
    plan = planned(subtask("fix-shelf-1"), subtask("fix-shelf-1-2"))
    run = context(plan, **{"fix-shelf-1": SubtaskStatus.MERGED, "fix-shelf-1-2": SubtaskStatus.MERGED})
    added = mend(run, plan, *(reviewed(f"f{n}", line=1, message=f"Case {n}.") for n in range(6))).plan.subtasks[2:]
    assert [(s.id, s.depends_on) for s in added] == [("fix-shelf-1-3", ()), ("fix-shelf-2", ("fix-shelf-1-3",))]
    assert [len(prints) for prints in mending(run).handed_back.values()] == [5, 1]


def test_two_that_are_added_never_share_a_name():
    assert free_names(["x", "x-2"], {"x"}) == {"x": "x-2", "x-2": "x-2-2"}


PASSED = Attempt("a", 1, Tier.HAIKU, "m", Outcome.PASSED, 1, "", "", "base", "work", "", 1.0, True, (), 1.0)


def going_on(*subtasks):
    plan = planned(*subtasks)
    return Progress.at("run", Start(plan, "base", 4, {s.id: (Tier.HAIKU,) for s in plan.subtasks}))


def extended(*subtasks):
    return Start(planned(*subtasks), "base", 4, {s.id: (Tier.SONNET,) for s in subtasks}, review=True)


def test_what_is_added_to_a_run_starts_from_the_head_it_has_and_nothing_starts_again():
    progress = going_on(subtask("a"), subtask("b"))
    progress.next_orders(0)
    progress.advance(PASSED, Merge("head-a", merged=True), SubtaskStatus.MERGED)
    progress.give_up("b", SubtaskStatus.FAILED)
    assert progress.extend(extended(subtask("a"), subtask("b"), subtask("c"), subtask("d", "c")))
    (order,) = progress.next_orders(0)
    assert (order.subtask, order.n, order.tier, order.base) == ("c", 1, Tier.SONNET, "head-a")
    assert progress.give_up("c", SubtaskStatus.FAILED) == ("d",)
    assert progress.status["a"] is SubtaskStatus.MERGED


def test_a_run_to_which_nothing_is_added_has_nothing_more_to_do():
    progress = going_on(subtask("a"))
    progress.next_orders(0)
    progress.advance(PASSED, Merge("head-a", merged=True), SubtaskStatus.MERGED)
    assert not progress.extend(extended(subtask("a")))
    assert progress.next_orders(0) == []
