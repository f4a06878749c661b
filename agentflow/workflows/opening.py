"""Opening a run: a new one after preflight, or an old one as the ledger knows it."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

from agentflow.checks.deciding import agreement
from agentflow.checks.sandbox import CheckSandbox, bubblewrap_works, why_no_sandbox
from agentflow.checks.unheard import line_errors
from agentflow.config.agents import load_agents
from agentflow.config.machine import is_noexec, make_folder, require_startable
from agentflow.config.paths import cache_dir, run_dir
from agentflow.config.settings import Sandbox, Settings, load_settings
from agentflow.domain.agents import Agent
from agentflow.domain.attempts import RunStatus
from agentflow.domain.calls import Tokens
from agentflow.domain.codec import encode
from agentflow.domain.events import Event, EventKind
from agentflow.domain.plans import Plan, plan_errors
from agentflow.errors import EnvironmentError_, UsageError
from agentflow.git.checkouts import Checkouts
from agentflow.git.commits import read_followed
from agentflow.git.included import tracked_environments
from agentflow.git.leftovers import places_in_use
from agentflow.git.plain_config import write_plain_config
from agentflow.git.preflight import preflight
from agentflow.git.refs import hold_base
from agentflow.git.repository import Repository, open_repository
from agentflow.git.rooms import Rooms
from agentflow.git.watching import Watch
from agentflow.models.login import find_login
from agentflow.models.messages import MAX_TOKENS, MessagesRunner, needs_claude_code
from agentflow.models.session import Endpoint, Runner, SandboxMode, SessionRequest
from agentflow.review.text import tokens
from agentflow.routing.estimate import Range, session_range
from agentflow.store.ledger import Ledger
from agentflow.store.records import RunRecord
from agentflow.workflows.budget import Budget
from agentflow.workflows.context import RunContext
from agentflow.workflows.gate import Gate
from agentflow.workflows.pricing import price_table
from agentflow.workflows.proving import Prover
from agentflow.workflows.sessions import SessionDesk
from agentflow.workflows.trusting import agents_are_agreed, require_trust

RULE_FILES = ("CLAUDE.md", "AGENTS.md")
REVIEW_RULES = ".agentflow/review.md"
REVIEW_AGENTS = ("reviewer", "synthesizer", "verifier")
#: Tokens of a short answer of an agent without tools.
SHORT_ANSWER = 300
GUARDED_MEANS = "agents may run only the plan's checks and their scoped Bash rules, as written"

NOEXEC = "worktrees lie where no program can start (noexec), so checks may fail; set AGENTFLOW_CACHE_DIR elsewhere"


@dataclass(frozen=True, slots=True)
class Workplace:
    """The repository and settings a command works with. `flags` are the settings given on the command line."""

    repository: Repository
    settings: Settings
    agents: Mapping[str, Agent]
    flags: Mapping[str, Any]


async def open_workplace(folder: Path, flags: Mapping[str, Any]) -> Workplace:
    """Raises EnvironmentError_ outside a usable repository, UsageError for wrong settings or agents."""
    return workplace_of(await open_repository(folder), flags)


def workplace_of(
    repository: Repository, flags: Mapping[str, Any], trusted: Path | None = None, *, own_agents: bool = True
) -> Workplace:
    """`trusted`: where the repository's own settings and agents are read, if not in its checkout.

    `own_agents`: whether the repository's agents count.

    Raises UsageError for wrong settings or agents.
    """
    root = trusted or repository.root
    settings = load_settings(root, flags, os.environ)
    return Workplace(repository, settings, load_agents(root if own_agents else None), flags)


def new_id() -> str:
    """A run's id: when it was begun (UTC), and two random bytes."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def require_valid(plan: Plan, agents: Mapping[str, Agent]) -> None:
    """Raises UsageError naming everything that is wrong with a plan a person brought."""
    if errors := [*plan_errors(plan, agents), *line_errors(plan.checks)]:
        raise UsageError("the plan cannot be carried out:" + "".join(f"\n  - {error}" for error in errors))


