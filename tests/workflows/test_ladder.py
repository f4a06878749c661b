"""Subtasks climb on evidence, and on nothing else."""

import pytest

pytestmark = pytest.mark.cli

TESTS = {
    "test_sum.py": "from adder import add\n\n"
    "def test_small(): assert add(1, 2) == 3\ndef test_zero(): assert add(0, 0) == 0\n"
}


def agent(name, tools):
    """A repository's own executor, narrower than the built-in one: its ladder has one rung."""
    about = f"name: {name}\ndescription: Works.\nrole: executor\ntier: haiku\nladder: [haiku]\n"
    return f"{about}tools: {tools}\nprompt: Work.\n"


#: Writes what it is told to, as code generators do.
GENERATOR = "import sys\nfor name in sys.argv[1:]: open(name, 'w').write('made\\n')\n"
SHORT = {".agentflow/agents/short.yaml": agent("short", "[Read, Edit, Write]")}


def test_haiku_fails_twice_and_sonnet_is_told_what_failed_and_how(carry_out, script):
    check = script.pytest("test_sum.py")
    told = carry_out(
        TESTS,
        script.plan(script.subtask("sum", ["adder.py"], [check])),
        script.work("sum", "haiku", script.write("adder.py", "def add(a, b):\n    return a - b\n"), round=1),
        script.work("sum", "haiku", script.edit("adder.py", "a - b", "a or b"), round=2),
        script.work("sum", "sonnet", script.write("adder.py", "def add(a, b):\n    return a + b\n")),
        args=("--check", check),
    )
    assert (told.code, told.statuses()) == (0, {"sum": "merged"})
    assert told.attempts("sum") == [("haiku", "checks_failed", 2), ("sonnet", "passed", 1)]

    rounds = {request.round: request for request in reversed(told.asked(tier="haiku"))}
    assert rounds[1].session == rounds[2].session
    assert "- test_sum.py::test_small" in rounds[2].last_text
    assert "does not pass" in rounds[2].last_text

    opening = told.asked(tier="sonnet")[0].last_text
    assert "- test_sum.py::test_small" in opening
    assert "+    return a or b" in opening
    assert "An earlier attempt (haiku) did not pass" in opening
    first, second = told.subtask("sum")["attempts"]
    assert "test_sum.py::test_small" in first["reason"]
    assert [(c["command"], c["passed"], c["failed"]) for c in second["checks"]] == [(check, 2, 0)]


def test_an_exhausted_ladder_fails_the_run_skips_dependants_and_keeps_the_commits(carry_out, script, world):
    told = carry_out(
        SHORT,
        script.plan(
            script.subtask("wrong", ["wrong.txt"], ["grep -q right wrong.txt"], agent="short"),
            script.subtask("needs-wrong", ["n.txt"], ["true"], depends_on=["wrong"]),
            script.subtask("needs-both", ["m.txt"], ["true"], depends_on=["alone", "needs-wrong"]),
            script.subtask("alone", ["alone.txt"], ["test -f alone.txt"]),
        ),
        script.rule("short", script.write("wrong.txt", "false\n"), script.done(), round=1),
        script.rule("short", script.edit("wrong.txt", "false", "still false"), script.done(), round=2),
        script.work("alone", "haiku", script.write("alone.txt", "made\n")),
    )
    skipped = dict.fromkeys(("needs-wrong", "needs-both"), "skipped")
    assert told.statuses() == {"wrong": "failed", **skipped, "alone": "merged"}
    assert (told.code, told.document["status"]) == (1, "failed")
    assert told.attempts("wrong") == [("haiku", "checks_failed", 2)]
    assert told.subtask("needs-both")["reason"] == "needs wrong, which is failed"

    run = told.document["run_id"]
    kept = f"refs/agentflow/{run}/wrong/1"
    assert world.git(told.root, "show", f"{kept}:wrong.txt") == "still false"
    assert world.git(told.root, "show", f"{kept}~1:wrong.txt") == "false"
    branch = told.document["branch"]
    assert world.git(told.root, "diff", "--name-only", "main", branch) == "alone.txt"


def test_blocked_climbs_at_once_and_on_the_last_rung_it_is_the_subtasks_fate(carry_out, script):
    told = carry_out(
        SHORT,
        script.plan(
            script.subtask("hard", ["hard.txt"], ["test -f hard.txt"]),
            script.subtask("impossible", ["never.txt"], ["test -f never.txt"], agent="short"),
        ),
        script.rule("execute", script.blocked("hard.txt needs a better mind"), subtask="hard", tier="haiku"),
        script.work("hard", "sonnet", script.write("hard.txt", "done\n")),
        script.rule("short", script.blocked("never.txt may not exist"), subtask="impossible"),
    )
    assert told.code == 1
    assert told.attempts("hard") == [("haiku", "blocked", 1), ("sonnet", "passed", 1)]
    assert "hard.txt needs a better mind" in told.asked(subtask="hard", tier="sonnet")[0].last_text
    assert told.attempts("impossible") == [("haiku", "blocked", 1)]
    assert told.statuses() == {"hard": "merged", "impossible": "blocked"}
    assert told.subtask("impossible")["reason"] == "never.txt may not exist"


