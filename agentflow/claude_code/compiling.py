"""The slow half of the rules: what settings and agents say, in the shape that hooks read without any of our imports."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agentflow.claude_code import compiled, hook_log, places
from agentflow.claude_code.compiled import AGENT_TOOLS, GUARDED_TOOLS, WRITING_TOOLS
from agentflow.claude_code.settings_text import has_others, hooked_events
from agentflow.claude_code.shipped import SETTINGS
from agentflow.claude_code.shipped import hooks as hooks_shipped
from agentflow.config.agents import load_agents, read_agent
from agentflow.config.paths import config_dir, user_home
from agentflow.config.reading import files_below, folders_below, read_file
from agentflow.config.settings import HookSettings, load_settings, repository_config, user_config
from agentflow.config.trust import is_trusted, trusted_path
from agentflow.domain.agents import Agent
from agentflow.errors import AgentflowError, UsageError


def renew(root: str | None) -> dict[str, Any]:
    """Compile the rules and keep them for the next hook; a state folder that takes nothing is only slower."""
    rules = compile_rules(root)
    path = compiled.path_of(root)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        fresh = f"{path}.{os.getpid()}"
        with open(fresh, "w", encoding="utf-8", opener=places.private) as file:
            json.dump(rules, file)
        os.replace(fresh, path)
    except OSError as error:
        hook_log.write("compiling", error)
    return rules


def compile_rules(root: str | None) -> dict[str, Any]:
    """The rules for sessions in this repository:

    `trusted`, `proof` (`off`, `notice`, `block`), `proof_attempts`, `router` (`off`, `on`),
    `pins` (agent type → model), `guard`, `ledger`, `day_budget_usd`, `day_cap_usd`: the settings as they hold here.
    `rewriters`: whose settings have a hook that may rewrite calls of the Agent tool.
    `tiers`: model by tier, those that are set up. `agents`: what each named agent may do, as `_may` has it.
    `installed`: the repository's settings name our hooks themselves, so that the plugin's would be the second ones.
    `unheard`: events that an older version of them does not name.
    `work`: by event, the handlers to ask. `error`: what is wrong with the configuration; then the user's own holds.
    `sources`, `made_for`: what the rules came from.
    """
    place = Path(root) if root else None
    # Taken first: a file that changes while it is read makes the rules stale.
    sources = {str(path): compiled.stamp(str(path)) for path in _sources(place)}
    hooks, tiers, agents, error = _configuration(place)
    heard = _heard(place)
    rules: dict[str, Any] = {
        "made_for": compiled.made_for(root),
        "sources": sources,
        "error": error,
        **_settings(hooks, trusted=place is not None and is_trusted(place), broken=bool(error)),
        "installed": bool(heard),
        "unheard": sorted(hooks_shipped().keys() - heard) if heard else [],
        "tiers": tiers,
        "rewriters": _rewriters(place),
        "agents": {name: _may(agent, ours=True) for name, agent in agents.items()} | _claude_agents(place, agents),
    }
    return {**rules, "work": _work(rules)}


def _configuration(root: Path | None) -> tuple[HookSettings, dict[str, str], dict[str, Agent], str]:
    """Settings, models by tier and agents; and what is wrong, in which case the user's own or the defaults hold."""
    problem = ""
    for place in (root, None):
        try:
            return *_configured(place), problem
        except (AgentflowError, OSError) as error:
            problem = problem or str(error)
    return HookSettings(), {}, {}, problem


def _configured(root: Path | None) -> tuple[HookSettings, dict[str, str], dict[str, Agent]]:
    """Built-in agents are left out: Claude Code knows none of them, and a stranger may share the name."""
    settings = load_settings(root, {}, os.environ)
    tiers = {tier.value: given.model for tier, given in settings.tiers.items() if given.model}
    agents = {name: agent for name, agent in load_agents(root).items() if agent.source != "built-in"}
    return settings.hooks, tiers, agents


def _settings(hooks: HookSettings, *, trusted: bool, broken: bool) -> dict[str, Any]:
    """The checks of a proof are the repository's commands: none runs unasked, or by a configuration that is broken."""
    proof = hooks.proof.value if trusted and not broken else "off"
    return {**asdict(hooks), "guard": hooks.guard.value, "pins": dict(hooks.pins), "trusted": trusted, "proof": proof}


def _may(agent: Agent, *, ours: bool) -> dict[str, Any]:
    """`ours`: agentflow's own agent. `tools` by name and `bash`, the scoped rules, each as [words, any_arguments].

    The rest is as in domain/agents.py.
    """
    return {
        "ours": ours,
        "tools": list(agent.tool_names),
        "bash": [[shlex.split(rule.words), rule.any_arguments] for rule in agent.bash_rules],
        "free_bash": agent.has_free_bash,
        "may_write": agent.may_write,
        "role": agent.role.value,
        "tier": agent.tier.value,
    }