def require_telling(settings: Settings) -> None:
    """Raises UsageError naming every check of the user's whose failure nobody would hear."""
    if errors := line_errors(settings.checks or ()):
        raise UsageError("\n".join(errors), hint=f"checks: {settings.origins['checks']}")


def require_toolless(agents: Mapping[str, Agent]) -> None:
    """Raises UsageError when somebody gave an agent of reviews a tool: they read what anybody may have written."""
    for agent in (agents[name] for name in REVIEW_AGENTS):
        if agent.tools:
            raise UsageError(
                f"agent {agent.name!r} ({agent.source}) has tools: {', '.join(agent.tools)}",
                hint="agents of a review read what anybody may have written, so they get none: tools: []",
            )


class NoSandbox(EnvironmentError_):
    """Nothing confines here what models write, and the user has not said to do without."""


def choose_sandbox(settings: Settings) -> tuple[SandboxMode, str | None]:
    """What stands around Bash, checks and set-up, and what people should know about it.

    Raises NoSandbox where none works and the user did not switch it off.
    """
    if settings.sandbox is Sandbox.OFF:
        return SandboxMode.GUARDED, f"sandbox off: checks and set-up run with your own rights; {GUARDED_MEANS}"
    if bubblewrap_works():
        return SandboxMode.SANDBOXED, None
    why = why_no_sandbox()
    ways = "install bubblewrap and socat" if sys.platform == "linux" else "run agentflow in a Linux container"
    without = "" if settings.sandbox is Sandbox.FULL else ", or do without: --sandbox off, or AGENTFLOW_SANDBOX=off"
    raise NoSandbox(
        f"no sandbox works here ({why}), so what models write would be tested with your own rights",
        hint=f"{ways}{without}",
    )


async def new_run(
    workplace: Workplace,
    ledger: Ledger,
    goal: str,
    *,
    workflow: str = "run",
    plan: Plan | None = None,
    review: bool = False,
    trust: bool = False,
) -> str:
    """Preflight, then a row in the ledger. Returns the run's id; nothing has been spent, run or changed yet.

    `review`: the whole diff is to be reviewed before the run ends. `trust`: the user agrees to what runs, this once.

    Raises UsageError for a plan that cannot be carried out, EnvironmentError_ where repository or login do not do, and
    NotTrusted where nobody has agreed to what would run.
    """
    repository, settings = workplace.repository, workplace.settings
    require_telling(settings)
    if not trust:
        require_trust(repository)
    if plan is not None:
        require_valid(plan, workplace.agents)
    if review:
        require_toolless(workplace.agents)
    run_id = new_id()
    branch = f"agentflow/{run_id}"
    notices = await preflight(repository, branch)
    _, warning = choose_sandbox(settings)
    noexec = is_noexec(cache_dir())
    find_login(os.environ)
    run = RunRecord(
        id=run_id,
        repo_root=repository.root,
        common_dir=repository.common_dir,
        goal=goal,
        status=RunStatus.PLANNED,
        base=repository.head,
        branch=branch,
        created_at=time.time(),
        workflow=workflow,
        budget_usd=settings.budget_usd,
        spec={
            "flags": dict(workplace.flags),
            "begun_on": repository.branch,
            "git_places": list(places_in_use(repository)),
            "review_at_end": review,
            "agreed": agreement(repository.root),
            "notices": [*notices, *([warning] if warning else []), *([NOEXEC] if noexec else [])],
        },
        plan=encode(plan) if plan else None,
        pid=os.getpid(),
    )
    await hold_base(repository, run_id, repository.head)
    ledger.create_run(run)
    return run_id


