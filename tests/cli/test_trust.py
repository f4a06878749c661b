"""Nothing of a repository runs before its user agreed to it."""

from __future__ import annotations

import json
import os
import pty

import pytest

AGENT = """\
name: mine
version: 1
description: Mine.
role: judge
tier: sonnet
ladder: [sonnet]
tools: []
limits: {max_turns: 2, budget_usd: 0.1, timeout_s: 100}
prompt: Approve.
"""
MAKEFILE = "test:\n\ttouch ../ran; grep -q good a.py\n"


@pytest.fixture
def repository(world):
    """A check that leaves a trace outside when it runs, with the sandbox off."""
    world.env |= {"AGENTFLOW_TRUST": "", "AGENTFLOW_SANDBOX": "off"}
    return world.repository({"a.py": "good\n", "Makefile": MAKEFILE})


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "Task"),
        ("run", "Task", "--yes"),
        ("run", "Task", "--yes", "--detach"),
        ("run", "Task", "--yes", "--json"),
    ],
)
def test_an_unknown_repository_is_asked_about_before_anything_runs(world, repository, command):
    refused = world.agentflow(repository, *command)
    assert refused.code == 4
    assert "has not been trusted yet" in refused.err + refused.out
    assert "agentflow trust" in refused.err + refused.out
    assert not (world.folder / "ran").exists()
    assert world.agentflow(repository, "runs", "list", "--json").json["runs"] == []


def test_trust_shows_what_would_run_and_can_be_taken_back(world, repository):
    shown = world.agentflow(repository, "trust", "--show", "--json").json
    assert (shown["trusted"], shown["checks"], shown["files"]) == (False, ["make test"], ["Makefile"])
    assert "check   make test\ntrusted" in world.agentflow(repository, "trust").err
    assert world.agentflow(repository, "trust", "--show", "--json").json["trusted"]
    assert "not trusted" in world.agentflow(repository, "trust", "--revoke").err
    assert world.agentflow(repository, "plan", "Task").code == 4


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({"a.py": "other\n"}, False),
        ({"tests/test_a.py": "def test_a(): pass\n", "pyproject.toml": "[tool.pytest.ini_options]\n"}, True),
        ({"Makefile": MAKEFILE.replace("../ran", "../elsewhere")}, True),
        ({".agentflow/config.yaml": "checks: [make evil]\n"}, True),
        ({".agentflow/config.yaml": "setup: make evil\n"}, True),
        ({".agentflow/agents/mine.yaml": AGENT}, True),
        ({"package.json": '{"scripts": {"test": "evil"}}'}, True),
        ({"tox.toml": "x = 1\n"}, True),
        ({"docs/package.json": "{}", "README.md": "x"}, False),
    ],
)
@pytest.mark.security("T6", "L9")
def test_it_is_asked_again_when_what_decides_has_changed(world, repository, change, counts):
    world.agentflow(repository, "trust")
    for name, text in change.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text)
    assert world.agentflow(repository, "trust", "--show", "--json").json["trusted"] != counts


def test_versions_in_package_json_do_not_decide(world, repository):
    (repository / "package.json").write_text('{"version": "1.0.0", "scripts": {"test": "mocha"}}')
    world.agentflow(repository, "trust")
    (repository / "package.json").write_text('{"version": "1.0.1", "scripts": {"test": "mocha"}}')
    assert world.agentflow(repository, "trust", "--show", "--json").json["trusted"]


def test_a_linked_worktree_is_the_same_repository(world, repository):
    world.agentflow(repository, "trust")
    world.git(repository, "worktree", "add", "-q", "../linked")
    assert world.agentflow(world.folder / "linked", "trust", "--show", "--json").json["trusted"]


@pytest.mark.parametrize(("answer", "ran"), [("y", True), ("n", False)])
@pytest.mark.security("L1")
@pytest.mark.long
def test_on_a_terminal_the_question_shows_what_would_run_and_the_answer_is_kept(world, repository, answer, ran):
    """The run then stops for want of a planner, which nobody plays."""
    person, terminal = pty.openpty()
    process = world.start(repository, "plan", "Task", stdin=terminal)
    os.write(person, f"{answer}\n".encode())
    _, said = process.communicate(timeout=120)
    os.close(terminal)
    os.close(person)
    assert "This would run, with your own rights:\n  check   make test" in said
    assert (world.folder / "cache").exists() == ran
    assert world.agentflow(repository, "trust", "--show", "--json").json["trusted"] == ran


@pytest.mark.parametrize("given", [{"flag": True}, {"variable": True}])
@pytest.mark.long
def test_scripts_agree_by_a_flag_or_a_variable_for_this_once(world, repository, given):
    words = ("--trust",) if given.get("flag") else ()
    env = {"AGENTFLOW_TRUST": "1"} if given.get("variable") else {}
    assert world.agentflow(repository, "plan", "Task", *words, **env).code == 6  # nobody answers as a planner
    assert not world.agentflow(repository, "trust", "--show", "--json").json["trusted"]