def _work(rules: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """By event, who is asked: the handler's `module`, its `tools` (null: any), and whether only `named_agents`."""
    proof, money = rules["proof"] != "off", any(rules[name] for name in ("day_budget_usd", "day_cap_usd"))
    wanted = (
        ("SessionStart", True, _entry("degraded")),
        ("SessionStart", True, _entry("starting")),
        ("SessionStart", proof, _entry("proof")),
        ("SessionStart", rules["ledger"], _entry("spending")),
        ("UserPromptSubmit", money, _entry("budget")),
        ("PreToolUse", _is_guarding(rules), _entry("guarding", GUARDED_TOOLS, named_agents=True)),
        ("PreToolUse", rules["router"] == "on", _entry("router", AGENT_TOOLS)),
        ("PostToolUse", proof, _entry("writing", WRITING_TOOLS)),
        ("PostToolUseFailure", proof, _entry("writing", WRITING_TOOLS)),
        ("SubagentStop", proof, _entry("proof")),
        ("SubagentStop", rules["ledger"], _entry("spending")),
        ("Stop", bool(rules["error"]), _entry("degraded")),
        ("Stop", proof, _entry("proof")),
        ("Stop", rules["ledger"], _entry("spending")),
        ("SessionEnd", rules["ledger"], _entry("spending")),
    )
    events = dict.fromkeys(event for event, has_work, _ in wanted if has_work)
    return {event: [entry for name, has_work, entry in wanted if name == event and has_work] for event in events}


def _is_guarding(rules: Mapping[str, Any]) -> bool:
    agents = rules["agents"].values()
    return rules["guard"] in ("notice", "mine") or (rules["guard"] == "ours" and any(agent["ours"] for agent in agents))


def _entry(module: str, tools: tuple[str, ...] | None = None, *, named_agents: bool = False) -> dict[str, Any]:
    return {"module": module, "tools": tools, "named_agents": named_agents}


def _heard(root: Path | None) -> frozenset[str]:
    """The events for which the repository's settings have hooks of ours.

    Settings that cannot be read name none for Claude Code either.
    """
    with contextlib.suppress(UsageError, OSError, UnicodeDecodeError):
        if root is not None:
            return hooked_events(read_file(root / SETTINGS).decode("utf-8-sig"), SETTINGS)
    return frozenset()


def _claude_agents(root: Path | None, own: Mapping[str, Agent]) -> dict[str, dict[str, Any]]:
    """Claude Code's own agents, the user's and then the repository's: those that say which tools they have.

    They are agentflow's where it defines that agent too, or the file speaks to it. One that agentflow cannot read is
    Claude Code's matter alone.
    """
    found = {}
    for path in (path for folder, top in _claude_folders(root) for path in files_below(folder, {".md"}, top)):
        with contextlib.suppress(UsageError, OSError):
            agent, document = read_agent(path)
            if document.get("tools") is not None or document.get("agentflow") is not None:
                found[agent.name] = _may(agent, ours=agent.name in own or document.get("agentflow") is not None)
    return found


def _rewriters(root: Path | None) -> list[str]:
    """Whose settings have a hook of somebody else's that is asked about calls of the Agent tool."""
    return [str(path) for path in _claude_settings(root) if _has_rewriter(path)]


def _has_rewriter(path: Path) -> bool:
    with contextlib.suppress(UsageError, OSError, UnicodeDecodeError):
        return has_others(read_file(path).decode("utf-8-sig"), str(path), "PreToolUse", AGENT_TOOLS)
    return False


def _claude_settings(root: Path | None) -> list[Path]:
    """Where Claude Code finds hooks: the machine's, the user's, the repository's, the person's own for it."""
    own = Path(os.environ.get("CLAUDE_CONFIG_DIR") or user_home() / ".claude") / "settings.json"
    here = [root / SETTINGS, root / ".claude" / "settings.local.json"] if root else []
    return [Path("/etc/claude-code/managed-settings.json"), own, *here]


def _claude_folders(root: Path | None) -> list[tuple[Path, Path | None]]:
    """Each with the repository that it may not leave; the user's may be linked to wherever they keep it."""
    own = Path(os.environ.get("CLAUDE_CONFIG_DIR") or user_home() / ".claude")
    return [(own / "agents", None), *([(root / ".claude" / "agents", root)] if root else [])]


def _sources(root: Path | None) -> Iterator[Path]:
    """Every file and folder that the rules depend on, be it that it is missing."""
    yield from (trusted_path(), user_config(), *([repository_config(root)] if root else []), *_claude_settings(root))
    ours = [(config_dir() / "agents", None), *([(root / ".agentflow" / "agents", root)] if root else [])]
    for folder, top in (*ours, *_claude_folders(root)):
        yield folder
        yield from (*folders_below(folder, top), *files_below(folder, {".md", ".yaml"}, top))
