"""`agentflow review --fix`: what is confirmed is mended in a run of its own, within what the budget leaves."""

from __future__ import annotations

import os
import signal

import jsonschema
import pytest

from agentflow.report.documents import schema

OLD, NEW = "return sum(values) / len(values)", "return sum(values) / len(values) if values else 0.0"
TEST = "from mean import mean\n\n\ndef test_mean():\n    assert mean([2, 4]) == 3\n"
PROOF = "def test_nothing_has_the_mean_0():\n    assert mean([]) == 0"
#: Tokens that cost more than any budget here.
DEAR = {"input_tokens": 200_000, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
HANG = {"fault": {"hang": 300}}


class Fixing:
    """A repository whose tests pass and whose code divides by zero; a team that finds, confirms and mends that."""

    def __init__(self, world, reviewing, script) -> None:
        self.world, self.reviewing, self.script = world, reviewing, script
        self.root = world.repository({"mean.py": reviewing.MEAN, "test_mean.py": TEST, "notes.txt": "Mean.\n"})
        self.server = None

    @property
    def found(self):
        return self.reviewing.reports(self.reviewing.finding(file="mean.py"))

    @property
    def confirmed(self):
        return self.reviewing.rules_on({1: "confirmed"}, tier="sonnet")

    @property
    def mended(self):
        """The executor also tries a file that is none of its business."""
        script = self.script
        return script.rule(
            "execute",
            script.write("notes.txt", "Mended.\n"),
            script.edit("mean.py", OLD, NEW),
            script.edit("test_mean.py", "def test_mean():", f"{PROOF}\n\n\ndef test_mean():"),
            script.done(),
            subtask="fix-mean-1",
        )

    def serve(self, *rules):
        self.server = self.reviewing.scene(*rules)

    def fix(self, *args):
        ended = self.world.agentflow(self.root, "review", "mean.py", "--fix", *args, replay=self.server)
        assert self.server.unmatched == [], ended.err
        return ended

    def hung(self, process, agent, requests=1):
        """Wait for the request that is never answered, then end the process as a power cut would."""
        self.world.until(lambda: self.asked(agent) == requests, process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        self.world.until(lambda: not self.world.processes())

    def asked(self, agent) -> int:
        return sum(dict(request.labels)["agent"] == agent for request in self.server.requests)


@pytest.fixture
def fixing(world, reviewing, script):
    return Fixing(world, reviewing, script)


@pytest.mark.cli
def test_a_confirmed_finding_becomes_a_tested_commit_on_a_branch(fixing, world):
    fixing.serve(fixing.found, fixing.confirmed, fixing.mended)
    ended = fixing.fix("--yes", "--json", "--budget", "1")
    assert ended.code == 0, ended.err
    jsonschema.validate(ended.json, schema("review-1"))
    assert (ended.json["status"], ended.json["failing"]) == ("failed", 1)

    run = ended.json["fix"]
    jsonschema.validate(run, schema("run-1"))
    assert run["goal"] == f"Mend what review {ended.json['run_id']} found"
    assert run["budget_usd"] == pytest.approx(1 - ended.json["cost_usd"])
    (subtask,) = run["subtasks"]
    assert (subtask["title"], subtask["status"]) == ("Mend 1 defect in mean.py", "merged")
    (check,) = subtask["attempts"][0]["checks"]
    assert (check["exit_code"], check["passed"]) == (0, 2)

    assert "Mend 1 defect in 1 file." in ended.err
    assert "✓ succeeded: Mend what review" in ended.err
    (denied,) = (event.data for event in world.events() if event.kind == "denied")
    assert (denied["tool"], denied["argument"]) == ("Write", "notes.txt")
    changed = world.git(fixing.root, "diff", "--name-only", "main", run["branch"]).splitlines()
    assert changed == ["mean.py", "test_mean.py"]
    assert world.git(fixing.root, "log", "--format=%s", f"main..{run['branch']}") == "Mend 1 defect in mean.py"

    assert NEW in world.agentflow(fixing.root, "diff").out
    assert world.agentflow(fixing.root, "apply").code == 0
    assert NEW in (fixing.root / "mean.py").read_text()


@pytest.mark.long
@pytest.mark.cli
def test_killed_while_it_judges_and_while_it_mends_it_goes_on_with_the_same_budget(fixing, world):
    hangs = fixing.script.rule("execute", HANG, subtask="fix-mean-1")
    judges = {"when": {"agent": "verifier"}, "turns": [HANG]}
    fixing.serve(fixing.found, judges, fixing.confirmed, hangs, fixing.mended)
    words = ("review", "mean.py", "--fix", "--yes", "--budget", "1")
    fixing.hung(world.start(fixing.root, *words, replay=fixing.server), "verifier")
    fixing.hung(world.start(fixing.root, "resume", replay=fixing.server), "execute")
    (listed, review) = world.agentflow(fixing.root, "runs", "list", "--json").json["runs"]
    assert (listed["workflow"], listed["status"]) == ("run", "interrupted")
    assert (review["workflow"], review["status"], review["findings"]) == ("review", "failed", 1)

    ended = world.agentflow(fixing.root, "resume", "--json", replay=fixing.server)
    assert (ended.code, fixing.server.unmatched) == (0, []), ended.err
    assert (ended.json["run_id"], ended.json["status"]) == (listed["run_id"], "succeeded")
    assert ended.json["budget_usd"] == pytest.approx(1 - review["cost_usd"])
    assert (fixing.asked("reviewer"), fixing.asked("verifier")) == (1, 2)


def test_without_a_confirmed_finding_the_review_is_all_there_is(fixing):
    fixing.serve(fixing.found, fixing.reviewing.rules_on({1: "unsure"}, "*"))
    ended = fixing.fix("--yes", "--json")
    assert (ended.code, "fix" in ended.json) == (0, False)
    assert [found["verified"] for found in ended.json["findings"]] == ["unsure"]
    assert "nothing to fix: no finding is confirmed" in ended.err


@pytest.mark.long
def test_a_review_that_uses_the_budget_up_is_told_and_mends_nothing(fixing, world):
    dear = {**fixing.confirmed, "turns": [{"answer": fixing.reviewing.confirmed(1), "usage": DEAR}]}
    fixing.serve(fixing.found, dear)
    ended = fixing.fix("--yes", "--json", "--budget", "0.1")
    assert (ended.code, "fix" in ended.json, ended.json["failing"]) == (5, False, 1)
    assert "the review used the budget of $0.10 up" in ended.err
    assert len(world.agentflow(fixing.root, "runs", "list", "--json").json["runs"]) == 1


@pytest.mark.long
def test_people_read_the_findings_before_they_are_asked_about_the_plan(fixing, world):
    fixing.serve(fixing.found, fixing.confirmed)
    primary, terminal = os.openpty()
    process = world.start(fixing.root, "review", "mean.py", "--fix", replay=fixing.server, stdin=terminal)
    os.write(primary, b"n\n")
    out, err = process.communicate()
    os.close(primary)
    os.close(terminal)
    assert process.returncode == 130
    assert "mean.py:2  An empty list divides by zero" in out
    assert "agentflow review --fix" not in out
    assert "Mend 1 defect in mean.py (fix-mean-1)" in err
    assert "Carry out this plan?" in err
    assert fixing.asked("execute") == 0


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("mean.py", "--fix", "--yes"), 2, "commit your changes, or check the range's head out"),
        (("main..other", "--fix", "--yes"), 2, "commit your changes, or check the range's head out"),
        (("mean.py", "--fix", "--json"), 4, "approve in advance with --yes"),
    ],
    ids=["uncommitted changes", "another head", "nobody to ask"],
)
def test_what_cannot_be_mended_is_refused_before_anything_is_spent(fixing, world, words, code, hint):
    if "main..other" in words:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        world.git(fixing.root, *identity, "commit", "-q", "--allow-empty", "-m", "Other")
        world.git(fixing.root, "branch", "other")
        world.git(fixing.root, "reset", "-q", "--hard", "HEAD~1")
    elif code == 2:
        (fixing.root / "notes.txt").write_text("Changed.\n")
    ended = world.agentflow(fixing.root, "review", *words)
    assert ended.code == code
    assert hint in (ended.json["error"]["hint"] if "--json" in words else ended.err)
    with world.ledger() as ledger:
        assert ledger.runs() == []
