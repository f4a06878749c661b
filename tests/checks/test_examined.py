"""Checks that look at nothing do not pass; tools for a commit's files are given those of the change."""

import subprocess
from pathlib import Path

import pytest

from agentflow.checks.examined import examined_nothing, looked_at_no_change
from agentflow.checks.runners import hooks
from agentflow.checks.runners.runner import Ended, Invocation


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("ruff check src", "warning: No Python files found under the given path(s)\nAll checks passed!"),
        ("black --check .", "No Python files are present to be formatted. Nothing to do \U0001f634"),
        ("bundle exec rubocop", "Inspecting 0 files\n\n0 files inspected, no offenses detected"),
        ("go vet ./...", 'go: warning: "./..." matched no packages'),
        ("npx biome check", "Checked 0 files in 3ms. No fixes applied."),
        ("npx markdownlint-cli2 '**/*.md'", "Finding: **/*.md\nLinting: 0 file(s)\nSummary: 0 error(s)"),
        ("npx cspell .", "CSpell: Files checked: 0, Issues found: 0"),
        ("npx oxlint", "Found 0 warnings and 0 errors.\nFinished in 2ms on 0 files"),
    ],
)
def test_a_tool_that_found_no_file_has_examined_nothing(command, says):
    assert examined_nothing(command, Ended(0, says), None)
    assert not examined_nothing(f"{command} && ./more", Ended(0, says), None)
    assert not examined_nothing("./other", Ended(0, says), None)


@pytest.mark.parametrize(
    ("says", "none"),
    [
        ("ruff.....................(no files to check)Skipped\nmypy....(no files to check)Skipped", True),
        ("ruff.....................(no files to check)Skipped\nmypy....................Passed", False),
        ("mypy............................................Failed\n- hook id: mypy", False),
        ("→ lint-staged could not find any staged files.", True),
        ("→ No staged files match any configured task.", True),
        ("3 passed", False),
    ],
)
def test_hooks_that_were_all_skipped_looked_at_no_change(says, none):
    assert looked_at_no_change(says) is none


@pytest.mark.parametrize(
    ("program", "arguments", "given"),
    [
        ("pre-commit", "run", "run --from-ref base --to-ref head"),
        ("pre-commit", "run ruff -v", "run ruff -v --from-ref base --to-ref head"),
        ("prek", "run", "run --from-ref base --to-ref head"),
        ("pre-commit", "run --all-files", "run --all-files"),
        ("pre-commit", "run --files a.py", "run --files a.py"),
        ("pre-commit", "install", "install"),
        ("node", "/x/node_modules/.bin/lint-staged --quiet", "/x/node_modules/.bin/lint-staged --quiet --diff=base...head"),
        ("node", "/x/node_modules/.bin/lint-staged --diff=a", "/x/node_modules/.bin/lint-staged --diff=a"),
        ("node", "app.js run", "app.js run"),
    ],
)  # fmt: skip
def test_tools_for_staged_files_are_given_the_files_of_the_change(tmp_path, program, arguments, given):
    bin_, reports = tmp_path / "bin", tmp_path / "reports"
    bin_.mkdir()
    for name in ("pre-commit", "prek", "node"):
        (bin_ / name).write_text('#!/bin/sh\necho "$@"\n')
        (bin_ / name).chmod(0o755)
    asked = Invocation("x", {"PATH": f"{bin_}:/usr/bin:/bin"}, Path(), ("base", "head"))
    for runner in (hooks.PRE_COMMIT, hooks.LINT_STAGED):
        folder = reports / runner.name
        folder.mkdir(parents=True)
        asked = runner.reporting(asked, folder)
    ran = subprocess.run(
        ["sh", "-c", f"{program} {arguments}"], env=asked.env, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == given
