"""What cannot run is told from what fails, and what would help is named."""

import pytest

from agentflow.checks.doctor import blocked, lacking, obstacle_of, spare
from agentflow.domain.evidence import CheckResult, Obstacle


def result(command="pytest -q", exit_code=1, output="", **more):
    return CheckResult(command, exit_code, 1.0, output_tail=output, **more)


@pytest.mark.parametrize(
    ("seen", "what"),
    [
        (result("npm test", 127, "> thing@1 test\n> mocha\n\nsh: 1: mocha: not found"), "sh: 1: mocha: not found"),
        (result("./run", 126, "sh: ./run: Permission denied"), "sh: ./run: Permission denied"),
        (result("python -m pytest -q", 1, "/x/bin/python: No module named pytest"), "/x/bin/python: No module named pytest"),
        (result(exit_code=2, obstacle=Obstacle("no database")), "no database"),
        (result("npm test", 127), "exit status 127"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_is_said_in_the_programs_own_words(seen, what):
    assert obstacle_of(seen) == Obstacle(what)


@pytest.mark.parametrize(
    "seen",
    [
        result(output="1 failed"),
        result(exit_code=0),
        result(exit_code=None),
        result("python app.py", 1, "ModuleNotFoundError: No module named pytest"),
    ],
)
def test_what_fails_or_passes_has_no_obstacle(seen):
    assert obstacle_of(seen) is None
    assert blocked([seen]) == ()


def test_a_result_in_doubt_is_blocked_with_its_reasons():
    (one,) = blocked([result(exit_code=0, doubts=("app was loaded from /home/me/app",))])
    assert "cannot be believed here: app was loaded from /home/me/app" in one.why


@pytest.mark.parametrize(
    ("lost", "runs", "is_spare"),
    [
        ("tox", "python -m pytest -q", True),
        ("npm test", "python -m pytest -q", False),
        ("cd frontend && npm test", "npm test", False),
        ("npm --prefix frontend test", "cd frontend && npm run check", True),
        ("make test", "make check", False),
    ],
)
def test_only_a_check_that_another_of_its_language_and_folder_covers_is_spare(lost, runs, is_spare):
    results = [result(lost, 127), result(runs, 0)]
    found = blocked(results)
    assert spare(found, results) == (found if is_spare else ())


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("ModuleNotFoundError: No module named 'humanize._version'", "src/humanize/_version.py"),
        ("ImportError: cannot import name '_fast' from 'pkg' (/x/pkg/__init__.py)", "pkg/_fast.cpython-312-x86_64.so"),
        ("Error: Cannot find module './generated/schema'", "generated/schema.json"),
    ],
)
def test_an_ignored_file_that_a_failing_check_misses_is_named(output, name):
    ignored = [".env", "node_modules/generated/schema.js", ".venv/lib/humanize/_version.py", name]
    assert lacking([result(output=output)], ignored) == (name,)
    assert lacking([result(exit_code=0, output=output)], ignored) == ()
