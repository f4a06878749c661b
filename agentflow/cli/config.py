"""`agentflow config`: what a run here would go by, and which file says so."""

from __future__ import annotations

import json as jsonlib
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentflow.cli import options

if TYPE_CHECKING:
    from agentflow.config.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Show settings and where they come from.")


@app.command()
def show(
    origin: Annotated[bool, typer.Option("--origin", help="Say which layer set each value.")] = False,
    json: options.Json = False,
) -> None:
    """Show the settings of this folder: environment, repository, user and defaults joined."""
    from agentflow.config.paths import here, repository_root
    from agentflow.config.settings import load_settings, settings_data
    from agentflow.report import term

    settings = load_settings(repository_root(here()), {}, os.environ)
    values = settings_data(settings)
    term.data(_document(settings, values, origin) if json else _lines(settings, values, origin))


@app.command()
def path() -> None:
    """Print the user's and the repository's config file; they need not exist."""
    from agentflow.config.paths import here, repository_root
    from agentflow.config.settings import repository_config, user_config
    from agentflow.report import term

    repository = repository_root(here())
    files = [user_config(), *([repository_config(repository)] if repository else [])]
    term.data("\n".join(str(file) for file in files))


def _lines(settings: Settings, values: dict[str, Any], origin: bool) -> str:
    lines = [f"{key}: {jsonlib.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    if not origin:
        return "\n".join(lines)
    width = max(len(line) for line in lines)
    origins = (settings.origins[key] for key in values)
    return "\n".join(f"{line.ljust(width)}  # {source}" for line, source in zip(lines, origins, strict=True))


def _document(settings: Settings, values: dict[str, Any], origin: bool) -> str:
    document = {"schema": "agentflow/config/1", "settings": values}
    if origin:
        document["origins"] = {key: settings.origins[key] for key in values}
    return jsonlib.dumps(document, indent=2, ensure_ascii=False)
