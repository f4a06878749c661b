"""The command line: registers the commands and turns every expected failure into its exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

import typer
from typer.core import TyperGroup

from agentflow.cli import (
    agents,
    config,
    cost,
    demo,
    doctor,
    init,
    plan,
    replay,
    resume,
    review,
    run,
    runs,
    status,
    tree,
    trust,
    watch,
)
from agentflow.errors import AgentflowError, EnvironmentError_, Interrupted, UsageError
from agentflow.report.streams import take_streams

EXAMPLES = """Examples:

agentflow demo

agentflow run "refactor auth" --budget 2

agentflow plan "add caching" -o plan.yaml && agentflow run --plan plan.yaml

agentflow review src/
"""


class Commands(TyperGroup):
    """Ctrl-C as an error like any other, wherever no run is there to stop gracefully."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # Typer keeps its own Context private
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, typer.Abort):
            raise Interrupted("interrupted", hint="see what is left: agentflow runs list") from None


app = typer.Typer(
    name="agentflow",
    cls=Commands,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Hand a coding task to a team of Claude Code agents. Get back a branch whose checks pass, and the bill.",
    epilog=EXAMPLES,
)
app.command()(init.init)
app.command()(run.run)
app.command()(plan.plan)
app.command()(review.review)
app.command()(resume.resume)
app.command()(status.status)
app.command()(cost.cost)
app.command()(watch.watch)
app.command()(tree.diff)
app.command()(tree.apply)
app.command()(trust.trust)
app.command()(demo.demo)
app.command()(doctor.doctor)
app.add_typer(runs.app, name="runs")
app.add_typer(agents.app, name="agents")
app.add_typer(config.app, name="config")
app.add_typer(replay.app, name="replay")


def _show_version(wanted: bool) -> None:
    if wanted:
        from agentflow import __version__
        from agentflow.report import term

        term.data(f"agentflow {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,  # noqa: ARG001  the callback acts
    folder: Annotated[str | None, typer.Option("-C", metavar="PATH", help="Work in PATH, as git -C does.")] = None,
) -> None:
    if context.invoked_subcommand is None:
        from agentflow.report import term

        term.data(context.get_help())
        raise typer.Exit
    from agentflow.config.own_path import leave_out_repository

    if folder is not None:
        try:
            os.chdir(folder)
        except OSError as error:
            raise typer.BadParameter(f"{folder}: {error.strerror}") from None
    with contextlib.suppress(FileNotFoundError):  # a folder that is gone is told by what needs it
        leave_out_repository(Path.cwd())


def main() -> NoReturn:
    """The console script. Exit codes are part of the contract: see `agentflow.errors`."""
    take_streams()
    try:
        sys.exit(app(standalone_mode=False))
    except AgentflowError as error:
        sys.exit(_report(error))
    except typer.TyperException as error:
        sys.exit(_report_usage(error))
    except Exception as error:  # noqa: BLE001  the outermost edge
        from agentflow.config.machine import refusal

        refused = refusal(error)
        sys.exit(_report(refused) if refused else _report_bug(error))


def _report(error: AgentflowError) -> int:
    """As a document where one is asked for and can be written, in words everywhere else."""
    from agentflow.report import documents, term

    if "--json" in sys.argv:
        with contextlib.suppress(EnvironmentError_):
            term.data(documents.as_text(documents.error_document(error)))
            return error.exit_code
    term.error(error.message, error.hint)
    return error.exit_code


def _report_usage(error: typer.TyperException) -> int:
    """What Typer says about a wrong command line, in its own words unless a document is asked for."""
    if "--json" in sys.argv:
        return _report(UsageError(error.format_message()))
    cast(Any, error).show()  # every exception that Typer raises while parsing has it
    return UsageError.exit_code


def _report_bug(error: Exception) -> int:
    """A bug ends with exit code 3 and a kept traceback; where none can be kept, it is shown."""
    import traceback

    from agentflow.config.machine import make_folder, write_private
    from agentflow.config.paths import state_dir
    from agentflow.config.secrecy import redact
    from agentflow.report import term

    told = "".join(traceback.format_exception(error))
    about = f"internal error: {type(error).__name__}: {error}"
    try:
        log = make_folder(state_dir()) / "crash.log"
        write_private(log, redact(told))
    except (OSError, AgentflowError):
        term.note(told)
        return _report(AgentflowError(about, hint="this is a bug; please report it with the traceback above"))
    if os.environ.get("AGENTFLOW_DEBUG"):
        term.note(told)
    return _report(AgentflowError(about, hint=f"this is a bug; the traceback is in {log}"))
