import pytest

from agentflow.domain.evidence import TestOutcomes

#: Counts its runs in a file beside the repository's own.
COUNTER = """
import pathlib
runs = pathlib.Path("runs")
def count():
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    return len(runs.read_text())
"""


def runs(repo) -> int:
    return len((repo.root / "runs").read_text())


def test_a_passing_check_runs_once(repo):
    repo.write({"test_a.py": COUNTER + "def test_a(): count()"})
    result = repo.check()
    assert result.passed
    assert result.tests == TestOutcomes(passed=("test_a.py::test_a",))
    assert runs(repo) == 1


def test_a_test_that_fails_once_is_flaky_and_the_check_passes(repo):
    repo.write({"test_a.py": COUNTER + "def test_a(): assert count() > 1\ndef test_b(): pass"})
    result = repo.check()
    assert result.exit_code == 0
    assert result.flaky == ("test_a.py::test_a",)
    assert set(result.tests.passed) == {"test_a.py::test_a", "test_a.py::test_b"}
    assert result.tests.failed == ()


def test_a_test_that_fails_only_in_the_second_run_is_flaky_too(repo):
    repo.write({"test_a.py": COUNTER + "n = count()\ndef test_a(): assert n > 1\ndef test_b(): assert n == 1"})
    result = repo.check()
    assert result.exit_code == 0
    assert result.flaky == ("test_a.py::test_a", "test_a.py::test_b")


def test_a_flaky_test_does_not_excuse_a_failing_one(repo):
    repo.write({"test_a.py": COUNTER + "def test_a(): assert count() > 1\ndef test_b(): assert 0"})
    result = repo.check()
    assert result.exit_code == 1
    assert result.flaky == ("test_a.py::test_a",)
    assert result.tests.failed == ("test_a.py::test_b",)


def test_a_flaky_test_hides_none_behind_it_from_a_run_that_stops_early(repo):
    repo.write({"test_a.py": COUNTER + "def test_a(): assert count() > 1\ndef test_b(): assert 0"})
    result = repo.check("python -m pytest -q -x")
    assert (result.exit_code, result.flaky) == (1, ("test_a.py::test_a",))
    assert result.tests.failed == ("test_a.py::test_b",)


@pytest.mark.parametrize(
    "names", ["hex(id(object()))", "str(time.time_ns())", "str(random.random())", "repr(object())"]
)
def test_a_test_named_anew_in_each_run_is_flaky_by_its_function_and_counted_once(repo, names):
    text = f"import pytest, random, time\nn = count()\nids = [{names} for _ in 'ab']\n"
    text += "@pytest.mark.parametrize('k', [0, 1], ids=ids)\ndef test_a(k): assert n > 1 or k\n"
    repo.write({"test_a.py": COUNTER + text})
    result = repo.check()
    assert (result.exit_code, len(result.tests.passed), result.tests.failed) == (0, 2, ())
    assert len(result.flaky) == 1


def test_a_pipeline_fails_when_any_part_of_it_does(repo):
    result = repo.check("false | cat", retry=False)
    assert result.exit_code == 1


def test_without_retry_the_first_result_stands(repo):
    repo.write({"test_a.py": COUNTER + "def test_a(): assert count() > 1"})
    result = repo.check(retry=False)
    assert (result.exit_code, result.flaky, runs(repo)) == (1, (), 1)


def test_known_failures_alone_are_no_reason_to_run_the_check_again(repo):
    repo.write({"test_a.py": COUNTER + "n = count()\ndef test_a(): assert 0\ndef test_b(): pass"})
    result = repo.check(known=["test_a.py::test_a", "test_a.py::test_gone"])
    assert (result.exit_code, result.tests.failed, runs(repo)) == (1, ("test_a.py::test_a",), 1)


def test_one_new_failure_beside_known_ones_runs_the_check_again(repo):
    repo.write({"test_a.py": COUNTER + "n = count()\ndef test_a(): assert 0\ndef test_b(): assert n > 1"})
    result = repo.check(known=["test_a.py::test_a"])
    assert (result.exit_code, result.flaky, runs(repo)) == (1, ("test_a.py::test_b",), 2)


def test_a_failure_without_tests_is_never_a_known_one(repo):
    repo.check("echo x >> runs; exit 3", known=["test_a.py::test_a"])
    assert (repo.root / "runs").read_text() == "x\nx\n"


def test_a_command_without_tests_that_passes_when_run_again_is_flaky_itself(repo):
    command = "echo x >> runs; test $(wc -l < runs) -gt 1"
    result = repo.check(command)
    assert (result.exit_code, result.tests, result.flaky) == (0, None, (command,))


def test_a_command_that_fails_twice_has_failed(repo):
    result = repo.check("echo why; exit 3")
    assert (result.exit_code, result.flaky, result.output_tail) == (3, (), "why")


def test_both_runs_leave_their_log(repo):
    repo.check("echo why; exit 3")
    assert sorted(path.name for path in repo.logs.iterdir()) == ["log", "log.retry"]


def test_a_timeout_is_not_retried(repo):
    result = repo.check("echo x >> runs; sleep 100", timeout_s=0.5)
    assert (result.exit_code, result.tests) == (None, None)
    assert (repo.root / "runs").read_text() == "x\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("python -m pytest -q tests", 5),
        ("python -m pytest -q -k nothing", 5),
        ("make test", 2),
        ("python -m unittest discover -s tests", 5),
    ],
)
def test_a_check_that_runs_no_test_fails_once_and_says_so(repo, command, code):
    repo.write({"tests/README": "", "test_a.py": "def test_a(): pass", "Makefile": "test:\n\tpython -m pytest tests"})
    result = repo.check(command)
    assert result.exit_code == code
    assert result.output_tail.endswith("a check that runs nothing proves nothing]")
    assert not (repo.logs / "log.retry").exists()


def test_another_programs_exit_code_5_means_what_it_says(repo):
    result = repo.check("echo five; exit 5")
    assert (result.exit_code, result.output_tail) == (5, "five")


def test_a_crash_of_the_interpreter_leaves_no_per_test_results(repo):
    repo.write({"test_a.py": "import os\ndef test_a(): os.abort()"})
    result = repo.check("python -m pytest -q -p no:faulthandler")
    assert (result.exit_code, result.tests) == (134, None)


def test_a_program_that_is_not_there_is_named_in_the_output(repo):
    result = repo.check("no-such-runner --now")
    assert result.exit_code == 127
    assert "no-such-runner" in result.output_tail
