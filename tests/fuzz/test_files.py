"""Files that people and repositories write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import strategies as st

from agentflow.claude_code.settings_text import with_hooks, without_hooks
from agentflow.config.agent_file import AgentFile, dump_agent
from agentflow.config.agents import built_in_agents, load_agents, read_agent, validate_agents
from agentflow.config.claude_agents import dump_claude_agent
from agentflow.config.plans import dump_plan, load_plan, plan_from, plan_schema
from agentflow.config.settings import load_settings
from agentflow.config.settings_file import SettingsFile
from agentflow.config.yaml import dump_yaml, load_yaml
from agentflow.domain.plans import plan_errors
from agentflow.replay.scenario import parse_scenario

AGENTS = validate_agents(sorted(built_in_agents().glob("*.yaml")))
CONFIG = """\
max_parallel: 4
budget_usd: 5.0
tiers: {local: {model: "qwen:32b", max_parallel: 2}}
checks: ["pytest -q"]
setup: make
sandbox: full
network: loopback
review: {exclude: ["**/gen/*"], pack_tokens: 9000}
hooks: {proof: block, guard: false, pins: {execute: haiku}}
prices: {"qwen:32b": {input: 0.1, output: 0.2}}
repositories: {/tmp: {checks: [make]}}
"""
PLAN = {
    "summary": "Do it.",
    "assumptions": ["None."],
    "subtasks": [
        {
            "id": "first",
            "title": "Write",
            "instructions": "Write it.",
            "kind": "implement",
            "complexity": "simple",
            "agent": "execute",
            "depends_on": [],
            "files": ["src/**/*.{py,pyi}"],
            "checks": ["pytest -q tests"],
            "acceptance": ["It works."],
        }
    ],
}
SCENARIO = """\
name: n
rules:
  - when: {agent: [a, b], tier: haiku, last: "x+", headers: {h: y}}
    times: "*"
    turns:
      - {fault: {status: 429, headers: {retry-after: "1"}}, say: hi}
      - {calls: [{tool: Read, input: {file_path: "{cwd}/x"}}], usage: {input_tokens: 4}}
"""
SETTINGS = {
    "permissions": {"allow": ["Read"]},
    "hooks": {"Stop": [{"matcher": "*", "hooks": [{"type": "command", "command": "agentflow-hook Stop"}]}]},
}
OURS = {"Stop": [{"hooks": [{"type": "command", "command": "agentflow-hook Stop"}]}]}


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A user's configuration folder and a repository beside it."""
    monkeypatch.setenv("AGENTFLOW_CONFIG_DIR", str(tmp_path / "user"))
    (tmp_path / "user").mkdir()
    (tmp_path / "repo" / ".agentflow" / "agents").mkdir(parents=True)
    return tmp_path


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path


def test_yaml(fuzz):
    texts = fuzz.changed(CONFIG, SCENARIO, json.dumps(PLAN), dump_yaml(PLAN))
    fuzz.hold(texts | st.dictionaries(fuzz.text, fuzz.tree).map(repr), lambda text: load_yaml(text, "f.yaml"))


def test_what_yaml_is_written_is_read_back_or_refused(fuzz):
    def read(data):
        assert load_yaml(dump_yaml(data), "f.yaml") == data

    plain = st.recursive(
        st.none() | st.booleans() | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab:#- ", max_size=5), inner, max_size=3),
        max_leaves=8,
    )
    fuzz.hold(st.dictionaries(st.text("ab:#- ", max_size=5), plain, max_size=4), read)


def test_scenarios(fuzz):
    fuzz.hold(fuzz.changed(SCENARIO), parse_scenario)


def test_agents_as_yaml(fuzz, tmp_path):
    files = fuzz.changed(*map(dump_agent, AGENTS)) | fuzz.near(AgentFile.model_json_schema()).map(_as_json)
    fuzz.hold(files, lambda text: read_agent(written(tmp_path / "agent.yaml", text)))


def test_agents_as_claude_code_has_them(fuzz, tmp_path):
    def read(text):
        agent, _ = read_agent(written(tmp_path / "agent.md", text))
        dump_claude_agent(agent)

    fuzz.hold(fuzz.changed(*map(dump_claude_agent, AGENTS)), read)


def test_agents_of_a_repository_are_bounded_by_the_users(fuzz, place):
    folder = place / "repo" / ".agentflow" / "agents"

    def read(text):
        written(folder / "own.yaml", text)
        load_agents(place / "repo")

    fuzz.hold(fuzz.changed(*map(dump_agent, AGENTS)), read)


def test_plans(fuzz, tmp_path):
    agents = {agent.name: agent for agent in AGENTS}

    def read(data):
        plan = plan_from(data)
        if not plan_errors(plan, agents):
            assert load_plan(written(tmp_path / "plan.yaml", dump_plan(plan))) == plan

    fuzz.hold(fuzz.near(plan_schema()) | st.just(PLAN), read)


def test_plans_as_people_write_them(fuzz, tmp_path):
    agents = {agent.name: agent for agent in AGENTS}
    texts = fuzz.changed(dump_plan(plan_from(PLAN)))
    fuzz.hold(texts, lambda text: plan_errors(load_plan(written(tmp_path / "plan.yaml", text)), agents))


def test_settings_merged_from_all_layers(fuzz, place):
    names = st.sampled_from(["AGENTFLOW_MAX_PARALLEL", "AGENTFLOW_BUDGET_USD", "AGENTFLOW_CHECKS", "AGENTFLOW_TIERS"])
    flags = st.dictionaries(st.sampled_from(["budget_usd", "sandbox", "checks", "hooks.guard"]), fuzz.tree, max_size=2)
    data = fuzz.near(SettingsFile.model_json_schema()).map(_as_json)
    file = fuzz.changed(CONFIG) | data
    layers = st.tuples(
        file,
        fuzz.changed(CONFIG.partition("repositories")[0]) | data,
        flags,
        st.dictionaries(names, fuzz.text, max_size=2),
    )

    def read(given):
        user, repository, flags, env = given
        written(place / "user" / "config.yaml", user)
        written(place / "repo" / ".agentflow" / "config.yaml", repository)
        load_settings(place / "repo", flags, env)

    fuzz.hold(layers, read)


def test_claude_codes_settings_are_changed_as_text(fuzz):
    def read(text):
        after = with_hooks(text, OURS, "settings.json")
        assert with_hooks(after, OURS, "settings.json") == after
        without_hooks(after, "settings.json")

    deep = st.integers(1, 3000).map(lambda n: '{"a": ' + "[" * n + "]" * n + "}")
    fuzz.hold(fuzz.changed(json.dumps(SETTINGS), json.dumps(SETTINGS, indent=2)) | deep, read)


def _as_json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False)
