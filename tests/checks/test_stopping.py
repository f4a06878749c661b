"""A known failure hides nothing behind it: a check goes on to its end, or is known not to."""

import pytest

from agentflow.checks.runners.runner import Ended, Report
from agentflow.checks.stopping import stopped_early
from agentflow.domain.evidence import TestOutcomes

FAILS_FIRST = {"test_a.py": "def test_known(): assert 0\ndef test_behind(): assert 0\ndef test_fine(): pass\n"}
UNIT = {
    "test_a.py": "import unittest\nclass T(unittest.TestCase):\n"
    "    def test_a(self): self.fail()\n    def test_b(self): self.fail()\n    def test_c(self): pass\n"
}


@pytest.mark.parametrize(
    ("command", "files", "env"),
    [
        ("python -m pytest -q -x", {}, {}),
        ("python -m pytest -q --maxfail 1", {}, {}),
        ("python -m pytest -q --stepwise", {}, {}),
        ("python -m pytest -q", {"pytest.ini": "[pytest]\naddopts = -x\n"}, {}),
        (
            "python -m pytest -q",
            {"pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['--exitfirst', '--sw']\n"},
            {},
        ),
        ("python -m pytest -q", {"tox.ini": "[pytest]\naddopts = --maxfail=1\n"}, {}),
        ("python -m pytest -q", {}, {"PYTEST_ADDOPTS": "-x"}),
        ("make test", {"Makefile": "test:\n\tpython -m pytest -q -x\n"}, {}),
    ],
)
def test_pytest_goes_on_whatever_tells_it_to_stop(repo, command, files, env):
    repo.write({**FAILS_FIRST, **files})
    result = repo.check(command, retry=False, **env)
    assert (len(result.tests.failed), len(result.tests.passed), result.partial) == (2, 1, "")


@pytest.mark.parametrize("option", ["-f", "--failfast"])
def test_unittest_goes_on_too(repo, option):
    repo.write(UNIT)
    result = repo.check(f"python -m unittest {option}", retry=False)
    assert (len(result.tests.failed), len(result.tests.passed), result.partial) == (2, 1, "")


SOME = Report(TestOutcomes(failed=("t::a",)))


@pytest.mark.parametrize(
    ("line", "files", "report"),
    [
        ("npx ava --fail-fast", {}, None),
        ("vendor/bin/phpunit --stop-on-failure", {}, SOME),
        ("vendor/bin/phpunit", {"phpunit.xml": '<phpunit stopOnFailure="true">'}, SOME),
        ("npx playwright test -x", {}, None),
        ("npx playwright test --max-failures=1", {}, None),
        ("npx playwright test", {"playwright.config.ts": "export default { maxFailures: 1 }"}, None),
        ("pre-commit run --all-files", {".pre-commit-config.yaml": "fail_fast: true\nrepos: []\n"}, None),
        ("trial -x tests", {}, None),
        ("mvn -ff test", {}, SOME),
        ("./gradlew test", {"build.gradle": "test { failFast = true }"}, SOME),
        ("npm test", {"package.json": '{"scripts": {"test": "tap --bail"}}'}, None),
        ("ruff check . && mypy .", {}, None),
        ("pytest tests/a && pytest tests/b", {}, SOME),
        ("set -e; ./lint; ./test", {}, None),
    ],
)
def test_what_cannot_be_told_to_go_on_is_known_to_be_partial(tmp_path, line, files, report):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert stopped_early(line, tmp_path, Ended(1, ""), report)
    assert not stopped_early(line, tmp_path, Ended(0, ""), report)


@pytest.mark.parametrize(
    ("line", "report"),
    [
        ("pytest -x", SOME), ("npx jest --bail", SOME), ("go test -failfast ./...", SOME), ("cargo test", SOME),
        ("cd app && pytest -q", SOME), ("cmake -S . -B b && cmake --build b && ctest --test-dir b", SOME),
        ("./check --bail=0", None), ("./check", None),
    ],
)  # fmt: skip
def test_what_comes_to_its_end_is_not_partial(tmp_path, line, report):
    assert stopped_early(line, tmp_path, Ended(1, ""), report) == ""
