"""What executors delete, move and edit through agentflow's own tools: within their scope, and nothing else."""

from __future__ import annotations

import pytest

from agentflow.models.file_tools import answer
from agentflow.models.guard import Allow, GuardPolicy, decide
from agentflow.models.path_guard import OUTSIDE_SCOPE, OUTSIDE_WORKTREE
from agentflow.models.session import Denial

SCOPE = ("src/**", "docs/old", "docs/new/**")


@pytest.fixture
def place(tmp_path):
    """A worktree beside a folder of the user's, links that lead everywhere, and a file in a legacy encoding."""
    home, place = tmp_path / "home", tmp_path.resolve() / "worktree"
    home.mkdir()
    (home / "secret").write_text("s")
    for path in (
        "src/a.py",
        "src/deep/b.py",
        "docs/old/x.md",
        "docs/other.md",
        "CLAUDE.md",
        "src/.git/config",
        "top.py",
    ):
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(path)
    (place / "src" / "latin.py").write_bytes("# café\nA = 1\n".encode("latin-1"))
    (place / "src" / "out").symlink_to(home)
    (place / "src" / "link.py").symlink_to("a.py")
    (place / "src" / "top.py").symlink_to("../top.py")
    return place


def everything(place):
    return {str(p.relative_to(place.parent)): p.read_bytes() for p in place.parent.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("tool", "given", "gone", "there"),
    [
        ("delete", {"path": "src/a.py"}, "src/a.py", None),
        ("delete", {"path": "{cwd}/src/a.py"}, "src/a.py", None),
        ("delete", {"path": "./src/deep/../deep"}, "src/deep", None),
        ("delete", {"path": "src/link.py"}, "src/link.py", "src/a.py"),
        ("delete", {"path": "src/out"}, "src/out", "../home/secret"),
        ("delete", {"path": "docs/old"}, "docs/old", "docs/other.md"),
        ("move", {"path": "src/a.py", "to": "src/new/c.py"}, "src/a.py", "src/new/c.py"),
        ("move", {"path": "docs/old", "to": "docs/new/home"}, "docs/old", "docs/new/home/x.md"),
        ("move", {"path": "src/link.py", "to": "src/l.py"}, "src/link.py", "src/l.py"),
        ("edit_text", {"path": "src/latin.py", "old": "A = 1", "new": "A = 2"}, None, "src/latin.py"),
    ],
)
def test_what_lies_in_the_scope_is_deleted_moved_and_edited(place, tool, given, gone, there):
    given = {name: value.format(cwd=place) for name, value in given.items()}
    done = answer(tool, given, place, SCOPE)
    assert done["is_error"] is False, done
    assert gone is None or (not (place / gone).is_symlink() and not (place / gone).exists())
    assert there is None or (place / there).exists()


@pytest.mark.parametrize(
    ("tool", "given", "reason"),
    [
        ("delete", {"path": "top.py"}, OUTSIDE_SCOPE),
        ("delete", {"path": "docs"}, OUTSIDE_SCOPE),
        ("delete", {"path": "CLAUDE.md"}, OUTSIDE_SCOPE),
        ("delete", {"path": "."}, OUTSIDE_WORKTREE),
        ("delete", {"path": ".."}, OUTSIDE_WORKTREE),
        ("delete", {"path": "/"}, OUTSIDE_WORKTREE),
        ("delete", {"path": "src/out/secret"}, OUTSIDE_WORKTREE),
        ("delete", {"path": "src"}, "the .git folder is not the worker's"),
        ("delete", {"path": "src/.git/config"}, "the .git folder is not the worker's"),
        ("delete", {"path": "src/none.py"}, "No such file"),
        ("delete", {}, "no path is given"),
        ("delete", {"path": 5}, "no path is given"),
        ("delete", {"path": "src/a\0b"}, "null byte"),
        ("move", {"path": "src/a.py", "to": "top2.py"}, OUTSIDE_SCOPE),
        ("move", {"path": "top.py", "to": "src/t.py"}, OUTSIDE_SCOPE),
        ("move", {"path": "src/a.py", "to": "src/out/a.py"}, OUTSIDE_WORKTREE),
        ("move", {"path": "src/a.py", "to": "src/latin.py"}, "exists"),
        ("move", {"path": "src/a.py", "to": "src/link.py"}, "exists"),
        ("move", {"path": "src/deep", "to": "elsewhere"}, OUTSIDE_SCOPE),
        ("move", {"path": "src/a.py"}, "no path is given"),
        ("move", {"path": "src/a.py", "to": []}, "no path is given"),
        ("edit_text", {"path": "top.py", "old": "t", "new": "x"}, OUTSIDE_SCOPE),
        ("edit_text", {"path": "src/top.py", "old": "t", "new": "x"}, OUTSIDE_SCOPE),
        ("edit_text", {"path": "src/out/secret"}, OUTSIDE_WORKTREE),
        ("edit_text", {"path": "src/latin.py", "old": "B", "new": "x"}, "0 times"),
        ("edit_text", {"path": "src/deep"}, "Is a directory"),
    ],
)  # fmt: skip
def test_what_may_not_be_done_changes_nothing_and_says_why(place, tool, given, reason):
    before = everything(place)
    done = answer(tool, given, place, SCOPE)
    assert (done["is_error"], reason in done["content"][0]["text"]) == (True, True), done
    assert everything(place) == before


@pytest.mark.parametrize("tool", ["delete", "move", "edit_text", "NotebookEdit"])
def test_the_guard_knows_the_tools_and_only_agents_that_have_them_may_call(place, tool):
    name = tool if tool == "NotebookEdit" else f"mcp__agentflow__{tool}"
    given = {"path": "top.py", "notebook_path": "top.py", "to": "src/x", "old": "t"}
    without, scoped = (GuardPolicy(place, frozenset(tools), SCOPE) for tools in (["Edit"], [tool]))
    refused = decide(name, given, without)
    assert isinstance(refused, Denial)
    assert (refused.tool, refused.reason) == (tool, "this agent does not have the tool")
    assert decide(name, given, scoped).reason.startswith(OUTSIDE_SCOPE)
    inside = {**given, "path": "src/a.py", "notebook_path": "src/a.py"}
    assert decide(name, inside, scoped) is None


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("rm src/a.py", "delete"),
        ("git rm src/a.py", "delete"),
        ("mv src/a.py src/b.py", "move"),
        ("git mv a b", "move"),
    ],
)
def test_a_refused_command_names_the_tool_that_does_it(place, line, advice):
    policy = GuardPolicy(place, frozenset({"Bash", "delete", "move"}), SCOPE, commands=("make",))
    assert decide("Bash", {"command": line}, policy).reason.endswith(f"; the tool {advice} does this")
    poorer = GuardPolicy(place, frozenset({"Bash"}), SCOPE, commands=("make",))
    assert "the tool" not in decide("Bash", {"command": line}, poorer).reason


@pytest.mark.parametrize("tool", ["Read", "Edit", "Write"])
def test_a_call_on_a_link_is_made_on_what_it_leads_to(place, tool):
    policy = GuardPolicy(place, frozenset({tool}), SCOPE)
    verdict = decide(tool, {"file_path": "src/link.py", "content": "x"}, policy)
    assert verdict == Allow({"file_path": str(place / "src" / "a.py"), "content": "x"})
    assert decide(tool, {"file_path": "src/a.py"}, policy) is None
