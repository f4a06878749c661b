"""What counts as deciding what runs in a repository, by content."""

from __future__ import annotations

import json

import pytest

from agentflow.checks.deciding import VARIABLE, agreement, is_agreed
from agentflow.config.consents import consent, withdraw

FILES = {
    "a.py": "a = 1\n",
    "Makefile": "test:\n\tpython -m pytest\n",
    "pyproject.toml": "[tool.pytest.ini_options]\n",
    "tests/test_a.py": "def test_a(): pass\n",
    "package.json": json.dumps({"version": "1.0.0", "scripts": {"test": "mocha"}, "workspaces": ["web"]}),
    "my app/package.json": json.dumps({"scripts": {"test": "mocha"}}),
    "my app/package-lock.json": "{}",
    "web/package.json": json.dumps({"name": "web", "version": "1.0.0", "scripts": {"test": "vitest run"}}),
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository that its user agreed to."""
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv(VARIABLE, raising=False)
    put(tmp_path / "repo", FILES)
    consent(tmp_path / "git", agreement(tmp_path / "repo"))
    return tmp_path / "repo"


def put(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    "files",
    [
        {"Makefile": "test:\n\ttrue\n"},
        {"GNUmakefile": "test:\n\ttrue\n"},
        {"justfile": "test:\n  true\n"},
        {"package.json": FILES["package.json"].replace("mocha", "true")},
        {"web/package.json": FILES["web/package.json"].replace("vitest run", "true")},
        {"my app/package.json": '{"scripts": {"test": "true"}}'},
        {"tox.ini": "[testenv]\n"},
        {"noxfile.py": "import nox\n"},
        {".agentflow/config.yaml": "checks: ['true']\n"},
        {".agentflow/config.yaml": "setup: make\n"},
        {".agentflow/agents/judge.yaml": "name: judge\n"},
        {".agentflow/agents/judge.md": "---\nname: judge\n---\n"},
        {"go.mod": "module x\n", "a_test.go": "package x\n"},
    ],
    ids=lambda files: next(iter(files)),
)
@pytest.mark.security("T6")
def test_a_change_of_what_decides_is_not_agreed_to_until_it_is_taken_back(root, files):
    put(root, files)
    assert not is_agreed(root, root.parent / "git")
    for name in files:
        (root / name).unlink()
    put(root, FILES)
    assert is_agreed(root, root.parent / "git")


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "a = 2\n"},
        {"tests/test_a.py": "def test_a(): assert 0\n"},
        {"tests/conftest.py": "import os\n"},
        {"package.json": FILES["package.json"].replace("1.0.0", "1.0.1")},
        {"README.md": "text\n"},
    ],
    ids=lambda files: next(iter(files)),
)
@pytest.mark.security("L9")
def test_code_and_tests_are_agreed_to_with_it(root, files):
    put(root, files)
    assert is_agreed(root, root.parent / "git")


@pytest.mark.security("T6")
def test_a_project_in_a_folder_says_what_it_starts_there(tmp_path):
    put(tmp_path, {"my lib/tox.ini": "[testenv]\ncommands = true\n", "my lib/setup.py": ""})
    before = agreement(tmp_path)
    put(tmp_path, {"my lib/tox.ini": "[testenv]\ncommands = false\n"})
    assert agreement(tmp_path) != before


def test_another_repository_and_one_whose_agreement_was_taken_back_are_not(root, monkeypatch):
    assert not is_agreed(root, root.parent / "other")
    withdraw(root.parent / "git")
    assert not is_agreed(root, root.parent / "git")
    assert is_agreed(root, root.parent / "git", agreement(root))
    monkeypatch.setenv(VARIABLE, "1")
    assert is_agreed(root, root.parent / "git")
