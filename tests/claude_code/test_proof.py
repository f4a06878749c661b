"""The proof gate, as Claude Code asks it: the real hook in a real repository with real pytest."""

from __future__ import annotations

import fcntl
import json
import time

import pytest

TEST = "from add import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
MORE = "from mul import mul\n\n\ndef test_mul():\n    assert mul(2, 3) == 6\n"
GOOD, BAD = "def add(a, b):\n    return a + b\n", "def add(a, b):\n    return a - b\n"
GOOD_MUL, BAD_MUL = "def mul(a, b):\n    return a * b\n", "def mul(a, b):\n    return a + b\n"
FILES = {"add.py": GOOD, "test_add.py": TEST, "mul.py": GOOD_MUL, "test_mul.py": MORE, "README.md": "Adds.\n"}
SILENT = None


class Session:
    """A person's session in a trusted repository, told by its events."""

    def __init__(self, hooks, world, files=FILES, name="repo") -> None:
        self.hooks, self.world = hooks, world
        self.root = world.repository(files, name)
        hooks.trust(self.root)
        hooks.configure({"proof": "block"})
        world.env["CLAUDE_PROJECT_DIR"] = str(self.root)

    def start(self, source="startup"):
        return self.hooks.fire("SessionStart", self.root, source=source)

    def write(self, name, text, agent="", root=None):
        """With the Write tool."""
        path = (root or self.root) / name
        path.write_text(text)
        call = {"tool_name": "Write", "tool_input": {"file_path": str(path), "content": text}, "duration_ms": 5}
        self._tell("PostToolUse", agent, root, call)

    def run(self, act, agent="", root=None, event="PostToolUse", **given):
        """With the Bash tool."""
        begun = time.time()
        act()
        took = (time.time() - begun) * 1000
        self._tell(event, agent, root, {"tool_name": "Bash", "tool_input": given, "duration_ms": took})

    def _tell(self, event, agent, root, call):
        assert self.hooks.fire(event, root or self.root, **call, **({"agent_id": agent} if agent else {})) is None

    def stop(self, prompt="p1", cwd=None, running=(), env=None):
        tasks = [{"id": agent, "type": "subagent", "status": "running"} for agent in running]
        return self.hooks.fire("Stop", cwd or self.root, prompt_id=prompt, background_tasks=tasks, env=env)

    def agent_stop(self, agent, cwd=None, prompt="p1", running=()):
        tasks = [{"id": one, "type": "subagent", "status": "running"} for one in (agent, *running)]
        more = {"agent_id": agent, "agent_type": "general-purpose", "prompt_id": prompt, "background_tasks": tasks}
        return self.hooks.fire("SubagentStop", cwd or self.root, **more)


@pytest.fixture
def session(hooks, world):
    session = Session(hooks, world)
    session.start()
    return session


def is_block(answer, *named):
    return answer is not None and answer.get("decision") == "block" and all(name in answer["reason"] for name in named)


def is_notice(answer, *words):
    """For the person alone: nothing is decided, and nothing is said to the model."""
    return (
        answer is not None and answer.keys() == {"systemMessage"} and all(w in answer["systemMessage"] for w in words)
    )


def test_red_is_blocked_once_with_evidence_then_told_once_for_every_state_it_ends_in(session):
    session.write("add.py", BAD)
    assert is_block(session.stop(), "test_add.py::test_add", "give your last answer again in full")
    assert is_notice(session.stop(), "still do not pass", "test_add.py::test_add")
    assert session.stop() is SILENT, "this state has been told"
    assert session.stop(prompt="p2") is SILENT, "in the next prompt too"

    session.write("add.py", BAD.replace("-", "*"))
    assert is_block(session.stop(prompt="p2"), "test_add.py::test_add")
    session.write("add.py", BAD.replace("-", "//"))
    assert is_notice(session.stop(prompt="p2"), "the checks do not pass"), "the prompt's one block is used up"
    assert session.world.git(session.root, "worktree", "list").count("\n") == 0
    assert session.world.git(session.root, "for-each-ref", "refs/agentflow") == ""


def test_green_and_unchanged_files_are_let_go_without_a_second_run(session, world):
    assert session.stop() is SILENT
    session.hooks.configure({"proof": "block"}, checks=["echo x >> $LOG"], check_env=["LOG"], sandbox="off")
    world.env["LOG"] = str(world.folder / "ran")
    session.write("add.py", GOOD + "\n")
    assert session.stop() is SILENT
    assert session.stop() is SILENT
    assert (world.folder / "ran").read_text() == "x\n", "and a variable that check_env names has arrived"


