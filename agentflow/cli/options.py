"""Options that several commands share, said once."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; text for people goes to stderr.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Approve the plan without asking.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No live view; only the result.")]
Budget = Annotated[
    float | None, typer.Option("--budget", metavar="USD", min=0.01, help="Stop, resumable, before spending more.")
]
MaxParallel = Annotated[
    int | None, typer.Option("--max-parallel", metavar="N", min=1, help="Subtasks worked on at once (default 4).")
]
Checks = Annotated[
    list[str] | None,
    typer.Option("--check", metavar="COMMAND", help="A check of the repository; repeatable. Default: discovered."),
]
Setup = Annotated[str | None, typer.Option("--setup", metavar="COMMAND", help="Prepares each fresh worktree.")]
Mutate = Annotated[
    int | None,
    typer.Option(
        "--mutate",
        metavar="N",
        min=1,
        help="Try N small wrong versions of each subtask's Python lines; says what no check notices.",
    ),
]
AllowBroken = Annotated[
    bool, typer.Option("--allow-broken-baseline", help="Go on where checks cannot run; the work is then unproven.")
]
Sandbox = Annotated[
    str | None,
    typer.Option(
        "--sandbox",
        metavar="auto|full|off",
        help="Around Bash, checks and set-up. auto: asks where none works. full: never without. off: none.",
    ),
]
Trust = Annotated[bool, typer.Option("--trust", help="Agree to what runs in this repository, this once; for scripts.")]
Network = Annotated[
    str | None,
    typer.Option("--network", metavar="loopback|full", help="What sandboxed checks reach. Default: loopback."),
]
Detach = Annotated[bool, typer.Option("--detach", help="Print the run's id and let it go on in a process of its own.")]
Moved = Annotated[
    bool, typer.Option("--moved", help="The repository was moved here: take over its runs without asking.")
]
RunId = Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run id or its beginning.")]


def settings(**given: object) -> dict[str, object]:
    """The settings given on the command line; those not given are left to the environment and the config files."""
    return {key: value for key, value in given.items() if value is not None and value != []}
