import json
import shutil

import pytest

from agentflow.checks.discover import discover_checks

PYTHON = "python" if shutil.which("python") else "python3"
PYTEST = f"{PYTHON} -m pytest -q"
NPM = json.dumps({"scripts": {"test": "vitest run"}})


@pytest.mark.parametrize(
    ("files", "command", "source"),
    [
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, PYTEST, "pyproject.toml [tool.pytest.ini_options]"),
        ({"pyproject.toml": "[tool.pytest]\nverbosity = 1"}, PYTEST, "pyproject.toml [tool.pytest]"),
        ({"pytest.ini": ""}, PYTEST, "pytest.ini"),
        ({"tox.ini": "[tox]\n[pytest]\n"}, PYTEST, "tox.ini [pytest]"),
        ({"setup.cfg": "[tool:pytest]\n"}, PYTEST, "setup.cfg [tool:pytest]"),
        ({"tests/test_a.py": "def test_a(): pass"}, PYTEST, "tests/test_a.py"),
        ({"tests/unit/test_a.py": "import pytest"}, PYTEST, "tests/unit/test_a.py"),
        (
            {"test_a.py": "import unittest\nclass A(unittest.TestCase): ..."},
            f"{PYTHON} -m unittest discover",
            "test_a.py",
        ),
        ({"tests/test_a.py": "import unittest"}, f"{PYTHON} -m unittest discover -s tests", "tests/test_a.py"),
        (
            {"tests/__init__.py": "", "tests/test_a.py": "import unittest"},
            f"{PYTHON} -m unittest discover",
            "tests/test_a.py",
        ),
        ({"tox.ini": "[testenv]\ncommands = x"}, "tox", "tox.ini [testenv]"),
        ({"noxfile.py": ""}, "nox", "noxfile.py"),
        ({"package.json": NPM}, "npm test", "package.json scripts.test"),
        ({"package.json": NPM, "pnpm-lock.yaml": ""}, "pnpm test", "package.json scripts.test"),
        ({"package.json": NPM, "yarn.lock": ""}, "yarn test", "package.json scripts.test"),
        ({"Cargo.toml": ""}, "cargo test", "Cargo.toml"),
        ({"go.mod": ""}, "go test ./...", "go.mod"),
        ({"Makefile": "lint test: build\n\ttrue\n"}, "make test", "Makefile target test"),
    ],
)
def test_the_check_of_a_repository_and_why_it_was_chosen(write, files, command, source):
    (check,) = discover_checks(write(files))
    assert (check.command, check.source) == (command, source)


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "nothing to test"},
        {"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'},
        {"package.json": '{"scripts": {"build": "x"}}'},
        {"package.json": "{ broken"},
        {"package.json": "[" * 100_000},
        {"pyproject.toml": "tool = 3"},
        {"pyproject.toml": "[tool.pytest"},
        {"setup.cfg": "no section"},
        {"Makefile": "test := value\ntests:\n\ttrue\n"},
        {".venv/lib/test_a.py": "def test_a(): pass", "node_modules/x/test_b.py": "import pytest"},
        {"tests/test_data.py": "VALUES = [1]"},
    ],
)
def test_nothing_is_invented_where_there_is_no_check(write, files):
    assert discover_checks(write(files)) == ()


def test_a_polyglot_repository_has_one_check_per_language(write):
    root = write({"pytest.ini": "", "package.json": NPM, "Cargo.toml": "", "go.mod": "", "Makefile": "test:\n"})
    assert [c.command for c in discover_checks(root)] == [PYTEST, "npm test", "cargo test", "go test ./..."]


def test_a_checkout_with_a_virtualenv_is_checked_with_its_python(write):
    root = write({"pytest.ini": "", ".venv/bin/python": ""})
    assert discover_checks(root)[0].command == "python -m pytest -q"
