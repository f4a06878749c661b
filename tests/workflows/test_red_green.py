"""What a merge rests on, on the real command: red to green, old tests on new code, and the judge where neither tells."""

import pytest

pytestmark = pytest.mark.cli

SHOP = "def total(prices):\n    return sum(prices)\n"
OLD_TEST = "from shop import total\n\n\ndef test_total():\n    assert total([2, 3]) == 5\n"
FILES = {"shop.py": SHOP, "test_shop.py": OLD_TEST}
DISCOUNT = "\n\ndef discount(price):\n    return price * 4 // 5\n"


def refuses(reason, times=1):
    return {"when": {"agent": "judge"}, "times": times, "turns": [{"answer": verdict(approve=False, reason=reason)}]}


def verdict(approve, reason):
    return {"approve": approve, "reason": reason, "confidence": 0.9}


@pytest.fixture
def suite(script):
    return ("--check", script.pytest("test_shop.py"))


def trailer(world, told):
    form = "--format=%(trailers:key=Agentflow-Proof,valueonly)"
    return world.git(told.root, "log", "-1", form, told.document["branch"])


def test_a_comment_for_a_feature_is_put_before_a_judge_and_ends_refused(carry_out, script, suite):
    told = carry_out(
        {**FILES, ".agentflow/agents/short.yaml": SHORT},
        script.plan(script.subtask("discount", ["shop.py"], [script.pytest("test_shop.py")], agent="short")),
        script.rule("short", script.edit("shop.py", "def total", "# discount()\ndef total"), script.done(), round=1),
        script.rule("short", script.edit("shop.py", "# discount()", "# The discount"), script.done(), round=2),
        refuses("Only a comment; there is no discount().", times=2),
        args=suite,
    )
    assert (told.code, told.statuses()) == (1, {"discount": "failed"})
    (attempt,) = told.subtask("discount")["attempts"]
    assert (attempt["outcome"], attempt["proof"], attempt["rounds"]) == ("checks_failed", None, 2)
    assert "weakly proven: nothing that failed before passes now" in attempt["reason"]
    assert "nothing that failed before passes now" in told.asked(agent="judge")[0].last_text
    assert "Only a comment" in next(r for r in told.asked(agent="short") if r.round == 2).last_text


@pytest.mark.long
def test_a_weakened_old_test_over_broken_code_is_put_before_a_judge(carry_out, script, suite):
    told = carry_out(
        FILES,
        script.plan(script.subtask("more", ["shop.py", "test_shop.py"], [script.pytest("test_shop.py")])),
        script.work(
            "more",
            "haiku",
            script.edit("shop.py", "sum(prices)", "0"),
            script.edit("test_shop.py", "== 5", "in (0, 5)\n\n\ndef test_none():\n    assert total([2]) == 0"),
            round=1,
        ),
        script.work(
            "more",
            "haiku",
            script.edit("shop.py", "return 0", "return sum(prices)"),
            script.edit("test_shop.py", "in (0, 5)", "== 5"),
            script.edit("test_shop.py", "total([2]) == 0", "total([2, 2, 2]) == 6"),
            round=2,
        ),
        refuses("total() no longer adds up, and its test was loosened to hide it."),
        script.rule("judge", {"answer": verdict(approve=True, reason="A test more.")}),
        args=suite,
    )
    assert told.attempts("more") == [("haiku", "passed", 2)]
    (first, second) = told.asked(agent="judge")
    assert "alters behaviour that these tests held: test_shop.py::test_total" in first.last_text
    assert "assert total([2, 3]) == 5" in first.last_text
    assert "nothing that failed before passes now" in second.last_text
    assert told.subtask("more")["proof"] == "weakly_proven"


def test_a_renamed_test_that_the_plan_lets_go_merges_as_proven(carry_out, script, world, suite):
    told = carry_out(
        FILES,
        script.plan(
            script.subtask(
                "rename",
                ["test_shop.py"],
                ["grep -q test_sum test_shop.py"],
                kind="test",
                drops_tests=["test_shop.py::test_total"],
            )
        ),
        script.work("rename", "haiku", script.edit("test_shop.py", "test_total", "test_sum")),
        args=suite,
    )
    assert (told.code, told.attempts("rename")) == (0, [("haiku", "passed", 1)]), told.err
    assert (told.subtask("rename")["proof"], trailer(world, told)) == ("proven", "proven")
    assert "went from red to green: test_shop.py::test_sum" in told.subtask("rename")["attempts"][0]["reason"]


@pytest.mark.long
def test_a_test_that_passes_without_the_change_makes_it_weak_and_one_that_does_not_proves_it(
    carry_out, script, world, suite
):
    new = "\n\ndef test_discount():\n    assert total([1]) == 1\n"
    honest = "from shop import discount\n\n\ndef test_discount():\n    assert discount(5) == 4\n"
    told = carry_out(
        FILES,
        script.plan(
            script.subtask("hollow", ["shop.py", "test_shop.py"], [script.pytest("test_shop.py")]),
            script.subtask("honest", ["shop.py", "test_new.py"], [script.pytest("test_new.py")], depends_on=["hollow"]),
        ),
        script.work(
            "hollow",
            "haiku",
            script.edit("shop.py", "def total", "# discount()\ndef total"),
            script.edit("test_shop.py", "== 5\n", f"== 5\n{new}"),
        ),
        script.rule("judge", {"answer": verdict(approve=True, reason="It will do.")}),
        script.work(
            "honest",
            "haiku",
            script.edit("shop.py", "sum(prices)\n", f"sum(prices)\n{DISCOUNT}"),
            script.write("test_new.py", honest),
        ),
        args=suite,
    )
    assert (told.code, told.statuses()) == (0, {"hollow": "merged", "honest": "merged"}), told.err
    assert [told.subtask(name)["proof"] for name in ("hollow", "honest")] == ["weakly_proven", "proven"]
    assert len(told.asked(agent="judge")) == 1
    assert "Make hollow: merged, weakly proven" in world.agentflow(told.root, "runs", "show").out
    assert trailer(world, told) == "proven"


def test_a_command_that_stays_red_proves_nothing(carry_out, script):
    told = carry_out(
        {"shop.py": SHOP},
        script.plan(script.subtask("discount", ["shop.py"], [])),
        script.work("discount", "haiku", script.edit("shop.py", "def total", "# discount()\ndef total")),
        script.rule("judge", {"answer": verdict(approve=True, reason="Fine.")}),
        args=("--check", "false"),
    )
    assert told.statuses() == {"discount": "unproven"}
    reason = told.subtask("discount")["attempts"][0]["reason"]
    assert reason.startswith("unproven: no check passed; 0 checks passed; false fails as it did before")


SHORT = (
    "name: short\ndescription: Works.\nrole: executor\ntier: haiku\nladder: [haiku]\n"
    "tools: [Read, Edit, Write]\nprompt: Work.\n"
)
