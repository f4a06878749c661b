"""Sessions on the Claude Code CLI. Imports the SDK (2 s): import it where a session is about to start.

What a worker's commands can still see: in `sandboxed` mode files outside the user's home that everyone may read; in
`guarded` mode whatever the few allowed commands (a test suite, say) look for, with the user's own rights. No key, token
or proxy's login is in an environment or descriptor they can read, but where the system has no /proc (macOS): there an
auth token and a proxy's login are hidden by the sandbox only.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, ClaudeSDKError, CLIConnectionError

from agentflow.config.machine import make_folder, unusable
from agentflow.config.secrecy import redact_file
from agentflow.domain.attempts import Outcome
from agentflow.models.endings import broken, conclude
from agentflow.models.error_log import ErrorLog
from agentflow.models.failures import limit, quality, transport
from agentflow.models.guard import GuardPolicy
from agentflow.models.launch import (
    bundled_cli,
    cli_environment,
    commands_file,
    dropped_variables,
    launcher,
    real_home,
    tightened_path,
)
from agentflow.models.login import endpoint_login
from agentflow.models.options import session_options
from agentflow.models.outputs import check_schema
from agentflow.models.prices import PriceTable
from agentflow.models.processes import ProcessTree, despite_cancellation
from agentflow.models.proxy_login import proxy_environment, proxy_settings
from agentflow.models.sandbox import remove_placeholders, sandbox_settings
from agentflow.models.session import Endpoint, Failure, Observer, SandboxMode, SessionRequest, SessionResult
from agentflow.models.transcript import Transcript
from agentflow.models.transport import CliTransport

_CONNECT_S = 90.0
#: How long the CLI has to stop its tools and name the cost, then to leave, when its session is broken off: a person
#: who pressed Ctrl-C is waiting.
_INTERRUPT_S = 3.0
_LEAVE_S = 3.0
#: How long it has to leave, its transcript written, after a session that ended by itself.
_DISCONNECT_S = 25.0
_TICK_S = 0.5


class ClaudeCodeRunner:
    """Runs sessions with the bundled CLI (or `cli`) against one endpoint."""

    def __init__(
        self,
        endpoint: Endpoint | None = None,
        prices: PriceTable | None = None,
        *,
        cli: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`env`: what login and address are read from when the endpoint leaves them open (default: the process's)."""
        self._endpoint = endpoint or Endpoint()
        self._prices = prices or PriceTable()
        self._cli = cli
        self._env = os.environ if env is None else env

    async def run(self, request: SessionRequest, observe: Observer) -> SessionResult:
        """One session from start to end.

        Raises EnvironmentError_ without a login or a CLI, UsageError on an invalid schema; all else is a Failure.
        """
        check_schema(request.schema)
        policy = GuardPolicy.of(request)
        transcript = Transcript(request, policy, observe, self._prices)
        log = ErrorLog(request.private_dir / "claude.log")
        conversation = _Conversation(self._options(request, policy, transcript, log), request, transcript)
        started = time.monotonic()
        try:
            stopped = await conversation.hold()
        except (ClaudeSDKError, TimeoutError, OSError) as error:
            stopped = broken(error, log.tail(), has_started=transcript.session_id is not None)
        finally:
            transcript.close()
            await asyncio.to_thread(_redact_record, request.private_dir, transcript.session_id)
            if request.sandbox is SandboxMode.SANDBOXED:
                remove_placeholders(request.cwd)
        return conclude(request, transcript, stopped, time.monotonic() - started)

    def _options(
        self, request: SessionRequest, policy: GuardPolicy, transcript: Transcript, log: ErrorLog
    ) -> ClaudeAgentOptions:
        login = endpoint_login(self._endpoint, request.label.tier, self._env)
        for folder in (request.private_dir, request.private_dir / "home", request.private_dir / "claude"):
            if folder.is_symlink():
                raise unusable(folder, OSError(errno.ELOOP, "it leads elsewhere"))
            make_folder(folder)
        env = cli_environment(request, self._endpoint, login, self._env)
        if self._cli is None:  # one of the user's own may be too old to be handed a proxy's login
            env |= proxy_environment(self._env)
        env["CLAUDE_ENV_FILE"] = str(commands_file(request))
        sandboxed = request.sandbox is SandboxMode.SANDBOXED and "Bash" in request.agent.tool_names
        if sandboxed:
            env["PATH"] = tightened_path(request.private_dir, os.environ.get("PATH", os.defpath))
        cli = launcher(self._cli or bundled_cli(), dropped_variables(os.environ, env), request.private_dir)
        home = real_home(self._env)
        seen = {**self._env, **request.env}
        sandbox = (
            sandbox_settings(request.cwd, request.private_dir, home, seen, request.checkout) if sandboxed else None
        )
        return session_options(
            request, policy, cli=cli, env=env, sandbox=sandbox, denied=transcript.denied, stderr=log.write,
            helpers={**login.settings(), **proxy_settings(env)},
        )  # fmt: skip


