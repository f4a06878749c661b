"""The merge queue: one proven commit per subtask, and what happens where two of them meet."""

import hashlib
import json

import pytest
from jsonschema import Draft202012Validator

from agentflow.report.documents import schema

pytestmark = pytest.mark.cli

WORDS = {"words.py": 'WORDS = ["tea"]\n'}
#: Alone each may be 8, together they may not.
BUDGET = {
    "left.py": "COST = 1\n",
    "right.py": "COST = 1\n",
    "total.py": "import left, right\ntotal = left.COST + right.COST\nassert total <= 10, f'{total} is over the budget'\n",
}


def snapshot(world, root):
    """Everything the user would notice: files, index, HEAD, refs of their own, configuration."""
    files = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.relative_to(root).parts)
    watched = [*files, *(root / ".git" / name for name in ("index", "HEAD", "config", "packed-refs"))]
    digests = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in watched if path.exists()}
    return digests, world.git(root, "for-each-ref", "refs/heads/main", "refs/tags")


def trailers(world, root, commit):
    lines = world.git(root, "log", "-1", "--format=%(trailers:only,unfold)", commit).splitlines()
    return dict(line.split(": ", 1) for line in lines)


def has(word):
    return f"python -c \"import words; assert '{word}' in words.WORDS\""


def test_two_independent_subtasks_run_at_once_and_land_one_by_one_with_an_exact_bill(world, script, scene, ledger):
    root = world.repository({"README": "Hello\n"})
    before = snapshot(world, root)
    plan = script.plan(*(script.subtask(name, [f"{name}.txt"], [f"test -f {name}.txt"]) for name in ("one", "two")))
    server = scene(
        script.rule("planner", {"answer": plan}),
        *(script.work(name, "haiku", {**script.write(f"{name}.txt", "x\n"), "delay": 0.5}) for name in ("one", "two")),
    )
    ended = world.agentflow(root, "run", "Make one and two", "--yes", "--json", replay=server)
    assert (ended.code, server.unmatched) == (0, []), ended.err
    document = json.loads(ended.out)
    Draft202012Validator(schema("run-1")).validate(document)

    events = [(e.kind.value, e.subtask) for e in ledger.events(document["run_id"]) if e.kind.startswith("session_")]
    worked = [kind for kind, subtask in events if subtask != "-"]
    assert worked == ["session_started", "session_started", "session_finished", "session_finished"]

    commits = world.git(root, "rev-list", "--reverse", f"main..{document['branch']}").split()
    assert [s["commit"] for s in sorted(document["subtasks"], key=lambda s: commits.index(s["commit"]))] == commits
    assert document["head"] == commits[-1] == world.git(root, "rev-parse", document["branch"])
    for subtask in document["subtasks"]:
        cost = sum(attempt["cost_usd"] for attempt in subtask["attempts"])
        assert cost > 0
        assert world.git(root, "show", "--name-only", "--format=", subtask["commit"]) == f"{subtask['id']}.txt"
        assert trailers(world, root, subtask["commit"]) == {
            "Agentflow-Run": document["run_id"],
            "Agentflow-Subtask": subtask["id"],
            "Agentflow-Attempt": "1",
            "Agentflow-Tier": "haiku",
            "Agentflow-Model": subtask["attempts"][0]["model"],
            "Agentflow-Proof": "proven",
            "Agentflow-Cost-USD": f"{cost:.4f}",
        }
    spent = [a["cost_usd"] for s in document["subtasks"] for a in s["attempts"]]
    usage = document["usage"]
    for parts in (usage["by_tier"], usage["by_kind"]):
        assert sum(part["cost_usd"] for part in parts.values()) == pytest.approx(document["cost_usd"], abs=1e-9)
    assert sum(spent) == pytest.approx(usage["by_kind"]["execute"]["cost_usd"], abs=1e-9)
    assert snapshot(world, root) == before


def test_a_textual_conflict_goes_to_the_resolver_and_both_changes_land(carry_out, script, world):
    told = carry_out(
        WORDS,
        script.plan(*(script.subtask(word, ["words.py"], [has(word)]) for word in ("cup", "pot"))),
        *(script.work(word, "haiku", script.edit("words.py", "]", f', "{word}"]')) for word in ("cup", "pot")),
        script.rule(
            "resolver",
            script.call("Read", file_path="{cwd}/words.py"),
            script.write("words.py", 'WORDS = ["tea", "cup", "pot"]\n'),
            {"answer": {"status": "resolved", "summary": "Both words."}},
        ),
    )
    assert (told.code, set(told.statuses().values())) == (0, {"merged"})
    assert {a for name in ("cup", "pot") for a in told.attempts(name)} == {("haiku", "passed", 1)}
    branch = told.document["branch"]
    assert world.git(told.root, "show", f"{branch}:words.py") == 'WORDS = ["tea", "cup", "pot"]'
    assert len(world.git(told.root, "rev-list", f"main..{branch}").split()) == 2
    (asked, *_) = told.asked(agent="resolver")
    assert asked.labels["tier"] == "sonnet"
    assert "words.py" in asked.last_text
    assert told.document["usage"]["by_kind"]["resolve"]["cost_usd"] > 0


