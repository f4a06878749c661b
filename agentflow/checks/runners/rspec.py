"""RSpec: its own JSON formatter, asked for by SPEC_OPTS."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from agentflow.checks.junit import read_untrusted
from agentflow.checks.runners.files import walk
from agentflow.checks.runners.lines import calls, with_files
from agentflow.checks.runners.runner import Ended, Invocation, Report, Runner
from agentflow.checks.runners.tally import Tally
from agentflow.domain.evidence import Check, Obstacle

_REPORT = "rspec.json"
_OUTCOMES = {"passed": "passed", "failed": "failed", "pending": "skipped"}
_LOADING = re.compile(r"error occurred while loading (\S+?)\.?$", re.MULTILINE)

_NO_GEMS = re.compile(
    r"Could not find \S+ in (?:any of the sources|locally installed gems|rubygems)|bundler: command not found"
    r"|Bundler::GemNotFound|Run `bundle install`"
)


def _detect(folder: Path) -> Iterator[Check]:
    source = (
        ".rspec"
        if (folder / ".rspec").is_file()
        else next((str((place / file).relative_to(folder)) for place, file in _specs(folder / "spec")), "")
    )
    if source:
        yield Check("bundle exec rspec" if (folder / "Gemfile").is_file() else "rspec", source)


def _specs(folder: Path) -> Iterator[tuple[Path, str]]:
    return ((place, file) for place, files in walk(folder) for file in files if file.endswith("_spec.rb"))


def _reporting(invocation: Invocation, folder: Path) -> Invocation:
    """Formatters in SPEC_OPTS take the place of all others, so the one for people is named as well.

    SPEC_OPTS has the last word: with it no example hides those after it.
    """
    own = invocation.env.get("SPEC_OPTS", "")
    shown = "" if "-f" in own else "--format progress"
    options = f"{own} --no-fail-fast {shown} --format json --out {shlex.quote(str(folder / _REPORT))}".strip()
    return replace(invocation, env={**invocation.env, "SPEC_OPTS": options})


class _Failure(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    kind: str = Field(default="", alias="class")
    message: str = ""
    backtrace: list[str] | None = None


class _Example(BaseModel):
    full_description: str
    status: str
    file_path: str
    exception: _Failure | None = None


class _Document(BaseModel):
    examples: list[_Example]
    messages: list[str] = []


def _read(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    try:
        document = _Document.model_validate_json(read_untrusted(folder / _REPORT))
    except (OSError, ValueError):
        return None
    tally = Tally(worktree)
    for example in document.examples:
        error = example.exception or _Failure()
        frames = [frame for frame in error.backtrace or () if "/gems/" not in frame][:5]
        account = "\n".join(filter(None, (error.kind, error.message.strip(), *frames)))
        test = f"{tally.placed(example.file_path)}::{example.full_description}"
        tally.saw(test, _OUTCOMES.get(example.status, "skipped"), error.message, account)
    for message in document.messages:
        for file in _LOADING.findall(message):
            tally.saw(tally.placed(file), "failed", "", message)
    return tally.report()


def _obstacle(ended: Ended) -> Obstacle | None:
    output = ended.output
    if _NO_GEMS.search(output):
        return Obstacle("gems are not installed", "bundle install")
    if found := re.search(r"Your Ruby version is (\S+?), but your Gemfile specified (\S+)", output):
        return Obstacle(f"the Ruby version does not fit: {found[2]} is needed, {found[1]} is there")
    if found := re.search(r"cannot load such file -- ([\w-]+)(?=$|[\s)])", output):
        return Obstacle(f"the gem {found[1]} is not installed")
    return None


RUNNER = Runner(
    name="rspec",
    detect=_detect,
    runs=calls("rspec"),
    reporting=_reporting,
    read=_read,
    ran_nothing=lambda ended: bool(re.search(r"^0 examples, 0 failures$", ended.output, re.MULTILINE)),
    obstacle=_obstacle,
    narrowed=with_files,
)