TRAP = "touch ../ran"
REVIEWER = """\
name: {name}
version: 1
description: Theirs.
role: {name}
tier: {tier}
ladder: [{tier}]
tools: []
limits: {{max_turns: 1, budget_usd: 0.1, timeout_s: 100}}
prompt: THEIR-WORDS
"""
#: Everything by which a repository can say what is to run, or what models are told.
HOSTILE = {
    "a.py": "good\n",
    "Makefile": f"test:\n\t{TRAP}\n",
    "package.json": f'{{"scripts": {{"test": "{TRAP}", "prepare": "{TRAP}"}}}}',
    "noxfile.py": "open('../ran', 'w')\n",
    "tox.ini": f"[testenv]\ncommands = {TRAP}\n",
    "conftest.py": "open('../ran', 'w')\n",
    "test_a.py": "open('../ran', 'w')\n",
    ".agentflow/config.yaml": f"checks: [make test]\nsetup: {TRAP}\nhooks: {{proof: block}}\n",
    ".agentflow/agents/reviewer.yaml": REVIEWER.format(name="reviewer", tier="haiku"),
    ".agentflow/agents/synthesizer.yaml": REVIEWER.format(name="synthesizer", tier="sonnet"),
}


@pytest.fixture
def server(replay):
    """Reviewers who find nothing."""
    rules = [{"times": "*", "turns": [{"answer": {"findings": []}}]}]
    return replay(json.dumps({"name": "test", "rules": rules}))


@pytest.fixture
def hostile(world):
    world.env |= {"AGENTFLOW_TRUST": "", "AGENTFLOW_SANDBOX": "off"}
    root = world.repository(HOSTILE)
    world.git(root, "checkout", "-qb", "work")
    (root / "a.py").write_text("better\n")
    world.git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qam", "Work")
    return root


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "Task"),
        ("run", "Task", "--yes"),
        ("run", "Task", "--yes", "--review"),
        ("run", "Task", "--dry-run"),
        ("review", "--dry-run"),
        ("review", "a.py", "--dry-run"),
        ("review", "main..work", "--dry-run", "--json"),
        ("agents", "validate"),
        *(
            pytest.param(command, marks=pytest.mark.long)
            for command in (
                *[("resume",), ("diff",), ("status",), ("runs", "list"), ("agents", "list"), ("config", "show")],
                *[("doctor",), ("trust", "--show"), ("init", "--dry-run")],
            )
        ),
    ],
    ids=" ".join,
)
@pytest.mark.security("T6")
def test_nothing_of_an_unknown_repository_runs_whatever_is_asked(world, hostile, command):
    ended = world.agentflow(hostile, *command)
    assert ended.code != 3, ended.err
    assert not (world.folder / "ran").exists()
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("targets", [("a.py",), ("main..work",)], ids=["files", "range"])
@pytest.mark.parametrize("trust", [(), ("--trust",)], ids=["unknown", "trusted"])
@pytest.mark.security("T7")
def test_agents_of_an_unknown_repository_review_nothing(world, hostile, server, targets, trust):
    ended = world.agentflow(hostile, "review", *targets, *trust, replay=server)
    said = [request.system for request in server.requests if request.labels["agent"] == "reviewer"]
    assert said
    assert any("THEIR-WORDS" in text for text in said) == bool(trust)
    assert ("nobody agreed to them" in ended.err) == (not trust)
    assert not (world.folder / "ran").exists()


@pytest.mark.long
def test_a_base_whose_agents_are_others_than_the_agreed_ones_is_not_believed(world, hostile, server):
    world.agentflow(hostile, "trust")
    assert "nobody agreed" not in world.agentflow(hostile, "review", "main..work", replay=server).err
    other = hostile / ".agentflow/agents/reviewer.yaml"
    other.write_text(other.read_text().replace("THEIR-WORDS", "Look."))
    world.agentflow(hostile, "trust")
    assert "nobody agreed" in world.agentflow(hostile, "review", "main..work", replay=server).err


@pytest.mark.long
def test_a_run_that_is_resumed_goes_by_what_was_agreed_to_when_it_began(world, repository):
    assert world.agentflow(repository, "plan", "Task", "--trust").code == 6  # nobody answers as a planner
    (repository / "Makefile").write_text(MAKEFILE.replace("../ran", "../elsewhere"))
    refused = world.agentflow(repository, "resume")
    assert (refused.code, (world.folder / "elsewhere").exists()) == (4, False)
    assert "has changed what it runs here since it was trusted" in refused.err
