"""`agentflow run --review`: the run's whole diff is reviewed before it ends, and what is grave goes back once."""

from __future__ import annotations

import json
import os
import signal

import jsonschema
import pytest

from agentflow.report.documents import schema

CHECK = "python -c 'import sys; sys.path.insert(0, \"src\"); from mean import mean; assert mean([2, 4]) == 3'"
OLD, NEW = "return sum(values) / len(values)", "return sum(values) / len(values) if values else 0.0"
MEDIAN = "def median(values):\n    return sorted(values)[len(values) // 2]\n"
README = {"README.md": "Means.\n"}
#: Tokens that cost more than any budget here.
DEAR = {"input_tokens": 200_000, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
HANG = {"fault": {"hang": 300}}


class Means:
    """A subtask that writes a mean which divides by zero, what reviewers say of it, and how it is mended."""

    def __init__(self, reviewing, script) -> None:
        self.reviewing, self.script = reviewing, script
        self.plan = script.plan(script.subtask("mean", ["src/**"], [CHECK]))
        self.written = script.work("mean", "haiku", script.write("src/mean.py", reviewing.MEAN))
        self.found = reviewing.reports(reviewing.finding())
        self.confirmed = reviewing.rules_on({1: "confirmed"}, tier="sonnet")

    @property
    def mended(self):
        edit = self.script.edit("src/mean.py", OLD, NEW)
        return self.script.rule("execute", edit, self.script.done(), subtask="fix-mean-1")

    @property
    def judged(self):
        """Nothing was red before the mending, so a judge reads it."""
        answer = {"approve": True, "reason": "An empty list gives 0.0.", "confidence": 0.9}
        return self.script.rule("judge", {"answer": answer}, subtask="fix-mean-1")

    def mild(self, **changes):
        """A finding in another file that no run is made for."""
        about = {"file": "src/median.py", "severity": "medium", "title": "The median of two is the larger"}
        return self.reviewing.finding(**{**about, "evidence": MEDIAN.splitlines()[1].strip(), **changes})


@pytest.fixture
def means(reviewing, script):
    return Means(reviewing, script)


def agents(told):
    """Who was asked, in order, each conversation's requests as one."""
    asked = [(dict(request.labels)["agent"], dict(request.labels)["subtask"]) for request in told.server.requests]
    return list(dict.fromkeys(asked))


@pytest.mark.cli
def test_what_is_grave_and_confirmed_is_mended_once_and_the_rest_is_reported(carry_out, means, script, world):
    both = script.work(
        "mean", "haiku", script.write("src/mean.py", means.reviewing.MEAN), script.write("src/median.py", MEDIAN)
    )
    severities = [{"members": [1], "severity": "high"}, {"members": [2], "severity": "medium"}]
    told = carry_out(
        README,
        means.plan,
        both,
        means.reviewing.reports(means.reviewing.finding(), means.mild()),
        means.reviewing.answers("synthesizer", {"groups": severities, "findings": []}),
        means.reviewing.rules_on({1: "confirmed", 2: "confirmed"}, tier="sonnet"),
        means.mended,
        means.judged,
        args=("--review",),
    )
    assert (told.code, told.statuses()) == (0, {"mean": "merged", "fix-mean-1": "merged"})
    assert agents(told) == [
        ("execute", "mean"), ("reviewer", "pack-1"), ("synthesizer", "synthesis-1"), ("verifier", "verify-1"),
        ("execute", "fix-mean-1"), ("judge", "fix-mean-1"),
    ]  # fmt: skip
    assert [subtask["proof"] for subtask in told.document["subtasks"]] == ["proven", "weakly_proven"]
    assert NEW in world.git(told.root, "show", f"{told.document['branch']}:src/mean.py")
    assert "then a review of the whole diff" in told.err

    jsonschema.validate(told.document, schema("run-1"))
    review = told.document["review"]
    assert [(f["file"], f["line"], f["severity"]) for f in review["findings"]] == [
        ("src/mean.py", 2, "high"),
        ("src/median.py", 2, "medium"),
    ]
    assert (review["mended"], review["partial"], review["files_failed"]) == (["fix-mean-1"], False, [])
    assert review["files_reviewed"] == ["src/mean.py", "src/median.py"]
    kinds = told.document["usage"]["by_kind"]
    assert [kinds[kind]["calls"] for kind in ("execute", "review", "synthesize", "verify")] == [2, 1, 1, 1]
    assert sum(usage["cost_usd"] for usage in kinds.values()) == pytest.approx(told.document["cost_usd"])
    (packs,) = (event.data["packs"] for event in told.events("review_ready"))
    assert packs == [{"name": "pack-1", "title": "src/mean.py +1"}]
    (attempt,) = told.subtask("fix-mean-1")["attempts"]
    assert [check["command"] for check in attempt["checks"]] == [CHECK]

    shown = world.agentflow(told.root, "runs", "show").out
    assert shown.startswith("✓ succeeded: Make it.")
    assert shown in told.err
    section = shown[shown.index("review: ") : shown.index("\n\ntier")].splitlines()
    assert section[:-1] == [
        "review: 1 finding left",
        "  1 finding handed back, 1 mended",
        "  2 files reviewed in 1 pack",
        "  medium  src/median.py:2  The median of two is the larger",
    ]
    assert section[-1].endswith(", before the mending")
    assert f"agentflow apply {told.document['run_id']}" in shown


@pytest.mark.cli
@pytest.mark.long
def test_a_reviewer_that_fails_is_told_and_what_is_not_grave_only_reported(carry_out, means, script):
    long = "".join(f"LIMIT_{n} = {n}\n" for n in range(150))
    both = script.work(
        "mean",
        "haiku",
        script.write("src/mean.py", means.reviewing.MEAN + long),
        script.write("src/median.py", MEDIAN + long),
    )
    told = carry_out(
        {**README, ".agentflow/config.yaml": "review: {pack_tokens: 1000}\n"},
        means.plan,
        both,
        means.reviewing.answers("reviewer", {"defects": "none"}, times="*", last="def mean"),
        means.reviewing.reports(means.mild(), last="def median"),
        means.reviewing.groups((1,), severity="medium"),
        means.reviewing.rules_on({1: "confirmed"}, tier="sonnet"),
        args=("--review",),
    )
    assert (told.code, told.statuses()) == (0, {"mean": "merged"})
    review = told.document["review"]
    assert (review["partial"], review["mended"], review["files_reviewed"]) == (True, [], ["src/median.py"])
    assert [found["severity"] for found in review["findings"]] == ["medium"]
    assert [lost["file"] for lost in review["files_failed"]] == ["src/mean.py"]
    assert "review: partial, 1 file could not be reviewed; 1 finding left" in told.err
    assert "  ✗ src/mean.py: " in told.err
    assert f"  agentflow review {told.document['base'][:12]}..{told.document['branch']}" in told.err


@pytest.mark.cli
@pytest.mark.long
def test_a_mending_that_fails_fails_the_run_and_keeps_what_was_merged(carry_out, means, script, world):
    told = carry_out(
        README,
        means.plan,
        means.written,
        means.found,
        means.confirmed,
        script.rule("execute", script.blocked("callers rely on the error"), subtask="fix-mean-1", times="*"),
        args=("--review",),
    )
    assert (told.code, told.document["status"]) == (1, "failed")
    assert told.statuses() == {"mean": "merged", "fix-mean-1": "blocked"}
    assert world.git(told.root, "show", f"{told.document['branch']}:src/mean.py") == means.reviewing.MEAN.strip()
    assert told.document["review"]["mended"] == ["fix-mean-1"]
    assert "  1 finding handed back, 0 mended" in told.err
    assert "  high  src/mean.py:2  An empty list divides by zero (fix-mean-1 blocked)" in told.err


@pytest.mark.cli
@pytest.mark.long
def test_killed_while_it_reviews_and_while_it_mends_it_does_nothing_twice(means, script, scene, plan_file, world):
    root, hangs = world.repository(README), script.rule("execute", HANG, subtask="fix-mean-1")
    judges = {"when": {"agent": "verifier"}, "turns": [HANG]}
    server = scene(means.written, means.found, judges, means.confirmed, hangs, means.mended, means.judged)

    def asked(agent, subtask):
        labels = [(dict(request.labels)["agent"], dict(request.labels)["subtask"]) for request in server.requests]
        return labels.count((agent, subtask))

    def killed(process, agent, subtask):
        world.until(lambda: asked(agent, subtask), process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        world.until(lambda: not world.processes())

    words = ("run", "--plan", str(plan_file(means.plan)), "--review", "--yes", "--quiet")
    killed(world.start(root, *words, replay=server), "verifier", "verify-1")
    killed(world.start(root, "resume", replay=server), "execute", "fix-mean-1")
    ended = world.agentflow(root, "resume", "--json", replay=server)

    assert (ended.code, server.unmatched) == (0, []), ended.err
    assert [(s["id"], s["status"]) for s in ended.json["subtasks"]] == [("mean", "merged"), ("fix-mean-1", "merged")]
    assert [len(s["attempts"]) for s in ended.json["subtasks"]] == [1, 1]
    assert (asked("execute", "mean"), asked("reviewer", "pack-1"), asked("verifier", "verify-1")) == (2, 1, 2)
    log = world.git(root, "log", "--format=%s", f"main..{ended.json['branch']}").splitlines()
    assert log == ["Mend 1 defect in src/mean.py", "Make mean"]
    assert len(ended.json["review"]["findings"]) == 1


@pytest.mark.cli
@pytest.mark.long
def test_a_budget_that_ends_in_the_review_stops_the_run_which_goes_on_with_more(means, scene, plan_file, world):
    root = world.repository(README)
    dear = {**means.found, "turns": [{**means.found["turns"][0], "usage": DEAR}]}
    server = scene(means.written, dear, means.confirmed, means.mended, means.judged)
    words = ("run", "--plan", str(plan_file(means.plan)), "--review", "--yes", "--json", "--budget", "0.05")
    stopped = world.agentflow(root, *words, replay=server)
    assert (stopped.code, stopped.json["status"], stopped.json["review"]) == (5, "stopped", None), stopped.err
    assert [(s["id"], s["status"]) for s in stopped.json["subtasks"]] == [("mean", "merged")]
    assert "review: not finished" in stopped.err
    assert "the budget of $0.05 is reached" in stopped.err

    ended = world.agentflow(root, "resume", "--json", "--budget", "5", replay=server)
    assert (ended.code, server.unmatched) == (0, []), ended.err
    assert [s["status"] for s in ended.json["subtasks"]] == ["merged", "merged"]
    assert sum(dict(request.labels)["agent"] == "reviewer" for request in server.requests) == 1


def test_only_a_run_can_be_reviewed_at_its_end(world):
    root = world.repository(README)
    refused = world.agentflow(root, "plan", "Make it", "--review")
    assert (refused.code, "--review" in refused.err) == (2, True)
    told = world.agentflow(root, "run", "Make it", "--review", "--dry-run")
    assert "review        of the whole diff, at the end" in told.err
    assert json.loads(world.agentflow(root, "run", "Make it", "--dry-run", "--json").out)["review"] is False
