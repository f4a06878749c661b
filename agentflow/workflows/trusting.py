"""Trust: before anything of a repository runs here, its user is shown what would, and says yes.

The yes is for what decides what runs, by its content. When a pull, or a run that was applied, changes that, it is asked
again. Tests and code change all the time and are not part of it: the sandbox is what stands around those.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agentflow.checks.runners.discovery import discover
from agentflow.config.consents import consents_to
from agentflow.config.reading import read_file
from agentflow.config.settings import Settings, repository_config
from agentflow.domain.agents import Agent
from agentflow.errors import EnvironmentError_
from agentflow.git.repository import Repository

#: Answers the question for scripts and CI: any value but an empty one.
VARIABLE = "AGENTFLOW_TRUST"
#: Files at the top of a repository in which the commands of checks say what they start.
_DEFINITIONS = ("Makefile", "GNUmakefile", "makefile", "package.json", "tox.ini", "noxfile.py", "justfile")


class NotTrusted(EnvironmentError_):
    """Nobody has agreed yet to what would run in this repository."""


@dataclass(frozen=True, slots=True)
class WhatRuns:
    """What of a repository runs here without another question, under the settings that were given.

    `agents`: those it defines itself, with the file. `files`: what was read to tell. `digest` stands for all that the
    repository itself has to say in that, whatever settings are given on top.
    """

    setup: str | None
    checks: tuple[str, ...]
    agents: Mapping[str, str]
    files: tuple[str, ...]
    digest: str

    def lines(self) -> Iterator[str]:
        """For people."""
        yield from [f"set-up  {self.setup}"] if self.setup else []
        yield from (f"check   {command}" for command in self.checks)
        yield from (f"agent   {name}, by {file}" for name, file in self.agents.items())
        if not (self.setup or self.checks or self.agents):
            yield "no set-up, checks or agents of its own; checks that a plan names run without another question"


def what_runs(repository: Repository, settings: Settings, agents: Mapping[str, Agent]) -> WhatRuns:
    """What the repository's checkout has to say about it now."""
    root = repository.root
    discovered = tuple(check.command for check in discover(root).checks)
    checks = settings.checks if settings.checks is not None else discovered
    own = {name: _relative(agent.source, root) for name, agent in agents.items() if _is_inside(agent.source, root)}
    files = [path for path in (repository_config(root), *(root / name for name in _DEFINITIONS)) if path.is_file()]
    files += [root / file.partition(":")[0] for file in own.values()]
    told = [discovered, sorted(own), [[path.name, _content(path)] for path in files]]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode(errors="surrogateescape")).hexdigest()
    return WhatRuns(settings.setup, checks, own, tuple(_relative(str(path), root) for path in files), digest)


def require_trust(repository: Repository, settings: Settings, agents: Mapping[str, Agent]) -> None:
    """Raises NotTrusted unless the user, or who set AGENTFLOW_TRUST, agreed to what runs here as it is now."""
    if os.environ.get(VARIABLE):
        return
    given = consents_to(repository.common_dir)
    if what_runs(repository, settings, agents).digest in given:
        return
    what = "has changed what it runs here since it was trusted" if given else "has not been trusted yet"
    raise NotTrusted(
        f"{repository.root} {what}",
        hint=f"see what would run, and agree: agentflow trust; in scripts --trust, or {VARIABLE}=1",
    )


def _content(path: Path) -> str:
    """By its hash; of package.json what decides which commands run, since versions change all the time."""
    try:
        content = read_file(path)
    except OSError as error:
        raise EnvironmentError_(f"{path} says what runs here, and cannot be read: {error.strerror}") from error
    if path.name == "package.json":
        with contextlib.suppress(ValueError, AttributeError):  # as it is then: npm cannot read it either
            content = json.dumps(json.loads(content).get("scripts"), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def _is_inside(source: str, root: Path) -> bool:
    return Path(source).is_absolute() and Path(source).is_relative_to(root)


def _relative(source: str, root: Path) -> str:
    return str(Path(source).relative_to(root))