def test_prose_is_not_proved(session):
    session.hooks.configure({"proof": "block"}, checks=["false"])
    session.write("README.md", "Adds numbers.\n")
    assert session.stop() is SILENT


def test_notice_says_it_once_and_blocks_nothing_and_is_still_known_as_warn(session):
    for n, word in enumerate(("notice", "warn")):
        session.hooks.configure({"proof": word})
        session.write("add.py", BAD + "\n" * n)
        assert is_notice(session.stop(), "test_add.py::test_add")
        assert session.stop() is SILENT


def test_in_print_mode_nothing_stands_between_a_program_and_its_answer(session):
    session.write("add.py", BAD)
    assert is_notice(session.stop(env={"CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}), "test_add.py::test_add")
    assert session.stop(env={"CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}) is SILENT
    session.write("add.py", BAD + "\n")
    assert is_block(session.stop(env={"CLAUDE_CODE_ENTRYPOINT": "cli"}))


def test_what_failed_before_the_session_is_not_its_fault_and_what_fails_besides_is(hooks, world):
    session = Session(hooks, world, {**FILES, "mul.py": BAD_MUL})
    (session.root / "note.py").write_text("dirty = 1\n")
    session.start()
    session.write("add.py", GOOD + "\n\nMORE = 1\n")
    assert session.stop() is SILENT
    session.write("add.py", BAD)
    blocked = session.stop()
    assert is_block(blocked, "1 new failure", "test_add.py::test_add")
    assert "test_mul.py" not in blocked["reason"].partition("\n")[0]


def test_a_session_that_only_reads_is_never_judged_whatever_changes_outside_it(session):
    (session.root / "add.py").write_text(BAD)
    time.sleep(2.5)
    session.run(lambda: None, agent="a1")
    assert session.stop() is SILENT
    assert session.agent_stop("a1") is SILENT


def test_what_the_person_breaks_beside_the_session_is_not_the_sessions(session):
    session.write("mul.py", GOOD_MUL + "\n")
    time.sleep(2.5)
    (session.root / "add.py").write_text(BAD)
    assert session.stop() is SILENT
    session.write("mul.py", BAD_MUL)
    assert is_block(session.stop(), "1 new failure: test_mul.py::test_mul")


def test_a_session_that_is_resumed_begins_with_what_it_finds(session):
    session.write("add.py", BAD)
    session.stop()
    (session.root / "mul.py").write_text(BAD_MUL)
    session.start(source="resume")
    assert session.stop(prompt="p2") is SILENT
    session.write("mul.py", "def mul(a, b):\n    return 0\n")
    assert session.stop(prompt="p2") is SILENT, "both failed when it was taken up again"


def test_a_session_that_only_forgets_goes_on_from_where_it_began(session):
    session.write("add.py", BAD)
    session.start(source="compact")
    assert is_block(session.stop())


def test_from_a_green_stop_on_the_past_is_nobodys_fault(session):
    session.write("test_add.py", TEST.replace("3", "4"))
    session.write("add.py", "def add(a, b):\n    return a + b + 1\n")
    assert session.stop() is SILENT
    session.write("add.py", GOOD)
    assert is_block(session.stop(), "test_add.py::test_add")


def test_of_two_agents_at_once_each_is_judged_by_its_own_work_and_the_session_by_the_whole(session):
    session.write("add.py", BAD, agent="a")
    session.run(lambda: None, agent="reader")
    assert session.agent_stop("reader") is SILENT
    session.write("mul.py", GOOD_MUL + "\n", agent="b")
    assert session.agent_stop("b") is SILENT, "what a has half done is not b's"
    blocked = session.agent_stop("a")
    assert is_block(blocked, "test_add.py::test_add")
    assert "test_mul.py" not in blocked["reason"]
    assert is_notice(session.agent_stop("a"), "test_add.py::test_add")
    assert is_block(session.stop(), "test_add.py::test_add"), "who can mend it is told"
    assert is_notice(session.stop())


def test_the_session_is_not_blamed_for_an_agent_in_mid_work_and_its_last_stop_is_by_the_whole(session):
    session.write("add.py", BAD, agent="a")
    assert session.stop(running=["a"]) is SILENT, "it has written nothing itself"
    session.write("mul.py", GOOD_MUL + "\n")
    assert session.stop(running=["a"]) is SILENT
    session.write("mul.py", BAD_MUL)
    blocked = session.stop(running=["a"])
    assert is_block(blocked, "test_mul.py::test_mul")
    assert "test_add.py" not in blocked["reason"]
    session.write("mul.py", GOOD_MUL)
    assert is_block(session.stop(prompt="p2"), "test_add.py::test_add")


def test_what_a_command_changed_is_the_work_of_whoever_ran_it_also_when_it_failed(session):
    session.run(lambda: (session.root / "add.py").write_text(BAD), agent="a", event="PostToolUseFailure")
    time.sleep(2.5)
    session.run((session.root / "mul.py").unlink, agent="b")
    time.sleep(2.5)
    session.run(lambda: None, agent="reader")
    assert is_block(session.agent_stop("a"), "test_add.py::test_add")
    assert is_block(session.agent_stop("b"), "test_mul.py")
    assert session.agent_stop("reader") is SILENT


def test_an_agent_in_a_worktree_is_judged_there(session, world):
    place = session.root / ".claude" / "worktrees" / "agent-w"
    world.git(session.root, "worktree", "add", "-q", "--detach", str(place))
    (session.root / "mul.py").write_text(BAD_MUL)
    session.run(lambda: None, agent="reader", root=place)
    assert session.agent_stop("reader", cwd=place) is SILENT
    session.write("add.py", BAD, agent="w", root=place)
    blocked = session.agent_stop("w", cwd=place)
    assert is_block(blocked, "test_add.py::test_add")
    assert "test_mul" not in blocked["reason"]
    assert session.stop() is SILENT, "nothing of that is in the checkout"


def test_the_project_decides_wherever_the_session_has_gone(session, world):
    nested = session.root / "vendor" / "lib"
    nested.mkdir(parents=True)
    world.git(nested, "init", "-q")
    session.write("add.py", BAD)
    assert is_block(session.stop(cwd=nested), "test_add.py::test_add")


def test_a_check_that_hangs_is_not_waited_for_again_until_something_changes(session):
    session.hooks.configure({"proof": "block"}, checks=["python -c 'import time; time.sleep(60)'"], check_timeout_s=2)
    session.write("add.py", BAD)
    assert is_notice(session.stop(), "took longer than 2 s", "not proved")
    begun = time.monotonic()
    assert session.stop() is SILENT
    assert session.stop(prompt="p2") is SILENT
    assert time.monotonic() - begun < 10
    session.write("add.py", BAD + "\n")
    assert is_notice(session.stop(prompt="p2"), "took longer")


def test_checks_of_another_session_are_said_to_be_that_and_not_waited_for(session):
    session.write("add.py", GOOD + "\n")
    assert session.stop() is SILENT
    (lock,) = (session.hooks.folder / "proof").glob("*.lock")
    session.write("add.py", BAD)
    with lock.open("r+") as held:
        held.write("another-one")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        assert is_notice(session.stop(), "checks of another session are running", "not proved")
    assert is_block(session.stop(), "test_add.py::test_add")


def test_a_check_that_cannot_run_with_or_without_the_change_is_told_once(session):
    session.hooks.configure({"proof": "block"}, checks=["no-such-program"])
    session.write("add.py", BAD)
    assert is_notice(session.stop(), "no-such-program", "not proved")
    assert session.stop() is SILENT


def test_a_repository_nobody_trusts_runs_nothing(hooks, world):
    root = world.repository({"add.py": BAD, "test_add.py": TEST})
    hooks.configure({"proof": "block"})
    hooks.configure({"proof": "block"}, root, checks=[f"touch {world.folder}/ran"])
    (root / "add.py").write_text(GOOD + "\n")
    assert hooks.fire("Stop", root) is None
    assert not (world.folder / "ran").exists()


def test_without_a_check_there_is_nothing_to_say(hooks, world):
    session = Session(hooks, world, {"a.py": "a = 1\n"})
    session.start()
    session.write("a.py", "a = 2\n")
    assert session.stop() is SILENT
    assert hooks.log == ""


def test_an_error_of_the_gate_is_told_to_the_person_once_and_lets_the_session_go(session):
    session.write("add.py", BAD)
    (session.root / ".git" / "HEAD").write_text("ref: refs/heads/nowhere\n")
    assert is_notice(session.stop(), "were not run", "no commit yet")
    assert session.stop() is SILENT
    assert "no commit yet" in session.hooks.log


def test_a_configuration_that_breaks_in_mid_session_is_told_to_the_person_once(session):
    session.hooks.configure({"proof": "blok"})
    session.write("add.py", BAD)
    assert is_notice(session.stop(), "configuration is broken", "no checks are run")
    assert session.stop() is SILENT


def test_a_state_folder_that_cannot_be_written_is_told_to_the_person_once(hooks, world):
    session = Session(hooks, world)
    world.env["TMPDIR"] = str(world.folder)
    world.env["AGENTFLOW_STATE_DIR"] = str(world.folder / "file" / "state")
    (world.folder / "file").write_text("a file where a folder should be")
    assert is_notice(session.start(), "cannot write to", "no checks are run")
    assert session.start(source="resume") is SILENT


def test_hooks_of_an_older_version_are_told_to_the_person_once(session):
    (session.root / ".claude").mkdir()
    old = {"Stop": [{"hooks": [{"type": "command", "command": "agentflow-hook Stop || true"}]}]}
    (session.root / ".claude" / "settings.json").write_text(json.dumps({"hooks": old}))
    assert is_notice(session.start(source="resume"), "older version", "PostToolUse", "agentflow init")
    assert session.start(source="resume") is SILENT


def edit(path, old, new):
    return {"tool": "Edit", "input": {"file_path": str(path), "old_string": old, "new_string": new}}


def agent(prompt, *, background=False):
    given = {"description": "work", "prompt": prompt, "subagent_type": "general-purpose"}
    return {"tool": "Agent", "input": {**given, "run_in_background": background}}


def read(path):
    return {"tool": "Read", "input": {"file_path": str(path)}}


EVENTS = ("SessionStart", "PostToolUse", "PostToolUseFailure", "SubagentStop", "Stop")
TOOLS = ("--allowedTools", "Read", "Edit", "Bash", "Agent")


@pytest.fixture
def project(hooks, person, world):
    root = world.repository(FILES)
    hooks.trust(root)
    hooks.configure({"proof": "block"})
    person.install(root, *EVENTS)
    return root


def said(told):
    """What the session says to the person, by hooks or otherwise."""
    return json.dumps([message for message in told if message["type"] == "system"])


@pytest.mark.cli
def test_print_mode_keeps_its_answer_and_a_session_that_is_resumed_is_not_blamed(hooks, person, project, replay):
    add, mul = project / "add.py", project / "mul.py"
    turns = [
        {"calls": [read(add)]},
        {"calls": [edit(add, "a + b", "a - b")]},
        {"say": "The answer."},
        {"say": "Only words."},
    ]
    server = replay(json.dumps({"name": "print", "rules": [{"when": {}, "turns": turns}]}))
    told = person.ask(project, "Subtract.", server, *TOOLS)
    assert told[-1]["result"] == "The answer."
    assert len(server.requests) == 3
    assert "test_add.py::test_add" in said(told)
    assert "test_add.py::test_add" in hooks.log

    mul.write_text(BAD_MUL)
    told = person.ask(project, "And now?", server, *TOOLS, "--resume", told[-1]["session_id"])
    assert told[-1]["result"] == "Only words."
    assert "test_mul" not in hooks.log


@pytest.mark.cli
def test_of_agents_at_once_only_the_one_that_broke_something_is_sent_back(hooks, person, project, replay):
    add, mul = project / "add.py", project / "mul.py"
    slow = {"tool": "Bash", "input": {"command": "python3 -c 'import time; time.sleep(8)'", "description": "wait"}}
    rules = [
        {"when": {"last": "^WRITER"}, "turns": [
            {"calls": [read(add)]}, {"calls": [edit(add, "a + b", "a - b")]}, {"calls": [slow]}, {"say": "Written."},
            {"calls": [edit(add, "a - b", "a + b")]}, {"say": "Mended."},
        ]},
        {"when": {"last": "^READER"}, "turns": [{"calls": [read(add)]}, {"say": "I have read it."}]},
        {"when": {"last": "^BEHIND"}, "turns": [
            {"calls": [read(mul)]}, {"calls": [edit(mul, "a * b", "a + b")]}, {"calls": [slow]},
            {"calls": [edit(mul, "a + b", "a * b")]}, {"say": "Done behind."},
        ]},
        {"when": {"last": "Begin"}, "turns": [
            {"calls": [agent("WRITER"), agent("READER")]}, {"calls": [agent("BEHIND", background=True)]},
            {"say": "Meanwhile."}, {"say": "All done."},
        ]},
    ]  # fmt: skip
    server = replay(json.dumps({"name": "agents", "rules": rules}))
    told = person.ask(project, "Begin", server, *TOOLS)

    results = [message["result"] for message in told if message["type"] == "result"]
    assert results == ["Meanwhile.", "All done."]
    assert server.unmatched == []
    asked = json.dumps([request.body["messages"] for request in server.requests])
    assert "Mended." in asked, "the writer was sent back"
    assert "I have read it." in asked, "the reader's report has arrived"
    blocks = [request for request in server.requests if "they do not pass" in json.dumps(request.body["messages"][-1])]
    assert len(blocks) == 1
    assert "test_add.py::test_add" in json.dumps(blocks[0].body["messages"][-1])
    assert "do not pass" not in hooks.log, "the agent behind was in mid-work, and ended well"
