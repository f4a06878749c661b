"""`agentflow agents`: who works here, and whether their definitions are right."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentflow.cli import options

if TYPE_CHECKING:
    from agentflow.domain.agents import Agent

app = typer.Typer(no_args_is_help=True, help="List, show, check and export agent definitions.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="An agent's name.", show_default=False)]


@app.command("list")
def list_agents(json: options.Json = False) -> None:
    """List every agent of this folder: built in, your own, the repository's."""
    from agentflow.domain.codec import encode
    from agentflow.report import term

    agents = _agents()
    if json:
        term.data(_document("agents", [encode(agent) for agent in agents.values()]))
        return
    heading = ("NAME", "ROLE", "TIER", "LADDER", "TOOLS", "FROM")
    term.data(_table([heading, *(_row(agent) for agent in agents.values())]))


@app.command()
def show(name: Name, json: options.Json = False) -> None:
    """Show one agent as YAML, with every default filled in."""
    from agentflow.config.agent_file import dump_agent
    from agentflow.domain.codec import encode
    from agentflow.report import term

    agent = _agent(name)
    term.data(_document("agent", encode(agent)) if json else f"# {agent.source}\n{dump_agent(agent)}".rstrip())


@app.command()
def validate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILES]", help="Agent files, .yaml or .md; without any: all agents of this folder."),
    ] = None,
) -> None:
    """Check agent definitions: every error at once, with file and line."""
    from agentflow.config.agents import validate_agents
    from agentflow.report import term

    agents = validate_agents(files) if files else list(_agents().values())
    term.note(f"{len(agents)} agents are valid" if len(agents) != 1 else "1 agent is valid")


@app.command()
def export(
    name: Name,
    claude: Annotated[bool, typer.Option("--claude", help="As a .claude/agents Markdown file.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there.")] = None,
) -> None:
    """Print an agent's file: YAML to change it under .agentflow/agents, or Markdown for Claude Code."""
    from agentflow.config.agent_file import dump_agent
    from agentflow.config.claude_agents import dump_claude_agent
    from agentflow.report import term

    text = dump_claude_agent(_agent(name)) if claude else dump_agent(_agent(name))
    if output is None:
        term.data(text.rstrip())
        return
    _write(output, text)
    term.note(f"{output}: written")


def _agents() -> dict[str, Agent]:
    from agentflow.config.agents import load_agents
    from agentflow.config.paths import here, repository_root

    return load_agents(repository_root(here()))


def _agent(name: str) -> Agent:
    from agentflow.config.validation import unknown
    from agentflow.errors import UsageError

    agents = _agents()
    if name not in agents:
        raise UsageError(unknown("agent", name, agents), hint="agentflow agents list shows them")
    return agents[name]


def _row(agent: Agent) -> tuple[str, ...]:
    ladder = " > ".join(agent.ladder)
    return agent.name, agent.role, agent.tier, ladder, ", ".join(agent.tools) or "none", agent.source


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in padded)


def _document(kind: str, value: Any) -> str:
    return jsonlib.dumps({"schema": f"agentflow/{kind}/1", kind: value}, indent=2, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    from agentflow.errors import UsageError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
