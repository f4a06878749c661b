"""Checks that pass because they looked at nothing: no test, no file, every hook skipped."""

from __future__ import annotations

import re
from pathlib import Path

from agentflow.checks.runners.lines import mentions
from agentflow.checks.runners.package_scripts import expanded
from agentflow.checks.runners.reports import ran_nothing
from agentflow.checks.runners.runner import Ended, Report
from agentflow.checks.unheard import judging

#: What tools say that found no file to look at and exit 0 all the same.
_SAYS = (
    ("ruff", r"No (?:Python )?files (?:found )?(?:under|to|were)"),
    ("black", r"No Python files are present to be formatted|No Path provided"),
    ("isort", r"No valid (?:files|source)"),
    ("flake8", r"^0 files? checked"),
    ("pyright", r"No source files found"),
    ("rubocop", r"^0 files inspected"),
    ("go", r"matched no packages|no packages to (?:test|vet)"),
    ("eslint", r"(?:all|no) files matching .* (?:are ignored|were found)|^No files? (?:matching|to lint)"),
    ("prettier", r"No files matching the pattern|No parser could be inferred for any"),
    ("stylelint", r"All input files were ignored|No files matching"),
    ("biome", r"Checked 0 files"),
    ("oxlint", r"on 0 files"),
    ("markdownlint(?:-cli2)?", r"^Linting: 0 file"),
    ("cspell", r"Files checked: 0"),
    ("golangci-lint", r"no go files to analyze"),
    ("swiftlint", r"Found 0 violations, 0 serious in 0 files"),
    ("sqlfluff", r"0 files linted|No files found"),
    ("yamllint", r"no files? to lint"),
    ("shellcheck", r"No files specified"),
)
_TOOLS = tuple((name, re.compile(pattern, re.MULTILINE | re.IGNORECASE)) for name, pattern in _SAYS)
#: A hook's line in what pre-commit (and prek) prints.
_HOOK = re.compile(r"^.+?\.{3,}(?:\(.*\))?(Passed|Failed|Skipped)$", re.MULTILINE)
_NO_CHANGE = re.compile(
    r"could not find any staged files|No staged files (?:found|match)"
    r"|No files? (?:found )?matching the (?:diff|configured)|could not find any .*files matching",
    re.IGNORECASE,
)


def examined_nothing(command: str, ended: Ended, report: Report | None) -> bool:
    """Whether a check ended without a test or a file to look at, by its report or by what its tool says.

    Of a line with several commands only their tests tell: one may have had enough for all.
    """
    if ran_nothing(command, ended, report):
        return True
    if ended.exit_code != 0 or report is not None:
        return False
    line = expanded(command, ended.worktree or Path())
    said = any(mentions(line, name) and pattern.search(ended.output) for name, pattern in _TOOLS)
    return said and len(judging(command)) == 1


def looked_at_no_change(output: str) -> bool:
    """Whether a tool that is given the files of a change (pre-commit, lint-staged) had none to look at."""
    hooks = _HOOK.findall(output)
    return (bool(hooks) and set(hooks) == {"Skipped"}) or bool(_NO_CHANGE.search(output))
