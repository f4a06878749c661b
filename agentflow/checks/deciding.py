"""What of a repository decides what runs here, as one digest by content, and whether the user agreed to it.

The yes is for the commands of checks, the files in which those say what they start, and what agents are told. Tests and
code change all the time and are not part of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from agentflow.checks.runners.discovery import discover
from agentflow.checks.runners.package_scripts import members_of
from agentflow.config.consents import consents_to
from agentflow.config.reading import read_file
from agentflow.config.settings import repository_config
from agentflow.domain.evidence import Check
from agentflow.errors import EnvironmentError_

#: Answers the question for scripts and CI: any value but an empty one.
VARIABLE = "AGENTFLOW_TRUST"
#: Files beside which checks are found, in which the commands of checks say what they start.
_DEFINITIONS = (
    "Makefile", "GNUmakefile", "makefile", "package.json", "tox.ini", "tox.toml", "noxfile.py", "justfile", "Justfile",
)  # fmt: skip
#: Where a repository defines agents, by file names of theirs.
_AGENTS = (".agentflow/agents/*.yaml", ".agentflow/agents/*.md")


def agreement(root: Path) -> str:
    """The digest of what decides what runs in the checkout at `root` as it is now."""
    discovered = discover(root).checks
    return digest_of(discovered, deciding(root, discovered))


def is_agreed(root: Path, common_dir: Path, agreed: str = "") -> bool:
    """Whether the user, or who set AGENTFLOW_TRUST, agreed to what runs in the checkout at `root` as it is now.

    `agreed`: a digest that they agreed to besides, for one run.
    """
    if os.environ.get(VARIABLE):
        return True
    return agreement(root) in {*consents_to(common_dir), *([agreed] if agreed else [])}


def deciding(root: Path, discovered: Collection[Check]) -> dict[str, str]:
    """The files that decide which commands run, and what agents are told, by relative path: hashes of their content.

    Tests, and configuration that only code reads, are none of them: what they may do, the sandbox decides.
    """
    named = [
        repository_config(root),
        *(folder / name for folder in _folders(root, discovered) for name in _DEFINITIONS),
    ]
    return {_relative(path, root): _content(path) for path in named if path.is_file()} | agents_below(root)


def _folders(root: Path, discovered: Collection[Check]) -> list[Path]:
    """The repository's own, those of its projects with checks, and the packages of workspaces: scripts start theirs."""
    projects = [root, *(root / above for check in discovered for above in PurePosixPath(check.source).parents)]
    packages = (project / name for project in dict.fromkeys(projects) for name in members_of(project))
    return list(dict.fromkeys([*projects, *packages]))


def agents_below(root: Path) -> dict[str, str]:
    """Of `deciding`, the agents."""
    found = sorted(path for pattern in _AGENTS for path in root.glob(pattern) if path.is_file())
    return {_relative(path, root): _content(path) for path in found}


def digest_of(discovered: Collection[Check], files: Mapping[str, str]) -> str:
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


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root))
