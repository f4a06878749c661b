"""A task that comes on stdin: a person's words after a slash command, which no shell may take apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentflow.errors import UsageError
from agentflow.report.streams import all_of_stdin

_OPTION = re.compile(r"--(budget|plan)[ =](\S+)\s+")


@dataclass(frozen=True, slots=True)
class Typed:
    """What is to be done: a task, or a plan by its name; `budget` in USD."""

    task: str | None
    budget: float | None = None
    plan: str | None = None


def typed(given: Typed) -> Typed:
    """The task `-` stands for what is on stdin; `--budget USD` and `--plan NAME` before it are options there too.

    Anything else stays as given. Raises UsageError for a budget that is none.
    """
    if given.task != "-":
        return given
    text, options = all_of_stdin().strip() + "\n", dict[str, str]()
    while option := _OPTION.match(text):
        text, options[option[1]] = text[option.end() :], option[2]
    budget = _usd(options["budget"]) if "budget" in options else given.budget
    return Typed(text.strip() or None, budget, options.get("plan", given.plan))


def _usd(text: str) -> float:
    try:
        usd = float(text.removeprefix("$"))
    except ValueError:
        usd = 0.0
    if not 0.01 <= usd < float("inf"):
        raise UsageError(f"--budget {text}: not an amount of USD", hint="--budget 2 TASK")
    return usd
