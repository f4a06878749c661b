"""The runner protocol: one session in, one result out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from agentflow.domain.agents import Agent
from agentflow.domain.attempts import FailureKind, Outcome
from agentflow.domain.calls import CallKind, Label, Request
from agentflow.models.outputs import readable

#: Answers the `explore` tool: questions in, text with `file:line` citations out.
Explore = Callable[[Sequence[str]], Awaitable[str]]


class SandboxMode(StrEnum):
    """What stands around an executor's Bash.

    `guarded`: no operating-system sandbox; only commands the guard can match exactly may run.
    `sandboxed`: bubblewrap around every Bash command.
    """

    GUARDED = "guarded"
    SANDBOXED = "sandboxed"


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """Everything one agent session needs.

    `shared`: text that several sessions have in common; it follows the agent's prompt, so that both are cached at once.
    `write_scope`: globs inside `cwd` that Edit and Write may touch (empty: none).
    `commands`: Bash commands allowed exactly as written (the plan's checks).
    `env`: what its commands need to find programs and packages as the checks do; it holds no secret.
    `private_dir`: the run's own config and home directory for the CLI. `checkout`: the user's, which its commands in a
    sandbox do not see.
    `budget_usd`: cap for this session, None for no cap. `resume`: a session id to continue; `afresh`: the prompt of a
    new session, should that one be gone. `accepts`: a wider schema than the one that is asked for, where whoever asks
    makes sense of more than that.
    """

    label: Label
    kind: CallKind
    agent: Agent
    model: str
    prompt: str
    schema: Mapping[str, Any]
    cwd: Path
    private_dir: Path
    shared: str = ""
    write_scope: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    sandbox: SandboxMode = SandboxMode.GUARDED
    budget_usd: float | None = None
    idle_s: float = 180.0
    resume: str | None = None
    afresh: str = ""
    explore: Explore | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    accepts: Mapping[str, Any] | None = None
    checkout: Path | None = None

    @property
    def accepted(self) -> Mapping[str, Any]:
        """The schema that an answer is held to."""
        return self.schema if self.accepts is None else self.accepts

    def readable(self, given: object) -> Mapping[str, Any] | None:
        """The answer in what a model gave; of several in a text, where a wider schema is accepted, all lists."""
        return readable(given, self.accepted, join=self.accepts is not None)

    @property
    def standing_texts(self) -> tuple[str, ...]:
        """What the model is told before the prompt, the same in every session that shares it."""
        return (self.agent.prompt, self.shared) if self.shared else (self.agent.prompt,)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a session gave no usable answer.

    `outcome` is what the attempt becomes if nothing changes; `resets_at` (Unix seconds) when a usage limit ends.
    `is_lost`: the session to resume is not there any more; nothing was asked.
    """

    kind: FailureKind
    outcome: Outcome
    reason: str
    http_status: int | None = None
    resets_at: float | None = None
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Denial:
    """A tool call that was refused."""

    tool: str
    argument: str
    reason: str


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What a session gave back.

    Exactly one of `output` (validated against the request's schema) and `failure` is set.
    `requests` are the answered model requests with tokens and our price; `cli_cost_usd` is the CLI's own figure
    for this session alone (None from other runners). Times in seconds. `written` are the files that Edit and Write
    wrote, relative to the request's `cwd`.
    """

    output: Mapping[str, Any] | None
    failure: Failure | None
    session_id: str | None
    requests: tuple[Request, ...]
    cli_cost_usd: float | None
    ttft_s: float | None
    duration_s: float
    denials: tuple[Denial, ...] = ()
    written: tuple[str, ...] = ()


# What a runner tells while a session goes on.


@dataclass(frozen=True, slots=True)
class ToolUsed:
    tool: str
    argument: str


@dataclass(frozen=True, slots=True)
class RequestFinished:
    request: Request


@dataclass(frozen=True, slots=True)
class Retrying:
    status: int | None
    delay_s: float


@dataclass(frozen=True, slots=True)
class Denied:
    denial: Denial


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that could not be understood."""

    what: str


Progress = ToolUsed | RequestFinished | Retrying | Denied | Unreadable
Observer = Callable[[Progress], None]


class Runner(Protocol):
    """Runs one session to its end. Returns failures, raises only AgentflowError, CancelledError and bugs."""

    async def run(self, request: SessionRequest, observe: Observer) -> SessionResult: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go and how they are authenticated; empty fields come from the environment."""

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    auth_token: str | None = field(default=None, repr=False)
