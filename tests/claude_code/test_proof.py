"""The proof gate, as Claude Code asks it: the real hook in a real repository with real pytest."""

from __future__ import annotations

import json

import pytest

TEST = "from add import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
GOOD = "def add(a, b):\n    return a + b\n"
BAD = "def add(a, b):\n    return a - b\n"


@pytest.fixture
def root(hooks, world):
    """A trusted repository whose one test passes, in a session that has just begun."""
    root = world.repository({"add.py": GOOD, "test_add.py": TEST, "README.md": "Adds.\n"})
    hooks.trust(root)
    hooks.configure({"proof": "block"})
    hooks.fire("SessionStart", root, source="startup")
    return root


def stop(hooks, root, prompt="p1", **more):
    return hooks.fire("Stop", root, **{"prompt_id": prompt, "stop_hook_active": False, **more})


def test_a_red_change_is_blocked_once_with_the_failing_test_and_then_only_told(hooks, root):
    (root / "add.py").write_text(BAD)
    blocked = stop(hooks, root)
    assert blocked["decision"] == "block"
    assert "test_add.py::test_add" in blocked["reason"]
    assert stop(hooks, root, stop_hook_active=True) is None, "nothing was changed since"

    (root / "add.py").write_text(BAD.replace("-", "*"))
    assert "the checks do not pass" in stop(hooks, root)["systemMessage"], "the prompt's one block is used up"
    (root / "add.py").write_text(BAD.replace("-", "//"))
    assert stop(hooks, root, prompt="p2")["decision"] == "block", "the next prompt has its own"


def test_green_and_unchanged_files_are_let_go_without_a_second_run(hooks, root):
    assert stop(hooks, root) is None
    marker = root.parent / "ran"
    (root / "test_add.py").write_text(TEST + f"    open({str(marker)!r}, 'a').write('x')\n")
    assert stop(hooks, root) is None
    assert stop(hooks, root) is None
    assert marker.read_text() == "x"


def test_prose_is_not_proved(hooks, root):
    (root / "README.md").write_text("Adds numbers.\n")
    assert stop(hooks, root) is None


def test_warn_says_it_and_blocks_nothing(hooks, root):
    hooks.configure({"proof": "warn"})
    (root / "add.py").write_text(BAD)
    assert "decision" not in stop(hooks, root)


def test_a_repository_nobody_trusts_runs_nothing(hooks, world):
    root = world.repository({"add.py": BAD, "test_add.py": TEST})
    hooks.configure({"proof": "block"})
    hooks.configure({"proof": "block"}, root, checks=[f"touch {world.folder}/ran"])
    (root / "add.py").write_text(GOOD + "\n")
    assert stop(hooks, root) is None
    assert not (world.folder / "ran").exists()


def test_without_a_check_there_is_nothing_to_say(hooks, world):
    root = world.repository({"a.py": "a = 1\n"})
    hooks.trust(root)
    hooks.configure({"proof": "block"})
    (root / "a.py").write_text("a = 2\n")
    assert stop(hooks, root) is None
    assert hooks.log == ""


def test_a_sub_agent_that_only_reads_is_let_go(hooks, root):
    reader = root / ".claude" / "agents" / "reader.md"
    reader.parent.mkdir(parents=True)
    reader.write_text("---\nname: reader\ndescription: Reads.\ntools: Read, Grep\n---\n\nRead.\n")
    (root / "add.py").write_text(BAD)
    assert hooks.fire("SubagentStop", root, agent_id="a1", agent_type="reader", stop_hook_active=False) is None
    told = hooks.fire("SubagentStop", root, agent_id="a2", agent_type="general-purpose", stop_hook_active=False)
    assert told["decision"] == "block"


def test_an_error_of_ours_lets_the_session_go(hooks, root):
    (root / "add.py").write_text(BAD)
    (root / ".git" / "HEAD").write_text("ref: refs/heads/nowhere\n")
    assert stop(hooks, root) is None
    assert "no commit yet" in hooks.log


@pytest.mark.cli
def test_claude_is_sent_back_once_and_its_second_stop_goes_through(hooks, person, world, replay):
    root = world.repository({"add.py": GOOD, "test_add.py": TEST})
    hooks.trust(root)
    hooks.configure({"proof": "block"})
    person.install(root, "SessionStart", "Stop")
    file = str(root / "add.py")
    edit = {"file_path": file, "old_string": "a + b", "new_string": "a - b"}
    turns = [
        {"calls": [{"tool": "Read", "input": {"file_path": file}}]},
        {"calls": [{"tool": "Edit", "input": edit}]},
        {"say": "Done."},
        {"calls": [{"tool": "Edit", "input": {**edit, "old_string": "a - b", "new_string": "a * b"}}]},
        {"say": "Really done."},
    ]
    server = replay(json.dumps({"name": "stop", "rules": [{"turns": turns}]}))
    told = person.ask(root, "Subtract.", server, "--allowedTools", "Read", "Edit")

    assert len(server.requests) == len(turns)
    assert "test_add.py::test_add" in json.dumps(server.requests[3].body["messages"][-1])
    assert told[-1]["result"] == "Really done."
    assert hooks.log == ""
