"""The router: which model a delegated prompt gets, and that Claude Code goes by it."""

from __future__ import annotations

import json

import pytest

ON = {"router": "on"}
READ = "Find where the timeout is set."
CHANGE = "Rename a.txt to b.txt."


@pytest.fixture
def root(world):
    return world.repository({"a.txt": "hello\n"})


@pytest.fixture
def session(world):
    """Says on which model the session has answered last."""

    def answered(model: str, agent: str | None = None) -> None:
        call = {"type": "tool_use", "id": "call-1", "name": "Agent", "input": {}}
        entry = {"type": "assistant", "message": {"id": "m1", "model": model, "usage": {}, "content": [call]}}
        place = world.folder / "transcript" / "subagents" / f"agent-{agent}.jsonl" if agent else None
        path = place or world.folder / "transcript.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"type":"user"}\n' + json.dumps(entry) + '\n{"type":"assistant","mess')

    answered("claude-opus-5-5")
    return answered


@pytest.fixture
def delegate(hooks, root, session):
    """Asks the router about a call of the Agent tool."""

    def asked(prompt=READ, event=None, env=None, **call):
        given = {"description": "a job", "prompt": prompt, **call}
        known = {"tool_name": "Agent", "tool_use_id": "call-1", "tool_input": given}
        return hooks.fire("PreToolUse", root, env=env, **{**known, **(event or {})})

    hooks.configure(ON)
    return asked


def model_of(answer):
    return answer["hookSpecificOutput"]["updatedInput"]["model"] if answer else None


def test_a_reading_job_goes_to_haiku_with_everything_else_as_it_was(delegate):
    answer = delegate(subagent_type="general-purpose", run_in_background=False)

    assert answer["hookSpecificOutput"] == {
        "hookEventName": "PreToolUse",
        "updatedInput": {
            "description": "a job",
            "prompt": READ,
            "subagent_type": "general-purpose",
            "run_in_background": False,
            "model": "haiku",
        },
    }
    assert answer["systemMessage"] == "agentflow: general-purpose runs on haiku, not opus: it only looks up: find"


@pytest.mark.parametrize(
    ("running", "prompt", "chosen"),
    [
        ("claude-opus-5-5", CHANGE, "sonnet"),
        ("claude-fable-5-2", CHANGE, "sonnet"),
        ("claude-sonnet-5-5", READ, "haiku"),
        ("claude-sonnet-5-5", CHANGE, None),
        ("claude-haiku-5-5", READ, None),
        ("claude-haiku-5-5", CHANGE, None),
        ("some-other-model", READ, None),
        ("claude-opus-5-5", "Design the API.", None),
    ],
)
def test_a_subagent_is_never_given_a_dearer_model_than_it_would_have_had(delegate, session, running, prompt, chosen):
    session(running)

    assert model_of(delegate(prompt)) == chosen


@pytest.mark.parametrize("model", ["haiku", "opus", "fable", "claude-opus-5-5", "inherit"])
def test_a_model_that_the_call_names_is_never_changed(hooks, delegate, model):
    assert delegate(model=model) is None
    hooks.configure({**ON, "pins": {"general-purpose": "sonnet"}})
    assert delegate(model=model) is None


def test_a_transcript_that_does_not_hold_the_call_yet_says_nothing_of_the_model(delegate, session):
    session("claude-opus-5-5")

    assert delegate(event={"tool_use_id": "call-2"}) is None
    assert delegate(event={"tool_use_id": None}) is None


@pytest.mark.parametrize("matcher", [None, "", "*", "Agent", "Task|Bash", "Ag.*", "(["])
@pytest.mark.parametrize("place", ["claude/settings.json", "repo/.claude/settings.local.json"])
def test_beside_a_hook_that_may_rewrite_the_call_nothing_is_changed(world, hooks, root, delegate, matcher, place):
    path = world.folder / place
    path.parent.mkdir(exist_ok=True)
    group = {"hooks": [{"type": "command", "command": "my-own --agentflow-hooks"}]}
    path.write_text(
        json.dumps({"hooks": {"PreToolUse": [group if matcher is None else {**group, "matcher": matcher}]}})
    )

    assert delegate() is None
    told = hooks.fire("SessionStart", root)
    assert f"agentflow's router changes nothing: {path} has a hook for Agent of its own" in told


@pytest.mark.parametrize("others", [{"PreToolUse": "Bash"}, {"PostToolUse": "Agent"}])
def test_other_hooks_of_the_person_are_no_hindrance(world, delegate, others):
    (world.folder / "claude").mkdir(exist_ok=True)
    hooks = {
        event: [{"matcher": tool, "hooks": [{"type": "command", "command": "true"}]}] for event, tool in others.items()
    }
    (world.folder / "claude" / "settings.json").write_text(json.dumps({"hooks": hooks}))

    assert model_of(delegate()) == "haiku"


