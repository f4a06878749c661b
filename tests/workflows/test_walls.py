"""What the plan forbids and the work needs is met on the tier that met it; no dearer model pays for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.models.session import Denial
from agentflow.workflows.walls import MAX_FILES, is_reserved, needed_files, refused_files

TREE = ["CHANGELOG.md", "app/__init__.py", "app/cart.py", "app/[id].py", "docs/a.md", "docs/b.md", "tests/test_cart.py",
        "conftest.py", *(f"many/{n}.py" for n in range(MAX_FILES + 1))]  # fmt: skip
WORKTREE = Path("/cache/run/cart-1")

SHOP = {
    "CHANGELOG.md": "# Changes\n",
    "shop/__init__.py": "",
    "shop/price.py": "PRICE = 1\n",
    "shop/stock.py": "STOCK = 1\n",
}
EXPORTED = "python -c 'import shop; assert shop.PRICE == 2' && grep -q price CHANGELOG.md"


def needs(script, *files, reason="these are outside my files"):
    answer = script.blocked(reason)
    answer["answer"]["needs_files"] = list(files)
    return answer


@pytest.mark.parametrize(
    ("named", "needed"),
    [
        (["CHANGELOG.md", "./app/__init__.py"], ("CHANGELOG.md", "app/__init__.py")),
        (["/cache/run/cart-1/CHANGELOG.md"], ("CHANGELOG.md",)),
        (["docs/*.md", "docs/a.md"], ("docs/a.md", "docs/b.md")),
        (["docs", "docs/"], ("docs/a.md", "docs/b.md")),
        (["{CHANGELOG,NEWS}.md"], ("CHANGELOG.md",)),
        (["new/{a,b}.py"], ("new/a.py", "new/b.py")),
        (["app/cart.py", " ", ""], ()),
        (["many/**"], ("many/**",)),
        (["/etc/passwd"], ("/etc/passwd",)),
    ],
)
def test_what_an_agent_names_is_told_apart_file_by_file(named, needed):
    assert needed_files(named, WORKTREE, TREE, ["app/cart.py"]) == needed


@pytest.mark.parametrize(
    "path", ["CHANGELOG.md", "app/__init__.py", "app/[id].py", "app/new.py", "tests/test_new.py", "app/test_new.py"]
)
def test_a_file_that_steers_nobody_and_judges_nothing_may_be_given(path):
    assert not is_reserved(path, TREE)


@pytest.mark.parametrize(
    "path",
    ["CLAUDE.md", "app/claude.md", ".claude/settings.json", ".agentflow/agents/x.yaml", ".mcp.json", "AGENTS.md",
     "conftest.py", "tests/test_cart.py", "tests/data.json", "tests", ".ci", "pyproject.toml", "package.json", "Makefile",
     ".github/workflows/ci.yml", "many/**", "many", "*.md", "[c]onftest.py", "../x", "/etc/passwd", ".git/config",
     "a,b.md"],
)  # fmt: skip
def test_what_steers_agents_judges_the_work_or_is_not_one_file_is_for_the_planner_to_give(path):
    assert is_reserved(path, TREE)


@pytest.mark.parametrize(
    ("denials", "refused"),
    [
        ([("Write", "a.md", "outside the subtask's files: src"), ("Edit", "b.md", "outside the subtask's files: src"),
          ("Bash", "make", "not allowed")], ("a.md", "b.md")),
        ([("Write", "a.md", "outside the subtask's files: src"), ("Write", "/x", "the path is outside the worktree")], ()),
        ([("Bash", "make", "not allowed")], ()),
        ([], ()),
    ],
)  # fmt: skip
def test_refused_writes_count_when_the_scope_alone_forbade_them(denials, refused):
    assert refused_files([Denial(*denial) for denial in denials]) == refused


@pytest.mark.cli
def test_a_blocked_agent_gets_the_files_it_names_and_goes_on_in_its_session(carry_out, script, world):
    told = carry_out(
        SHOP,
        script.plan(script.subtask("price", ["shop/price.py"], [EXPORTED])),
        script.rule(
            "execute",
            script.edit("shop/price.py", "PRICE = 1", "PRICE = 2"),
            needs(script, "CHANGELOG.md", "shop/__init__.py"),
            subtask="price",
            attempt=1,
        ),
        script.rule(
            "execute",
            script.edit("CHANGELOG.md", "# Changes", "# Changes\n\n- price"),
            script.call("Read", file_path="{cwd}/shop/__init__.py"),
            script.write("shop/__init__.py", "from shop.price import PRICE\n"),
            script.done(),
            subtask="price",
            attempt=2,
        ),
    )
    assert (told.code, told.statuses()) == (0, {"price": "merged"})
    assert told.attempts("price") == [("haiku", "blocked", 1), ("haiku", "passed", 1)]
    assert len({request.session for request in told.asked(agent="execute")}) == 1
    wall = {"files": ["CHANGELOG.md", "shop/__init__.py"], "asked": True, "way": "widened"}
    assert [attempt["wall"] for attempt in told.subtask("price")["attempts"]] == [wall, None]
    assert "- CHANGELOG.md" in told.asked(attempt="2")[0].last_text
    run = told.ledger.run(told.document["run_id"])
    assert run.plan["subtasks"][0]["files"] == ["shop/price.py", "CHANGELOG.md", "shop/__init__.py"]
    (widened,) = told.events("scope_widened")
    assert widened.data == {"files": wall["files"], "asked": True}
    shown = world.agentflow(told.root, "runs", "show", run.id).out
    assert "haiku wall → haiku ✓" in shown
    assert "scope widened by CHANGELOG.md, shop/__init__.py (asked by the agent)" in shown


@pytest.mark.cli
@pytest.mark.long
def test_writes_that_the_scope_forbids_widen_it_when_the_fix_round_ends_empty_too(carry_out, script):
    told = carry_out(
        SHOP,
        script.plan(script.subtask("stock", ["shop/prices.py"], ["grep -q 2 shop/stock.py"])),
        script.rule(
            "execute",
            script.edit("shop/stock.py", "STOCK = 1", "STOCK = 2"),
            script.done(),
            attempt=1,
            times=2,
        ),
        script.rule("execute", script.edit("shop/stock.py", "STOCK = 1", "STOCK = 2"), script.done(), attempt=2),
    )
    assert told.attempts("stock") == [("haiku", "empty", 2), ("haiku", "passed", 1)]
    assert told.subtask("stock")["attempts"][0]["wall"]["asked"] is False
    rounds = {request.round: request for request in reversed(told.asked(attempt="1"))}
    assert "shop/stock.py" in rounds[2].last_text
    assert "needs_files" in rounds[2].last_text


@pytest.mark.cli
def test_without_a_planner_a_wall_ends_the_subtask_on_its_tier_and_says_what_to_change(carry_out, script):
    told = carry_out(
        {**SHOP, "conftest.py": ""},
        script.plan(script.subtask("price", ["shop/price.py"], ["true"])),
        script.rule("execute", needs(script, "conftest.py", reason="a fixture is missing"), subtask="price"),
    )
    assert (told.code, told.statuses()) == (1, {"price": "blocked"})
    assert told.attempts("price") == [("haiku", "blocked", 1)]
    reason = "a fixture is missing; wall: give price these files in the plan: conftest.py"
    assert told.subtask("price")["reason"] == reason


@pytest.mark.cli
@pytest.mark.long
def test_a_siblings_file_sends_the_plan_back_to_its_planner_and_the_tier_stays(world, script, scene):
    root = world.repository(SHOP)
    changelog = script.subtask("changelog", ["CHANGELOG.md"], ["grep -q stock CHANGELOG.md"])
    price = script.subtask("price", ["shop/price.py"], ["grep -q 2 shop/price.py && grep -q price CHANGELOG.md"])
    mended = {
        "verdict": "replanned",
        "reason": "Both write the change log.",
        "files": ["shop/price.py", "CHANGELOG.md"],
        "depends_on": ["changelog"],
    }
    server = scene(
        script.rule("planner", {"answer": script.plan(changelog, price)}, subtask="-"),
        script.rule("planner", {"answer": mended}, subtask="price"),
        script.rule("execute", needs(script, "CHANGELOG.md"), subtask="price", attempt=1),
        script.work(
            "changelog", "haiku", {**script.edit("CHANGELOG.md", "# Changes", "# Changes\n\n- stock"), "delay": 6}
        ),
        script.rule(
            "execute",
            script.edit("shop/price.py", "PRICE = 1", "PRICE = 2"),
            script.edit("CHANGELOG.md", "- stock", "- stock\n- price"),
            script.done(),
            subtask="price",
            attempt=2,
        ),
    )
    ended = world.agentflow(root, "run", "Shop", "--yes", "--json", "--quiet", replay=server)
    assert (ended.code, server.unmatched) == (0, []), ended.err
    by_id = {subtask["id"]: subtask for subtask in ended.json["subtasks"]}
    assert [(a["tier"], a["outcome"]) for a in by_id["price"]["attempts"]] == [
        ("haiku", "blocked"),
        ("haiku", "passed"),
    ]
    wall = {"files": ["CHANGELOG.md"], "asked": True, "way": "replanned"}
    assert by_id["price"]["attempts"][0]["wall"] == wall
    first, second = (request for request in server.requests if request.labels["agent"] == "planner")
    assert first.session == second.session
    assert "CHANGELOG.md: subtask 'changelog', which is not done, may change it at the same time" in second.last_text
    log = world.git(root, "show", f"{ended.json['branch']}:CHANGELOG.md")
    assert log.split() == ["#", "Changes", "-", "stock", "-", "price"]


@pytest.mark.cli
def test_a_scope_with_braces_is_given_to_the_agent_and_merged(carry_out, script):
    told = carry_out(
        SHOP,
        script.plan(script.subtask("both", ["shop/{price,stock}.py", "docs/**/*.{md,txt}"], ["test -f docs/a/b.md"])),
        script.work(
            "both",
            "haiku",
            script.edit("shop/price.py", "1", "2"),
            script.edit("shop/stock.py", "1", "2"),
            script.write("docs/a/b.md", "made\n"),
        ),
    )
    assert told.attempts("both") == [("haiku", "passed", 1)]
    assert told.statuses() == {"both": "merged"}
    assert "- shop/{price,stock}.py" in told.asked(agent="execute")[0].last_text


@pytest.mark.cli
def test_a_check_that_cannot_run_here_asks_one_tier_only(carry_out, script):
    told = carry_out(
        SHOP,
        script.plan(script.subtask("price", ["shop/price.py"], ["no-such-runner --check"])),
        script.work("price", "haiku", script.edit("shop/price.py", "PRICE = 1", "PRICE = 2")),
    )
    assert (told.code, told.statuses()) == (1, {"price": "failed"})
    assert told.attempts("price") == [("haiku", "environment", 1)]
    assert "no-such-runner" in told.subtask("price")["reason"]