async def open_run(ledger: Ledger, run_id: str, changed: Mapping[str, Any] | None = None) -> RunContext:
    """Everything the steps of a run need. `changed` are flags that replace those the run was started with.

    Nothing is written: another process may be working on the run. Raises NotTrusted where what the repository runs has
    changed since the run was begun.
    """
    run = ledger.run(run_id)
    flags = {**run.spec.get("flags", {}), **(changed or {})}
    folder = run_dir(run.id)
    trusted = folder / "trusted" if run.spec.get("trusted") else None
    repository = await open_repository(run.repo_root)
    is_review = run.workflow == "review"
    if not is_review:
        require_trust(repository, run.spec.get("agreed", ""))
    own_agents = not is_review or run.spec.get("trust") or agents_are_agreed(repository, trusted or repository.root)
    workplace = workplace_of(repository, flags, trusted, own_agents=bool(own_agents))
    settings = workplace.settings
    make_folder(folder / "logs")
    require_startable(folder)
    sandbox, _ = choose_sandbox(settings)
    is_sandboxed, checkouts = sandbox is SandboxMode.SANDBOXED, Checkouts()
    around_checks = (
        CheckSandbox(repository.root, repository.common_dir, *await write_plain_config(repository, folder))
        if is_sandboxed
        else None
    )
    watch = Watch(repository, partial(_announce, ledger, run.id), is_sandboxed)
    return RunContext(
        run_id=run.id,
        goal=run.goal,
        base=run.base,
        branch=run.branch,
        repository=repository,
        settings=settings,
        flags=flags,
        agents=workplace.agents,
        ledger=ledger,
        desk=_desk(settings, ledger, run),
        prover=Prover(
            run.id,
            run.base,
            repository,
            settings,
            ledger,
            folder / "logs",
            watch,
            checkouts,
            sandbox=around_checks,
            tracked=await tracked_environments(repository),
        ),
        rooms=Rooms(repository, checkouts),
        watch=watch,
        gate=Gate(partial(_announce, ledger, run.id)),
        folder=folder,
        sandbox=sandbox,
        rules=await _rules(repository, run.spec.get("trusted") or run.base, _rule_files(run)),
    )


def _desk(settings: Settings, ledger: Ledger, run: RunRecord) -> SessionDesk:
    endpoint = _endpoint(settings)
    prices = price_table(settings)
    messages = MessagesRunner(endpoint, prices)
    direct = find_login(os.environ).allows_direct_requests
    # Either SDK takes most of a second to import: that goes on while the engine starts.
    wanted = "anthropic" if direct and run.workflow == "review" else "agentflow.models.claude_code"
    Thread(target=import_module, args=(wanted,), daemon=True).start()

    def runner_for(agent: Agent) -> tuple[str, Runner]:
        if direct and not needs_claude_code(agent):
            return "messages", messages
        from agentflow.models.claude_code import ClaudeCodeRunner

        return "claude_code", ClaudeCodeRunner(endpoint, prices, cli=settings.claude_path)

    def expected(request: SessionRequest) -> Range | None:
        if needs_claude_code(request.agent):
            found = session_range(request.model, (), prices.price)
            return (found[0], request.agent.limits.budget_usd) if found else None
        said = tokens(request.agent.prompt + request.shared + request.prompt)
        costs = [prices.price(request.model, Tokens(input=said, output=n)) for n in (SHORT_ANSWER, MAX_TOKENS)]
        least, most = costs
        return None if least is None or most is None else (least, most)

    spent = ledger.run_cost(run.id).usd + ledger.run_estimate(run.id)
    return SessionDesk(ledger, Budget(settings.budget_usd, spent), runner_for, expected)


def _announce(ledger: Ledger, run_id: str, message: str) -> None:
    ledger.emit(run_id, Event(EventKind.NOTICE, data={"message": message}))


def _endpoint(settings: Settings) -> Endpoint:
    return Endpoint(base_url=settings.base_url)


def _rule_files(run: RunRecord) -> tuple[str, ...]:
    reviews = run.workflow == "review" or run.spec.get("review_at_end")
    return (*RULE_FILES, REVIEW_RULES) if reviews else RULE_FILES


async def _rules(repository: Repository, base: str, names: Sequence[str]) -> str:
    """The project's instruction files as they were committed, each once, for agents to read as data."""
    found = [await read_followed(repository, base, name) for name in names]
    return "\n\n".join(dict.fromkeys(content.decode("utf-8", "replace").strip() for content in found if content))
