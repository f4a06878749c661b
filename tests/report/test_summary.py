from __future__ import annotations

import os
from dataclasses import replace

import pytest

from agentflow.domain.attempts import Outcome, RunStatus, SubtaskStatus, Wall, Way
from agentflow.domain.calls import CallKind
from agentflow.domain.evidence import CheckResult, Proof
from agentflow.domain.tiers import Tier
from agentflow.report import summary
from agentflow.report.summary import summary_text
from agentflow.store.records import SubtaskRecord


def test_a_run_that_succeeded(ledger, a_finished_run):
    assert summary_text(ledger, a_finished_run) == (
        "✓ succeeded: refactor auth\n"
        "run run-1, 1m05s, $0.1015 of $2.0000\n"
        "branch agentflow/run-1 at dddddddddddd\n"
        "\n"
        "✓ Extract the token store: merged, proven, haiku ✓, $0.0101\n"
        "    ✓ pytest -q (2 passed)\n"
        "✓ Wire it in: merged, proven, haiku ✗ → sonnet ✓, $0.0403\n"
        "    haiku: checks failed: 1 test fails: t::b\n"
        "    ✓ pytest -q (2 passed)\n"
        "\n"
        "tier    calls  input  output  cached     cost\n"
        "haiku       3    300      30       0  $0.0214\n"
        "sonnet      1    100      10       0  $0.0300\n"
        "opus        1   3.9k     100   15.0k  $0.0501\n"
        "total       5   4.3k     140   15.0k  $0.1015\n"
        "\n"
        "kind     calls  input  output  cached     cost\n"
        "plan         1   3.9k     100   15.0k  $0.0501\n"
        "explore      1    100      10       0  $0.0010\n"
        "execute      3    300      30       0  $0.0504\n"
        "total        5   4.3k     140   15.0k  $0.1015\n"
        "\n"
        "next:\n"
        "  agentflow diff run-1\n"
        "  agentflow apply run-1"
    )


def test_it_is_printed_for_people(ledger, a_finished_run, capsys):
    summary.show(ledger, a_finished_run)
    told = capsys.readouterr()
    assert told.err == summary_text(ledger, a_finished_run) + "\n"
    assert told.out == ""


def test_a_run_that_failed_says_why_and_what_was_skipped(ledger, a_run, an_attempt):
    ledger.create_run(replace(a_run, status=RunStatus.FAILED, head=None, budget_usd=None))
    ledger.put_subtask(
        "run-1", SubtaskRecord("store", 0, "Store", SubtaskStatus.FAILED, Tier.SONNET, None, "the ladder ends")
    )
    ledger.put_subtask("run-1", SubtaskRecord("wire", 1, "Wire", SubtaskStatus.SKIPPED, None, None, "needs store"))
    failed = replace(an_attempt, outcome=Outcome.OUT_OF_SCOPE, reason="changed x.py")
    ledger.put_attempt("run-1", failed, 1.0)
    assert summary_text(ledger, "run-1") == (
        "✗ failed: refactor auth\n"
        "run run-1, 1m05s, $0.0000\n"
        "\n"
        "✗ Store: failed, haiku ✗, $0.0000\n"
        "    haiku: out of scope: changed x.py\n"
        "    the ladder ends\n"
        "- Wire: skipped\n"
        "    needs store\n"
        "\n"
        "next:\n"
        "  agentflow runs show run-1 --json"
    )


def test_a_known_failure_is_no_cross_on_work_that_passed(ledger, a_run, an_attempt):
    ledger.create_run(a_run)
    ledger.put_subtask("run-1", SubtaskRecord("store", 0, "Store", SubtaskStatus.MERGED, Tier.HAIKU, "c" * 40, ""))
    red = CheckResult("make test", 2, 1.0, None)
    ledger.put_attempt("run-1", replace(an_attempt, checks=(*an_attempt.checks, red)), 1.0)
    told = summary_text(ledger, "run-1")
    assert "    ✓ pytest -q (2 passed)\n    - make test (exit 2), failing before too\n" in told
    assert "✗" not in told


def test_unproven_work_is_called_so_in_as_many_words(ledger, a_run, an_attempt):
    ledger.create_run(a_run)
    ledger.put_subtask("run-1", SubtaskRecord("store", 0, "Store", SubtaskStatus.UNPROVEN, Tier.HAIKU, "c" * 40, ""))
    ledger.put_attempt("run-1", replace(an_attempt, proof=Proof.UNPROVEN, reason="unproven: no check", checks=()), 1.0)
    told = summary_text(ledger, "run-1")
    assert "? Store: unproven, haiku ✓" in told
    assert "read the commit of 'Store' before you trust it: unproven: no check" in told


