"""`agentflow replay`: a local Messages API that plays scenarios, or records one."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agentflow.replay.record import Recorder
    from agentflow.replay.server import ReplayServer

app = typer.Typer(help="Play or record the model's answers on a local Messages API.", no_args_is_help=True)

Port = Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")]


@app.command()
def serve(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (YAML).")],
    port: Port = 0,
    log: Annotated[Path | None, typer.Option(help="Append every request to this file, as JSON lines.")] = None,
) -> None:
    """Answer model requests from a scenario file until Ctrl-C."""
    from agentflow.replay.scenario import load_scenario
    from agentflow.replay.server import ReplayServer
    from agentflow.report import term

    server = ReplayServer(load_scenario(scenario), port, log)
    asyncio.run(_until_stopped(server, f"Playing {scenario}", api_key="replay"))
    term.note(f"{_requests(len(server.requests))}, {len(server.unmatched)} without an answer in the scenario.")


@app.command()
def record(
    file: Annotated[Path, typer.Argument(help="Scenario file to write.")],
    upstream: Annotated[
        str | None, typer.Option(help="Messages API to forward to [default: $ANTHROPIC_BASE_URL, else Anthropic].")
    ] = None,
    port: Port = 0,
) -> None:
    """Forward model requests, and write what was answered as a scenario on Ctrl-C. Keys are never stored."""
    from agentflow.errors import UsageError
    from agentflow.replay.record import DEFAULT_UPSTREAM, Recorder
    from agentflow.report import term

    if not file.parent.is_dir():
        raise UsageError(f"cannot write {str(file)!r}: its folder does not exist")
    if file.exists():
        raise UsageError(
            f"{str(file)!r} exists", hint="recordings are paid for: remove it yourself or name another file"
        )
    target = upstream or os.environ.get("ANTHROPIC_BASE_URL") or DEFAULT_UPSTREAM
    recorder = Recorder(target, file, port)
    asyncio.run(_until_stopped(recorder, f"Recording {target}", api_key="<your key>"))
    heard = len(recorder.heard)
    term.note(f"{_requests(heard)} recorded in {file}." if heard else "No request came, nothing is written.")


async def _until_stopped(server: ReplayServer | Recorder, doing: str, api_key: str) -> None:
    """Serve until SIGINT or SIGTERM."""
    from agentflow.report import term

    stop = asyncio.Event()
    for stopping in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(stopping, stop.set)
    async with server:
        term.note(f"{doing} on {server.base_url}, Ctrl-C ends.")
        term.note(f"  export ANTHROPIC_BASE_URL={server.base_url}\n  export ANTHROPIC_API_KEY={api_key}")
        await stop.wait()


def _requests(count: int) -> str:
    return f"{count} request{'s' * (count != 1)}"
