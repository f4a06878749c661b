"""The proof gate and trust: what decides what runs is the user's to agree to, whoever wrote or changed it."""

from __future__ import annotations

import pytest

#: A line that leaves a trace beside the repository's folder, wherever it is run.
TRACE = "echo x >> {ran}"
MAKE = f"test:\n\t{TRACE}\n"
CHANGED = "it has changed what it runs here since you agreed to it; see what would run, and agree: agentflow trust"


@pytest.fixture
def traced(hooks, world):
    """A repository whose only check leaves a trace beside it, in a session that has just begun."""
    world.env |= {"AGENTFLOW_TRUST": "", "AGENTFLOW_SANDBOX": "off"}
    root = world.repository({"a.py": "a = 1\n", "Makefile": MAKE.format(ran=world.folder / "ran")})
    hooks.trust(root)
    hooks.configure({"proof": "block"})
    hooks.fire("SessionStart", root, source="startup")
    return root


def write(hooks, root, name, text, **more):
    """By a tool of the session; with None, away with it."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink() if text is None else path.write_text(text)
    call = {"tool_name": "Write", "tool_input": {"file_path": str(path), "content": text}, "duration_ms": 5}
    hooks.fire("PostToolUse", root, **call, **more)


def stop(hooks, root, **more):
    return hooks.fire("Stop", root, **{"prompt_id": "p1", "stop_hook_active": False, **more})


def has_run(root):
    return (root.parent / "ran").exists()


@pytest.mark.security("T6")
def test_checks_nobody_agreed_to_are_named_once_and_run_from_the_agreement_on(hooks, world, traced):
    write(hooks, traced, "a.py", "a = 2\n")
    told = stop(hooks, traced)
    assert "you have not agreed to them yet; see what would run, and agree: agentflow trust" in told["systemMessage"]
    assert "decision" not in told
    write(hooks, traced, "a.py", "a = 3\n")
    assert stop(hooks, traced) is None
    write(hooks, traced, "a.py", "a = 4\n", session_id="another")
    assert stop(hooks, traced, session_id="another") is not None
    assert not has_run(traced)
    assert world.agentflow(traced, "trust").code == 0
    assert stop(hooks, traced) is None
    assert has_run(traced)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Makefile", MAKE.replace("echo x", "echo y")),
        ("package.json", f'{{{{"scripts": {{{{"test": "{TRACE}"}}}}}}}}'),
        (".agentflow/config.yaml", f"checks: ['{TRACE}']\n"),
        ("test_a.py", "def test_a():\n    open('{ran}', 'w')\n"),
        pytest.param(".agentflow/config.yaml", "checks: []\n", marks=pytest.mark.long),
        pytest.param("tox.ini", f"[testenv]\ncommands = {TRACE}\n", marks=pytest.mark.long),
        pytest.param("noxfile.py", "open('{ran}', 'w')\n", marks=pytest.mark.long),
    ],
)
@pytest.mark.security("T6")
def test_an_edit_of_what_decides_what_runs_is_named_once_and_nothing_runs_until_it_is_taken_back(
    hooks, traced, name, text
):
    hooks.agree(traced)
    before = (traced / name).read_text() if (traced / name).exists() else None
    write(hooks, traced, name, text.format(ran=traced.parent / "ran"))
    assert CHANGED in stop(hooks, traced)["systemMessage"]
    write(hooks, traced, "a.py", "a = 2\n")
    assert stop(hooks, traced) is None
    assert not has_run(traced)
    write(hooks, traced, name, before)
    assert stop(hooks, traced) is None
    assert has_run(traced)


@pytest.mark.security("L9")
def test_new_code_and_tests_are_proved_without_another_question(hooks, world):
    world.env["AGENTFLOW_SANDBOX"] = "off"
    root = world.repository({"conftest.py": "", "test_a.py": "def test_a(): pass\n"})
    hooks.agree(root)
    hooks.trust(root)
    hooks.configure({"proof": "block"})
    hooks.fire("SessionStart", root, source="startup")
    write(hooks, root, "conftest.py", f"open({str(world.folder / 'ran')!r}, 'w').close()\n")
    write(hooks, root, "test_b.py", "def test_b(): assert 0\n")
    assert stop(hooks, root)["decision"] == "block"
    assert has_run(root)


@pytest.mark.security("T6")
def test_what_a_pull_changed_before_the_session_runs_nothing_in_it_nor_in_a_linked_worktree(hooks, world, traced):
    hooks.agree(traced)
    (traced / "Makefile").write_text(MAKE.replace("echo x", "echo y").format(ran=traced.parent / "ran"))
    world.git(traced, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qam", "Pulled")
    world.git(traced, "worktree", "add", "-q", "../linked")
    for root in (traced, traced.parent / "linked"):
        hooks.fire("SessionStart", root, session_id=root.name, source="startup")
        write(hooks, root, "a.py", "a = 2\n", session_id=root.name)
        assert CHANGED in stop(hooks, root, session_id=root.name)["systemMessage"]
    assert not has_run(traced)
    hooks.agree(traced)
    assert stop(hooks, traced.parent / "linked", session_id="linked") is None
    assert has_run(traced)