def test_what_a_judge_approved_is_told_from_what_checks_proved(ledger, a_run, an_attempt):
    ledger.create_run(a_run)
    ledger.put_subtask("run-1", SubtaskRecord("store", 0, "Store", SubtaskStatus.MERGED, Tier.HAIKU, "c" * 40, ""))
    why = "weakly proven: nothing that failed before passes now; judged: fine"
    ledger.put_attempt("run-1", replace(an_attempt, proof=Proof.WEAKLY_PROVEN, reason=why), 1.0)
    told = summary_text(ledger, "run-1")
    assert "✓ Store: merged, weakly proven, haiku ✓" in told
    assert f"read the commit of 'Store' before you trust it: {why}" in told


def test_what_has_no_price_is_unpriced_and_never_zero(ledger, a_run, spend):
    ledger.create_run(a_run)
    spend(CallKind.EXECUTE, Tier.LOCAL, None, "store")
    told = summary_text(ledger, "run-1")
    assert "run run-1, 1m05s, unpriced of $2.0000" in told
    assert [line.split()[-1] for line in told.splitlines() if line.startswith(("local", "execute", "total"))] == [
        "unpriced"
    ] * 4
    assert "$0.0000" not in told


@pytest.mark.parametrize(
    ("status", "head", "commands"),
    [
        (RunStatus.SUCCEEDED, "d" * 40, ["agentflow diff run-1", "agentflow apply run-1"]),
        (RunStatus.SUCCEEDED, None, []),
        (RunStatus.FAILED, "d" * 40, ["agentflow diff run-1", "agentflow apply run-1"]),
        (RunStatus.STOPPED, "d" * 40, ["agentflow resume run-1"]),
        (RunStatus.INTERRUPTED, None, ["agentflow resume run-1"]),
        (RunStatus.PLANNED, None, ["agentflow resume run-1"]),
    ],
)
def test_it_ends_with_the_next_commands(ledger, a_run, status, head, commands):
    ledger.create_run(replace(a_run, status=status, head=head))
    told = summary_text(ledger, "run-1").partition("next:\n")[2]
    assert [line.strip() for line in told.splitlines()] == commands


def test_a_killed_run_is_interrupted_and_a_live_one_can_be_watched(ledger, a_run):
    ledger.create_run(replace(a_run, status=RunStatus.RUNNING))
    assert summary_text(ledger, "run-1").startswith("interrupted: ")
    ledger.update_run("run-1", pid=os.getpid())
    told = summary_text(ledger, "run-1")
    assert told.startswith("running: ")
    assert told.endswith("agentflow watch run-1")


def test_hostile_words_stay_on_their_lines(ledger, a_run, an_attempt, hostile, steers):
    nasty = hostile + "\nerror: forged"
    ledger.create_run(replace(a_run, goal=nasty, reason=nasty, branch=nasty, status=RunStatus.STOPPED))
    ledger.put_subtask("run-1", SubtaskRecord("store", 0, nasty, SubtaskStatus.UNPROVEN, None, None, nasty))
    ledger.put_attempt("run-1", replace(an_attempt, outcome=Outcome.EMPTY, reason=nasty), 1.0)
    told = summary_text(ledger, "run-1")
    assert not steers(told)
    assert "\nerror: forged" not in told


def test_a_wall_is_no_failure_and_says_how_it_was_met(ledger, a_run, an_attempt):
    ledger.create_run(a_run)
    ledger.put_subtask("run-1", SubtaskRecord("wire", 0, "Wire", SubtaskStatus.BLOCKED, Tier.HAIKU, None, "why"))
    walls = [
        Wall(("CHANGELOG.md", "a.py"), way=Way.WIDENED),
        Wall(("b.py",), asked=False, way=Way.WIDENED),
        Wall(("c.py",), way=Way.REPLANNED),
        Wall(("d.py",)),
    ]
    for n, wall in enumerate(walls, 1):
        blocked = replace(
            an_attempt, subtask="wire", n=n, tier=Tier.HAIKU, outcome=Outcome.BLOCKED, reason="why", wall=wall
        )
        ledger.put_attempt("run-1", blocked, float(n))
    text = summary_text(ledger, "run-1")
    assert "haiku wall → haiku wall → haiku wall → haiku ✗" in text
    assert "    haiku: blocked: why; scope widened by CHANGELOG.md, a.py (asked by the agent)" in text
    assert "    haiku: blocked: why; scope widened by b.py (refused to the agent)" in text
    assert "    haiku: blocked: why; wall: needs c.py; planned anew" in text
    assert "    haiku: blocked: why; wall: needs d.py" in text
