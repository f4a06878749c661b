"""What cannot run is told from what fails, and what would help is named."""

from pathlib import Path

import pytest

from agentflow.checks.doctor import better_place, blocked, compiled, lacking, missed, spare
from agentflow.domain.evidence import CheckResult, Obstacle, TestOutcomes


def result(command="pytest -q", exit_code=1, output="", **more):
    return CheckResult(command, exit_code, 1.0, output_tail=output, **more)


def test_what_stands_in_the_way_is_said_and_what_fails_or_passes_is_not_blocked():
    (one,) = blocked([result(exit_code=2, obstacle=Obstacle("no database", "make db"))])
    assert (one.why, one.setup) == ("cannot run here: no database", "make db")
    assert blocked([result(output="1 failed"), result(exit_code=0), result(exit_code=None)]) == ()


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
    results = [result(lost, 127, obstacle=Obstacle("it is not installed")), result(runs, 0)]
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


def test_a_module_built_in_place_is_known_by_its_source():
    ignored = [
        "src/pkg/_fast.cpython-312-x86_64-linux-gnu.so",
        "build/lib/pkg/_fast.so",
        ".venv/lib/_fast.so",
        "pkg/_other.so",
    ]
    assert compiled(ignored, ["src/pkg/_fast.c"]) == ("src/pkg/_fast.cpython-312-x86_64-linux-gnu.so",)


@pytest.mark.parametrize(
    ("command", "failed", "worktree", "root", "place"),
    [
        ("npm test", ("a::t",), "/home/me/.cache/agentflow/w", "/home/me/code/app", "/home/me/code/agentflow-cache"),
        ("npm test", (), "/home/me/.cache/agentflow/w", "/home/me/code/app", None),
        ("pytest", ("a::t",), "/home/me/.cache/agentflow/w", "/home/me/code/app", None),
        ("npm test", ("a::t",), "/home/me/Library/Caches/agentflow/w", "/home/me/code/app", None),
        ("npm test", ("a::t",), "/home/me/.cache/agentflow/w", "/home/me/.config/app", None),
    ],
)
def test_tests_on_node_that_may_fail_for_a_hidden_folder_have_a_better_place(command, failed, worktree, root, place):
    seen = result(command, tests=TestOutcomes(failed=failed))
    assert better_place([seen], Path(worktree), Path(root)) == (place and Path(place))


def test_files_that_a_failing_check_misses_in_its_worktree_are_known_by_their_names(tmp_path):
    (tmp_path / "proof-1/node_modules").mkdir(parents=True)
    (tmp_path / "proof-1/node_modules/a.js").touch()
    said = f"""Error: Cannot find module '{tmp_path}/proof-1/dist/index.js'
    at {tmp_path}/proof-1/node_modules/a.js:3:1
    ENOENT: no such file or directory, open "{tmp_path}/proof-1/dist/index.js"
    see /elsewhere/proof-1/dist/other.js, {tmp_path}/log"""
    assert missed(result("npm test", output=said), tmp_path) == ("dist/index.js",)
    assert missed(result("npm test", exit_code=0, output=said), tmp_path) == ()