def test_a_subagent_that_delegates_is_measured_by_its_own_model(delegate, session):
    session("claude-haiku-5-5", agent="a1")

    assert delegate(event={"agent_id": "a1", "agent_type": "general-purpose"}) is None


def test_a_pin_is_the_persons_word(hooks, delegate):
    hooks.configure({**ON, "pins": {"Explore": "claude-sonnet-5-5", "general-purpose": "opus"}})

    assert model_of(delegate(subagent_type="Explore")) == "sonnet"
    assert model_of(delegate()) == "opus"


@pytest.mark.parametrize("agent", ["fork", "Plan", "stranger", "plugin:helper"])
def test_agents_whose_model_is_somebody_elses_matter_are_left_alone(delegate, agent):
    assert delegate(subagent_type=agent) is None


@pytest.mark.parametrize(
    ("front_matter", "chosen"),
    [
        ("name: helper\nmodel: sonnet", None),
        ('name: "helper"\nmodel: opus # the best', None),
        ("name: helper\nmodel: inherit", "haiku"),
        ("name: helper\ntools: Read", "haiku"),
        ("name: another", None),
        ("name: [helper", None),
    ],
)
@pytest.mark.parametrize("place", ["repo/.claude/agents/deep/x.md", "claude/agents/y.md"])
def test_an_agent_file_that_names_a_model_is_obeyed(world, delegate, front_matter, chosen, place):
    path = world.folder / place
    path.parent.mkdir(parents=True)
    path.write_text(f"---\n{front_matter}\ndescription: Helps.\n---\nmodel: haiku\n")

    assert model_of(delegate(subagent_type="helper")) == chosen


def test_the_users_own_default_for_subagents_stands(delegate):
    assert delegate(env={"CLAUDE_CODE_SUBAGENT_MODEL": "sonnet"}) is None


def test_the_router_is_off_unless_asked_for(hooks, delegate):
    hooks.configure({})

    assert delegate() is None


@pytest.mark.parametrize("call", [None, "text", {}, {"prompt": 3}, {"prompt": READ, "subagent_type": 7}])
def test_a_call_of_an_unknown_shape_is_left_to_claude_code(hooks, root, delegate, call):
    assert hooks.fire("PreToolUse", root, tool_name="Agent", tool_input=call) is None


def test_every_decision_is_kept_with_the_session_and_in_the_log(hooks, delegate):
    delegate()
    delegate("Design the API.")

    kept = json.loads((hooks.folder / "sessions" / "session-1.json").read_text())["routed"]
    assert [(one["agent"], one["from"], one["to"]) for one in kept] == [
        ("general-purpose", "opus", "haiku"),
        ("general-purpose", "opus", None),
    ]
    assert "general-purpose: opus → haiku, it only looks up: find" in hooks.log
    assert 'general-purpose: opus → as it is, it sounds hard: "Design"' in hooks.log


DELEGATES = """
name: delegates
rules:
  - when: {headers: {x-claude-code-agent-id: .}}
    times: "*"
    turns: [{say: It is in a.txt.}]
  - turns:
      - calls: [{tool: Agent, input: {description: look, prompt: Find where the timeout is set., run_in_background: false}}]
      - say: Done.
"""


@pytest.fixture
def routed(person, hooks, root, replay):
    """A real session that delegates reading; gives the requests' models and what the person was told."""

    def session(*args, permissions=None):
        hooks.configure(ON)
        person.install(root, "PreToolUse")
        settings = root / ".claude" / "settings.json"
        settings.write_text(json.dumps({**json.loads(settings.read_text()), "permissions": permissions or {}}))
        server = replay(DELEGATES)
        told = person.ask(root, "go", server, "--model", "opus", *args)
        assert server.unmatched == []
        return [request.model for request in server.requests], told

    return session


@pytest.mark.cli
def test_claude_code_runs_the_subagent_on_the_routed_model_and_says_so(routed):
    models, told = routed()

    assert models == ["claude-opus-5-5", "claude-haiku-5-5", "claude-opus-5-5"]
    notices = [message["content"] for message in told if message.get("subtype") == "informational"]
    assert notices == [
        "PreToolUse:Agent says: agentflow: general-purpose runs on haiku, not opus: it only looks up: find"
    ]


@pytest.mark.cli
def test_routing_lets_no_call_pass_that_would_have_asked_the_person(routed):
    models, told = routed(permissions={"ask": ["Agent"]})

    assert models == ["claude-opus-5-5", "claude-opus-5-5"]
    assert [denied["tool_input"]["model"] for denied in told[-1]["permission_denials"]] == ["haiku"]
