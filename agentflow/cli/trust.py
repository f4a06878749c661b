"""`agentflow trust`: agree to what runs in a repository, look at it, or take it back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from agentflow.cli import options
from agentflow.errors import UsageError

if TYPE_CHECKING:
    from agentflow.workflows.trusting import WhatRuns


def trust(
    show: Annotated[bool, typer.Option("--show", help="Only show what runs here, and whether it is trusted.")] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it back.")] = False,
    json: options.Json = False,
) -> None:
    """Agree to what runs in this repository.

    Nothing of a repository runs here before that: no set-up, no checks, no agents it defines. When what would run
    changes, you are asked again.
    """
    from agentflow.config.consents import consent, consents_to, withdraw
    from agentflow.config.paths import here
    from agentflow.report import documents, term
    from agentflow.workflows.opening import open_workplace
    from agentflow.workflows.trusting import what_runs

    if show and revoke:
        raise UsageError("--show and --revoke do not go together")
    workplace = asyncio.run(open_workplace(here(), {}))
    place = workplace.repository.common_dir
    found = what_runs(workplace.repository, workplace.settings, workplace.agents)
    if revoke:
        withdraw(place)
    elif not show:
        consent(place, found.digest)
    is_trusted = found.digest in consents_to(place)
    if json:
        term.data(documents.as_text(_document(found, is_trusted=is_trusted)))
    else:
        term.note("\n".join([*found.lines(), "trusted" if is_trusted else "not trusted"]))


def _document(found: WhatRuns, *, is_trusted: bool) -> dict[str, object]:
    return {
        "schema": "agentflow/trust/1",
        "trusted": is_trusted,
        "setup": found.setup,
        "checks": list(found.checks),
        "agents": dict(found.agents),
        "files": list(found.files),
    }
