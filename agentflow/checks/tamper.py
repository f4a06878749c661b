"""The tamper guard: changes outside a subtask's write scope, above all to what judges the work."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from agentflow.domain.attempts import Outcome, Verdict
from agentflow.domain.evidence import Change
from agentflow.domain.scope import matches_scope

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

#: Git's ignore patterns for single test modules: they hold their own tests and no one else's.
TEST_MODULES = (
    "test_*.py", "*_test.py", "tests.py", "*_test.go", "*Test.java", "*Tests.java", "*Test.kt", "*_spec.rb",
    "*.test.js", "*.test.jsx", "*.test.ts", "*.test.tsx", "*.test.mjs", "*.test.cjs",
    "*.spec.js", "*.spec.jsx", "*.spec.ts", "*.spec.tsx", "*.spec.mjs", "*.spec.cjs",
)  # fmt: skip

#: What tests share: folders of tests with their data, snapshots, fixtures.
SHARED_TEST_CODE = ("tests/", "test/", "__tests__/", "__snapshots__/", "spec/", "testdata/", "conftest.py")

#: Everything else that decides whether work counts as proven: CI, test, lint and type settings.
JUDGES = (
    "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "tox.toml", "setup.cfg", "noxfile.py", "pyproject.toml",
    "package.json", "jest.config.*", "vitest.config.*", "playwright.config.*", "karma.conf.*", ".mocharc*",
    ".github/", ".gitlab-ci.yml", ".gitlab/", ".circleci/", ".buildkite/", ".ci/", "Jenkinsfile", ".travis.yml",
    "azure-pipelines*.yml", "bitbucket-pipelines.yml", "appveyor.yml", ".pre-commit-config.yaml",
    "ruff.toml", ".ruff.toml", ".flake8", ".pylintrc", "pylintrc", "mypy.ini", ".mypy.ini", "pyrightconfig.json",
    ".importlinter", ".eslintrc*", "eslint.config.*", ".eslintignore", "biome.json*", ".prettierrc*", "tsconfig*.json",
    "clippy.toml", ".clippy.toml", "rustfmt.toml", ".rustfmt.toml", ".golangci.*",
    "codecov.yml", ".codecov.yml", ".coveragerc", "sitecustomize.py", "usercustomize.py",
    ".gitmodules", ".gitattributes", "/Makefile", "/makefile", "/GNUmakefile",
)  # fmt: skip


def is_test_module(path: str) -> bool:
    """Whether the path is a single test module by its name."""
    return _spec(TEST_MODULES).match_file(path)


def is_test_code(path: str) -> bool:
    """Whether the path is a test module, or what tests share."""
    return _spec(TEST_MODULES + SHARED_TEST_CODE).match_file(path)


def is_judge(path: str) -> bool:
    """Whether the path decides over proof: tests, CI, test, lint and type settings."""
    return _spec(TEST_MODULES + SHARED_TEST_CODE + JUDGES).match_file(path)


def scope_verdict(changes: Sequence[Change], files: Sequence[str]) -> Verdict | None:
    """None when every change is inside the write scope `files`.

    Otherwise `tampered` when a change outside it touches what judges the work or swaps a file for a link or a
    repository (git's type change), else `out_of_scope`.
    """
    outside = [change for change in changes if not matches_scope(change.path, files)]
    if not outside:
        return None
    tampered = [change for change in outside if change.status == "T" or is_judge(change.path)]
    if tampered:
        reason = f"changed what judges the work, outside the subtask's files: {_paths(tampered)}"
        return Verdict(Outcome.TAMPERED, reason, _digest(outside, files))
    return Verdict(
        Outcome.OUT_OF_SCOPE, f"changed outside the subtask's files: {_paths(outside)}", _digest(outside, files)
    )


def _paths(changes: Sequence[Change], most: int = 5) -> str:
    shown = ", ".join(readable(change.path) for change in changes[:most])
    return shown if len(changes) <= most else f"{shown} and {len(changes) - most} more"


def _digest(outside: Sequence[Change], files: Sequence[str]) -> str:
    lines = [
        f"This subtask may only change: {', '.join(files) or 'nothing'}.",
        "The last attempt also changed the paths below. Leave them exactly as they are at the base commit:",
        *(f"- {readable(change.path)} ({_WORDS.get(change.status, 'changed')})" for change in outside[:40]),
    ]
    if len(outside) > 40:
        lines.append(f"- and {len(outside) - 40} more")
    return "\n".join(lines)


_WORDS = {"A": "added", "D": "deleted", "M": "modified", "T": "type changed"}


def readable(text: str) -> str:
    """One line without control characters, for names that repositories and tests make up."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


@cache
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)
