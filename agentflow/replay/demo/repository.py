"""Makes the demo's repository: real files, a real git history, a real and partly failing pytest suite."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from agentflow.config.yaml import read_yaml
from agentflow.git.command import git

#: The scenario that answers. Its rules may be taken again, so a killed run can be resumed.
SCENARIO = Path(__file__).with_name("scenario.yaml")
_FILES = Path(__file__).with_name("repository.yaml")
#: One author and one date, so that the demo's first commit is the same everywhere and needs no git identity.
_AUTHOR = {"NAME": "Tea House", "EMAIL": "till@teahouse.example", "DATE": "2026-01-01T15:00:00+00:00"}
_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in _AUTHOR.items()},
}


def make_repository(folder: Path) -> None:
    """Make a git repository of one commit, on branch `main`, in the new or empty `folder`.

    Call it outside an event loop. Raises EnvironmentError_ when git is missing.
    """
    for name, content in read_yaml(_FILES)["files"].items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    asyncio.run(_commit(folder))


async def _commit(folder: Path) -> None:
    for command in (
        ("init", "--quiet", "--template=", "--initial-branch=main"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", "Open the tea house, with a till that cannot add up yet"),
    ):
        await git(folder, *command, env=_ENVIRONMENT)
