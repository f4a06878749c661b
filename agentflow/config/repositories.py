"""What the user lets agentflow remember about single repositories: a file of its own beside the user's `config.yaml`.

A file of its own, since rewriting the one that a person wrote would lose their comments.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from agentflow.config.machine import make_folder, write_private
from agentflow.config.paths import config_dir
from agentflow.config.settings_file import Names, Network, Sandbox, as_lines
from agentflow.config.trust import main_checkout
from agentflow.config.validation import StrictModel, validate
from agentflow.config.yaml import Document, read_yaml

_HEAD = "# What agentflow remembers about your repositories, by their folder. Yours to change.\n"


class RepositoryFile(StrictModel):
    """Settings of one repository; see `SettingsFile` for what they mean."""

    setup: str | None = None
    sandbox: Sandbox | None = None
    network: Network | None = None
    check_env: Annotated[Names, BeforeValidator(as_lines)] = ()


class RepositoriesFile(StrictModel):
    repositories: dict[str, RepositoryFile] = Field(default_factory=dict)


def repositories_path() -> Path:
    return config_dir() / "repositories.yaml"


def remembered(root: Path) -> tuple[dict[str, Any], Document, str]:
    """The settings remembered for the repository at `root`, the document they stand in, and under which folder.

    A linked worktree goes by its main checkout where it has no entry. Raises UsageError for a file that is wrong.
    """
    path = repositories_path()
    document = read_yaml(path) if path.exists() else Document({}, str(path), {})
    known = validate(RepositoriesFile, document, document.source).repositories
    places = [str(place) for place in (root.resolve(), main_checkout(root.resolve())) if place]
    place = next((place for place in places if place in known), places[0])
    given = known.get(place)
    return (given.model_dump(mode="json", exclude_unset=True) if given else {}), document, place


def remember(root: Path, **settings: object) -> Path:
    """Keep these settings for the repository at `root`, beside what is remembered already. Returns the file."""
    import yaml

    before, document, place = remembered(root)
    known = dict(document.get("repositories") or {})
    known[place] = {**before, **settings}
    path = repositories_path()
    make_folder(path.parent)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    write_private(fresh, _HEAD + yaml.safe_dump({"repositories": known}, sort_keys=False))
    fresh.replace(path)
    return path
