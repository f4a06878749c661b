"""Trust: before anything of a repository runs here, its user is shown what would, and says yes.

The yes is for what decides what runs, by its content. When a pull, or a run that was applied, changes that, it is asked
again. Tests and code change all the time and are not part of it: the sandbox is what stands around those.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agentflow.checks.runners.discovery import discover
from agentflow.config.consents import consents_to
from agentflow.config.reading import read_file
from agentflow.config.settings import Settings, repository_config
from agentflow.domain.agents import Agent
from agentflow.domain.evidence import Check
from agentflow.errors import EnvironmentError_
from agentflow.git.repository import Repository

#: Answers the question for scripts and CI: any value but an empty one.
VARIABLE = "AGENTFLOW_TRUST"
#: Files at the top of a repository in which the commands of checks say what they start.
_DEFINITIONS = (
    "Makefile", "GNUmakefile", "makefile", "package.json", "tox.ini", "tox.toml", "noxfile.py", "justfile", "Justfile",
)  # fmt: skip
#: Where a repository defines agents, by file names of theirs.
_AGENTS = (".agentflow/agents/*.yaml", ".agentflow/agents/*.md")


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
    discovered = discover(root).checks
    checks = settings.checks if settings.checks is not None else tuple(check.command for check in discovered)
    own = {name: _relative(agent.source, root) for name, agent in agents.items() if _is_inside(agent.source, root)}
    files = _deciding(root, discovered)
    return WhatRuns(settings.setup, checks, own, tuple(files), _digest(discovered, files))


def agreement(repository: Repository) -> str:
    """The digest of what decides what runs in the checkout as it is now, see `WhatRuns`."""
    discovered = discover(repository.root).checks
    return _digest(discovered, _deciding(repository.root, discovered))


def require_trust(repository: Repository, agreed: str = "") -> None:
    """Raises NotTrusted unless the user, or who set AGENTFLOW_TRUST, agreed to what runs here as it is now.

    `agreed`: the digest that they agreed to for a run, when it was begun.
    """
    if os.environ.get(VARIABLE):
        return
    given = (*consents_to(repository.common_dir), *([agreed] if agreed else []))
    if agreement(repository) in given:
        return
    what = "has changed what it runs here since it was trusted" if given else "has not been trusted yet"
    raise NotTrusted(
        f"{repository.root} {what}",
        hint=f"see what would run, and agree: agentflow trust; in scripts --trust, or {VARIABLE}=1",
    )


def agents_are_agreed(repository: Repository, root: Path) -> bool:
    """Whether the agents that are defined below `root` may be used: there are none, or the user agreed to them.

    `root` is the checkout, or a folder with files of a commit: those agents have to be the checkout's, to the byte.
    """
    theirs = _agents(root)
    if not theirs or os.environ.get(VARIABLE):
        return True
    return theirs == _agents(repository.root) and agreement(repository) in consents_to(repository.common_dir)


def _deciding(root: Path, discovered: Collection[Check]) -> dict[str, str]:
    """The files that decide which commands run, and what agents are told, by relative path: hashes of their content.

    Tests, and configuration that only code reads, are none of them: what they may do, the sandbox decides.
    """
    members = (check.source.partition(" ")[0] for check in discovered if "package.json" in check.source)
    named = [repository_config(root), *(root / name for name in dict.fromkeys((*_DEFINITIONS, *members)))]
    return {_relative(str(path), root): _content(path) for path in named if path.is_file()} | _agents(root)


def _agents(root: Path) -> dict[str, str]:
    found = sorted(path for pattern in _AGENTS for path in root.glob(pattern) if path.is_file())
    return {_relative(str(path), root): _content(path) for path in found}


def _digest(discovered: Collection[Check], files: Mapping[str, str]) -> str:
    told = json.dumps([[check.command for check in discovered], files], sort_keys=True)
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()


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