@pytest.mark.long
def test_a_conflict_nobody_resolves_fails_its_subtask_and_the_rest_goes_on(carry_out, script, world):
    told = carry_out(
        WORDS,
        script.plan(
            *(script.subtask(word, ["words.py"], [has(word)]) for word in ("cup", "pot")),
            script.subtask("rest", ["rest.txt"], ["test -f rest.txt"]),
        ),
        *(script.work(word, "haiku", script.edit("words.py", "]", f', "{word}"]')) for word in ("cup", "pot")),
        script.work("rest", "haiku", script.write("rest.txt", "made\n")),
        script.rule(
            "resolver", {"answer": {"status": "blocked", "summary": "They exclude each other."}}, tier="sonnet"
        ),
        script.rule("resolver", {"answer": {"status": "resolved", "summary": "As if."}}, tier="opus"),
        args=("--max-parallel", "2"),
    )
    statuses = told.statuses()
    assert (told.code, statuses.pop("rest"), sorted(statuses.values())) == (1, "merged", ["failed", "merged"])
    (lost,) = (word for word, status in statuses.items() if status == "failed")
    assert told.subtask(lost)["reason"] == "merge conflict, unresolved: words.py"
    assert told.attempts(lost) == [("haiku", "checks_failed", 1)]
    kept = world.git(told.root, "show", f"refs/agentflow/{told.document['run_id']}/{lost}/1:words.py")
    assert kept == f'WORDS = ["tea", "{lost}"]'
    assert lost not in world.git(told.root, "show", f"{told.document['branch']}:words.py")


def test_green_alone_but_red_together_sends_the_second_back_with_the_combined_evidence(carry_out, script, world):
    def makes(side, attempt, before, after):
        return script.work(side, "haiku", script.edit(f"{side}.py", before, after), attempt=attempt)

    sides = ("left", "right")
    told = carry_out(
        BUDGET,
        script.plan(
            *(
                script.subtask(side, [f"{side}.py"], [f'python -c "import {side}; assert {side}.COST >= 2"'])
                for side in sides
            )
        ),
        *(makes(side, 1, "COST = 1", "COST = 8") for side in sides),
        *(makes(side, 2, "COST = 1", "COST = 2") for side in sides),
        args=("--check", "python total.py"),
    )
    assert (told.code, set(told.statuses().values())) == (0, {"merged"})
    first, second = sorted(sides, key=lambda side: len(told.attempts(side)))
    assert told.attempts(first) == [("haiku", "passed", 1)]
    assert told.attempts(second) == [("haiku", "checks_failed", 1), ("haiku", "passed", 1)]
    assert told.subtask(second)["attempts"][0]["reason"].startswith("green alone, red on the run's branch")

    opening = told.asked(subtask=second, attempt="2")[0].last_text
    assert "16 is over the budget" in opening
    assert "+COST = 8" in opening
    bases = {(a.subtask, a.n): a.base for a in told.ledger.attempts(told.document["run_id"])}
    assert bases[second, 1] == told.document["base"]
    assert bases[second, 2] == told.subtask(first)["commit"]
    assert world.git(told.root, "show", f"{told.document['branch']}:{second}.py") == "COST = 2"


@pytest.mark.long
def test_nobody_waits_for_a_merge_that_they_do_not_need(world, errand, tmp_path):
    """Together the first two are not proved before the last one, for which there was no room, is at work."""
    world.env["AGENTFLOW_SANDBOX"] = "off"  # checks tell each other outside how far they are
    flag = tmp_path / "the-last-is-at-work"
    slow = f"test ! -e a.txt || while ! test -e {flag}; do sleep 0.1; done; grep -q good b.txt"
    last = errand.subtask("e", checks=[f"touch {flag}; grep -q good e.txt"])
    plan = errand.plan_file("a", errand.subtask("b", checks=[slow]), "c", "d", last)
    server = errand.serve(*map(errand.writes, "abcde"))
    run = ("run", "--plan", plan, "--yes", "--json", "--max-parallel", "2")
    ended = world.agentflow(errand.root, *run, replay=server)
    assert (ended.code, ended.json["status"], server.unmatched) == (0, "succeeded", [])
    assert len(world.git(errand.root, "log", "--format=%h", f"main..{ended.json['branch']}").splitlines()) == 5