@pytest.mark.long
def test_writing_outside_the_scope_is_denied_to_tools_and_found_out_after_commands(carry_out, script):
    runner = agent("generate", '[Read, Write, "Bash(python generate.py:*)"]')
    told = carry_out(
        {"generate.py": GENERATOR, "README": "Hello\n", ".agentflow/agents/generate.yaml": runner},
        script.plan(
            script.subtask("tool", ["made.txt"], ["test -f made.txt"]),
            script.subtask("command", ["out.txt"], ["test -f out.txt"], agent="generate"),
            script.subtask("lint", ["fine.txt"], ["test -f fine.txt"], agent="generate"),
        ),
        script.work("tool", "haiku", script.write("other.txt", "stray\n"), script.write("made.txt", "made\n")),
        script.rule(
            "generate",
            script.call("Bash", command="python generate.py out.txt stray.txt"),
            script.done(),
            subtask="command",
            times=2,
        ),
        script.rule(
            "generate",
            script.call("Bash", command="python generate.py fine.txt ruff.toml"),
            script.done(),
            subtask="lint",
            times=2,
        ),
    )
    assert told.attempts("tool") == [("haiku", "passed", 1)]
    assert [(e.data["tool"], e.data["argument"]) for e in told.events("denied")] == [("Write", "other.txt")]
    assert told.attempts("command") == [("haiku", "out_of_scope", 2)]
    assert "stray.txt" in told.subtask("command")["reason"]
    assert told.attempts("lint") == [("haiku", "tampered", 2)]
    assert "ruff.toml" in told.subtask("lint")["reason"]
    assert told.statuses() == {"tool": "merged", "command": "failed", "lint": "failed"}


def test_a_test_deleted_inside_the_scope_is_tampering_until_it_is_back(carry_out, script):
    old = "def test_old(): assert len(open('app.txt').read()) < 9\n"
    new = "def test_new(): assert 'new' in open('app.txt').read()\n"
    told = carry_out(
        {"test_app.py": old, "app.txt": "old\n"},
        script.plan(script.subtask("app", ["app.txt", "test_app.py"], [script.pytest("test_app.py")])),
        script.work(
            "app",
            "haiku",
            script.edit("app.txt", "old", "new and far too long"),
            script.edit("test_app.py", old.strip(), new.strip()),
            round=1,
        ),
        script.work(
            "app",
            "haiku",
            script.edit("app.txt", " and far too long", ""),
            script.edit("test_app.py", new.strip(), old + new.strip()),
            round=2,
        ),
        args=("--check", script.pytest("test_app.py")),
    )
    assert told.attempts("app") == [("haiku", "passed", 2)]
    mending = next(request for request in told.server.requests if request.round == 2).last_text
    assert "1 test lost by a change to the tests: test_app.py::test_old" in mending
    assert told.statuses() == {"app": "merged"}


@pytest.mark.long
def test_an_attempt_that_changes_nothing_is_empty_and_has_its_fix_round(carry_out, script):
    told = carry_out(
        SHORT,
        script.plan(
            script.subtask("lazy", ["lazy.txt"], ["true"], agent="short"),
            script.subtask("woken", ["woken.txt"], ["test -f woken.txt"]),
        ),
        script.rule("short", script.done(), times=2, subtask="lazy"),
        script.work("woken", "haiku", round=1),
        script.work("woken", "haiku", script.write("woken.txt", "made\n"), round=2),
    )
    assert told.attempts("lazy") == [("haiku", "empty", 2)]
    assert told.attempts("woken") == [("haiku", "passed", 2)]
    assert told.statuses() == {"lazy": "failed", "woken": "merged"}


@pytest.mark.long
def test_an_answer_that_is_missing_or_malformed_climbs_without_a_fix_round(carry_out, script):
    malformed = {"answer": {"status": "finished", "summary": 7}}
    told = carry_out(
        {"README": "Hello\n"},
        script.plan(
            script.subtask("silent", ["silent.txt"], ["test -f silent.txt"]),
            script.subtask("muddled", ["muddled.txt"], ["test -f muddled.txt"]),
        ),
        script.rule("execute", {"say": "I am done."}, subtask="silent", tier="haiku", times="*"),
        script.rule("execute", malformed, subtask="muddled", tier="haiku", times="*"),
        script.work("silent", "sonnet", script.write("silent.txt", "made\n")),
        script.work("muddled", "sonnet", script.write("muddled.txt", "made\n")),
    )
    climbed = [("haiku", "invalid_output", 1), ("sonnet", "passed", 1)]
    assert told.attempts("silent") == climbed
    assert told.attempts("muddled") == climbed
    assert told.code == 0
