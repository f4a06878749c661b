"""The command line: registers the commands and turns every expected failure into its exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from agentflow.cli import agents, config, demo, plan, replay, resume, run, runs, tree, watch
from agentflow.errors import AgentflowError

EXAMPLES = """Examples:

agentflow demo

agentflow run "refactor auth" --budget 2

agentflow plan "add caching" -o plan.yaml && agentflow run --plan plan.yaml
"""

app = typer.Typer(
    name="agentflow",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Hand a coding task to a team of Claude Code agents. Get back a branch whose checks pass, and the bill.",
    epilog=EXAMPLES,
)
app.command()(run.run)
app.command()(plan.plan)
app.command()(resume.resume)
app.command()(watch.watch)
app.command()(tree.diff)
app.command()(tree.apply)
app.command()(demo.demo)
app.add_typer(runs.app, name="runs")
app.add_typer(agents.app, name="agents")
app.add_typer(config.app, name="config")
app.add_typer(replay.app, name="replay")


def _show_version(wanted: bool) -> None:
    if wanted:
        from agentflow import __version__

        typer.echo(f"agentflow {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,  # noqa: ARG001  the callback acts
    folder: Annotated[str | None, typer.Option("-C", metavar="PATH", help="Work in PATH, as git -C does.")] = None,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
    if folder is not None:
        try:
            os.chdir(folder)
        except OSError as error:
            raise typer.BadParameter(f"{folder}: {error.strerror}") from None


def main() -> NoReturn:
    """The console script. Exit codes are part of the contract: see `agentflow.errors`."""
    try:
        app()
    except AgentflowError as error:
        sys.exit(_report(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  the outermost edge: a bug ends with exit code 3 and a kept traceback
        sys.exit(_report_bug(error))
    sys.exit(0)


def _report(error: AgentflowError) -> int:
    from agentflow.report import documents, term

    if "--json" in sys.argv:
        term.data(documents.as_text(documents.error_document(error)))
    else:
        term.error(error.message, error.hint)
    return error.exit_code


def _report_bug(error: Exception) -> int:
    import traceback

    from agentflow.config.paths import state_dir
    from agentflow.report import term

    log = state_dir() / "crash.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(traceback.format_exception(error)))
    if os.environ.get("AGENTFLOW_DEBUG"):
        traceback.print_exception(error)
    term.error(f"internal error: {type(error).__name__}: {error}", f"this is a bug; the traceback is in {log}")
    return AgentflowError.exit_code
