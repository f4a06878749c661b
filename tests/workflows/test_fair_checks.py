"""Checks that judge the right thing, on the real command: what they cannot hide, and what is not the work's fault."""

import pytest

pytestmark = pytest.mark.cli

BARE = {"README": "Hello\n"}


def test_a_plans_check_that_cannot_fail_goes_back_with_the_right_spelling(world, script, scene):
    root = world.repository(BARE)
    wrong = script.plan(script.subtask("one", ["one.txt"], ["grep -q good one.txt || true"]))
    right = script.plan(script.subtask("one", ["one.txt"], ["grep -q good one.txt"]))
    server = scene(
        script.rule("planner", {"answer": wrong}, attempt=1),
        script.rule("planner", {"answer": right}, attempt=2),
        script.work("one", "haiku", script.write("one.txt", "good\n")),
    )
    ended = world.agentflow(root, "run", "Make one", "--yes", "--json", "--quiet", replay=server)
    assert (ended.code, server.unmatched) == (0, []), ended.err
    told = next(r for r in server.requests if r.labels["agent"] == "planner" and r.labels["attempt"] == "2").last_text
    assert "it passes whatever `grep -q good one.txt` says; write `grep -q good one.txt`" in told


@pytest.mark.parametrize(
    ("args", "env", "config"),
    [
        (("--check", "pytest | grep -c failed"), {}, {}),
        (("--check", "make test; echo done", "--dry-run"), {}, {}),
        ((), {"AGENTFLOW_CHECKS": "npm test || true"}, {}),
        ((), {}, {".agentflow/config.yaml": "checks: ['pytest &']\n"}),
    ],
)
def test_a_check_of_the_users_that_cannot_fail_is_refused_wherever_it_is_set(world, script, scene, args, env, config):
    root, server = world.repository({**BARE, **config}), scene(script.rule("planner", {"answer": {}}))
    ended = world.agentflow(root, "run", "Make one", "--yes", *args, replay=server, **env)
    assert (ended.code, server.requests) == (2, []), ended.err
    assert "cannot be trusted" in ended.err
    assert "write `" in ended.err


@pytest.mark.long
def test_a_formatter_is_no_flaky_check_and_its_change_is_put_to_the_agent(carry_out, script, world):
    told = carry_out(
        BARE,
        script.plan(script.subtask("made", ["made.txt"], ["test -f made.txt"])),
        script.work("made", "haiku", script.write("made.txt", "bad\n"), round=1),
        script.work("made", "haiku", script.edit("made.txt", "bad", "good"), round=2),
        args=("--check", "grep -qs bad made.txt && sed -i s/bad/good/ made.txt && exit 1; true"),
    )
    assert (told.code, told.attempts("made")) == (0, [("haiku", "passed", 2)]), told.err
    mending = next(request for request in told.asked(agent="execute") if request.round == 2).last_text
    assert "changes what it judges: made.txt" in mending
    assert "make this change yourself" in mending
    assert world.git(told.root, "show", f"{told.document['branch']}:made.txt") == "good"


@pytest.mark.long
def test_two_subtasks_that_want_one_port_at_once_are_both_merged_by_the_cheapest_tier(carry_out, script, world):
    world.env["AGENTFLOW_SANDBOX"] = "off"  # in the sandbox each has ports and files of its own
    port = (
        f"mkdir {world.folder}/port 2>/dev/null || {{ echo EADDRINUSE; exit 1; }}; sleep 1; rmdir {world.folder}/port"
    )
    told = carry_out(
        BARE,
        script.plan(*(script.subtask(name, [f"{name}.txt"], [f"test -f {name}.txt"]) for name in ("one", "two"))),
        *(script.work(name, "haiku", script.write(f"{name}.txt", "good\n")) for name in ("one", "two")),
        args=("--check", port),
    )
    assert (told.code, told.statuses()) == (0, {"one": "merged", "two": "merged"}), told.err
    assert [told.attempts(name) for name in ("one", "two")] == [[("haiku", "passed", 1)]] * 2


@pytest.mark.long
def test_a_known_failure_hides_no_regression_behind_it_and_names_of_the_hour_are_not_lost(carry_out, script):
    tests = (
        "import time, pytest, shop\n\ndef test_a_known(): assert 0\n\ndef test_behind(): assert shop.price == 1\n\n"
        "@pytest.mark.parametrize('k', [1, 2], ids=[f'{time.time_ns()}-{k}' for k in '12'])\ndef test_at(k): pass\n"
    )
    told = carry_out(
        {"test_shop.py": tests, "shop.py": "price = 1\n", "pytest.ini": "[pytest]\naddopts = -x\n"},
        script.plan(script.subtask("made", ["shop.py"], ["grep -q made shop.py"])),
        script.work("made", "haiku", script.edit("shop.py", "price = 1", "price = made = 2"), round=1),
        script.work("made", "haiku", script.edit("shop.py", "price = made = 2", "price = made = 1"), round=2),
        args=("--check", script.pytest("test_shop.py")),
    )
    assert (told.code, told.attempts("made")) == (0, [("haiku", "passed", 2)]), told.err
    mending = next(request for request in told.asked(agent="execute") if request.round == 2).last_text
    assert "1 new failure: test_shop.py::test_behind" in mending
    assert "1 known failure: test_shop.py::test_a_known" in told.subtask("made")["attempts"][0]["reason"]