def _redact_record(private_dir: Path, session_id: str | None) -> None:
    """What the CLI keeps of a session that is over, and sends again when it is resumed, without secrets."""
    for path in (private_dir / "claude" / "projects").glob(f"*/{session_id}.jsonl"):
        redact_file(path)


class _Conversation:
    """One CLI process: talk, watch the clocks, and leave nothing running."""

    def __init__(self, options: ClaudeAgentOptions, request: SessionRequest, transcript: Transcript) -> None:
        self._transport = CliTransport(options, transcript.odd)
        self._client = ClaudeSDKClient(options, self._transport)
        self._request = request
        self._transcript = transcript
        self._tree = ProcessTree()

    async def hold(self) -> Failure | None:
        """Talk until a result comes (None) or a clock runs out (the failure). Raises the SDK's errors."""
        talk = asyncio.create_task(self._talk())
        try:
            stopped = await self._watch(talk)
        finally:
            await despite_cancellation(self._close(talk))
        if stopped is None:
            talk.result()
        return stopped

    async def _talk(self) -> None:
        with _named():
            await asyncio.wait_for(self._client.connect(), _CONNECT_S)
        self._transcript.start()
        await self._client.query(self._request.prompt)
        async for message in self._client.receive_messages():
            self._transcript.hear(message)
            if self._transcript.finished:
                return

    async def _watch(self, talk: asyncio.Task[None]) -> Failure | None:
        deadline = time.monotonic() + self._request.agent.limits.timeout_s
        while not talk.done():
            self._tree.sample(self._pid())
            now = time.monotonic()
            if now > deadline:
                return quality(f"no answer within {self._request.agent.limits.timeout_s:g} s", Outcome.TIMEOUT)
            if self._is_overspent:
                return limit("the session's budget is used up, by our own estimate: its usage is not told")
            if self._transcript.silent_s > self._request.idle_s:
                return transport(f"silent for {self._request.idle_s:g} s")
            await asyncio.wait({talk}, timeout=min(_TICK_S, max(0.0, deadline - now) + 0.01))
        return None

    @property
    def _is_overspent(self) -> bool:
        """Whether the cap is reached where Claude Code, which goes by the usage it is told, cannot know it."""
        cap, is_guessed = self._request.budget_usd, any(r.estimate_usd for r in self._transcript.requests)
        return is_guessed and cap is not None and self._transcript.counted_usd > cap

    async def _close(self, talk: asyncio.Task[None]) -> None:
        """Interrupt (it stops the tools and brings a result with its cost), disconnect, end whatever is left."""
        self._tree.sample(self._pid())
        leave_s = _DISCONNECT_S if talk.done() else _LEAVE_S
        if not talk.done() and self._transcript.has_started:
            with contextlib.suppress(ClaudeSDKError, TimeoutError, OSError):
                async with asyncio.timeout(_INTERRUPT_S):
                    with _named():
                        await self._client.interrupt()
                    await asyncio.wait({talk})
        talk.cancel()
        await asyncio.wait({talk})
        with contextlib.suppress(ClaudeSDKError, TimeoutError, OSError):
            await asyncio.wait_for(self._client.disconnect(), leave_s)
        await self._tree.kill()

    def _pid(self) -> int | None:
        return self._transport.pid


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """What the SDK raises as a bare Exception (a control request that failed, or was not answered) by its name."""
    try:
        yield
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise CLIConnectionError(str(error)) from error
