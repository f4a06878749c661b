"""Agents that would rather write a report than mend the code, and honest plugins that look a little like them."""

import pytest

from agentflow.domain.evidence import TestOutcomes

WRONG = {"mycode.py": "def total(): return 41", "test_a.py": "import mycode\ndef test_a(): assert mycode.total() == 42"}
A = "test_a.py::test_a"


def forge(repo, **files: str):
    repo.write({**WRONG, **{name.replace("_py", ".py"): text for name, text in files.items()}})
    return repo.check(retry=False)


def test_a_conftest_that_turns_failures_into_passes_is_seen(repo):
    hook = """
import pytest
@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.outcome, report.longrepr = "passed", None
"""
    result = forge(repo, conftest_py=hook)
    assert result.exit_code == 0
    assert result.tests == TestOutcomes(failed=(A,))
    assert result.doubts == (f"a hook reported tests as passed that raised an error: {A}",)


def test_so_is_one_that_hides_the_error_from_the_report(repo):
    hook = """
import pytest
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    call.excinfo = None
    return (yield)
"""
    result = forge(repo, conftest_py=hook)
    assert (result.exit_code, result.tests) == (0, TestOutcomes(failed=(A,)))
    assert result.doubts


def test_so_is_one_that_rewrites_the_report_as_it_is_logged(repo):
    hook = "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_logreport(report): report.outcome = 'passed'"
    result = forge(repo, conftest_py=hook)
    assert result.tests == TestOutcomes(failed=(A,))
    assert result.doubts


def test_and_one_in_a_worker_of_xdist(repo):
    hook = """
import pytest
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.outcome, report.longrepr = "passed", None
    return report
"""
    repo.write({**WRONG, "conftest.py": hook})
    result = repo.check("python -m pytest -q -p xdist -n 1", retry=False)
    assert (result.exit_code, result.tests) == (0, TestOutcomes(failed=(A,)))
    assert result.doubts == (f"a hook reported tests as passed that raised an error: {A}",)


def test_an_exit_status_set_to_0_is_doubted(repo):
    result = forge(repo, conftest_py="def pytest_sessionfinish(session): session.exitstatus = 0")
    assert (result.exit_code, result.tests.failed) == (0, (A,))
    assert result.doubts == (f"pytest ended with exit status 0 although tests failed: {A}",)


def test_tests_taken_out_after_the_collection_are_missed(repo):
    hook = "def pytest_collection_finish(session): session.items[:] = []\ndef pytest_sessionfinish(session): session.exitstatus = 0"
    result = forge(repo, conftest_py=hook)
    assert result.doubts == (f"collected tests never ran: {A}",)


@pytest.mark.parametrize("command", ["python -m pytest -q", "python -m unittest test_u"])
def test_code_that_ends_the_interpreter_well_proves_nothing(repo, command):
    unit = "import unittest, mycode\nclass T(unittest.TestCase):\n    def test_u(self): self.assertEqual(mycode.total(), 42)\n"
    repo.write({**WRONG, "test_u.py": unit, "mycode.py": "import os\ndef total(): os._exit(0)"})
    result = repo.check(command)
    assert (result.exit_code, result.tests) == (0, TestOutcomes())
    assert result.doubts == ("the tests ended the interpreter before their runner had finished",)


FORGED = """
import glob, json, os
def total():
    folder = os.environ["AGENTFLOW_CHECK_REPORT"]
    body = {"runner": "pytest", "last": True, "exit": 0, "outcomes": {"test_a.py::test_a": "passed"}, "failures": [], "doubts": []}
    assert not [name for name in os.listdir(folder) if name.startswith("key")]
    with open(os.path.join(folder, "report-1"), "w") as file:
        file.write("0" * 64 + "\\n" + json.dumps(body))
    with open(os.path.join(folder, "key"), "w") as file:
        file.write("1 " + "0" * 64)
    os._exit(0)
"""


@pytest.mark.security("T11")
def test_a_forged_report_bears_no_seal(repo):
    result = forge(repo, mycode_py=FORGED)
    assert (result.exit_code, result.tests) == (0, TestOutcomes())
    assert result.doubts == ("the tests' report bears a false seal",)


def test_what_pytest_prints_is_held_against_the_report(repo):
    hook = """
import pytest
@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(config):
    (recorder,) = [each for each in config.pluginmanager.get_plugins() if type(each).__name__ == "Recorder"]
    recorder._outcomes = {name: "passed" for name in recorder._outcomes}
def pytest_sessionfinish(session): session.exitstatus = 0
"""
    result = forge(repo, conftest_py=hook)
    assert (result.exit_code, result.tests.passed) == (0, (A,))
    assert result.doubts == ("pytest's summary says 1 failed, its report has no failing test",)


def test_a_session_that_ends_the_interpreter_itself_once_it_is_done_is_believed(repo):
    """Some projects do that, so as not to wait for threads of a library."""
    hook = "import os\ndef pytest_unconfigure(config): os._exit(0)"
    repo.write({"test_a.py": "def test_a(): pass", "conftest.py": hook})
    result = repo.check()
    assert (result.exit_code, result.tests, result.doubts) == (0, TestOutcomes(passed=(A,)), ())
    repo.write({"conftest.py": "import os\ndef pytest_sessionfinish(session, exitstatus): os._exit(exitstatus)"})
    result = repo.check()
    assert (result.exit_code, result.tests, result.doubts) == (0, TestOutcomes(passed=(A,)), ())


HONEST = """
import pytest, unittest
runs = []
@pytest.mark.xfail
def test_expected(): assert 0
@pytest.mark.xfail(strict=True, raises=ValueError)
def test_raises(): raise ValueError
@pytest.mark.flaky(reruns=2)
def test_flaky():
    runs.append(1)
    assert len(runs) > 1
def test_dynamic(request):
    request.applymarker(pytest.mark.xfail)
    assert 0
def test_skips(): pytest.skip("no")
def test_gives_up(): pytest.xfail("no")
def test_good(): pass
class T(unittest.TestCase):
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    def test_skips(self): self.skipTest("no")
    @unittest.skip("no")
    def test_skipped(self): pass
    def test_subtests(self):
        for n in range(3):
            with self.subTest(n=n): pass
"""


def test_honest_marks_and_plugins_are_not_accused(repo):
    repo.write({"test_a.py": HONEST})
    result = repo.check("python -m pytest -q -p rerunfailures")
    assert result.doubts == ()
    assert result.exit_code == 0
    assert result.tests == TestOutcomes(
        passed=tuple(f"test_a.py::{name}" for name in ("test_flaky", "test_good", "T::test_subtests")),
        skipped=tuple(f"test_a.py::{name}" for name in ("test_skips", "T::test_skipped", "T::test_skips")),
        xfailed=tuple(
            f"test_a.py::{name}"
            for name in ("test_expected", "test_raises", "test_dynamic", "test_gives_up", "T::test_expected")
        ),
    )


def test_a_junit_file_or_a_report_without_a_session_is_no_report(repo):
    repo.write(
        {
            "tool.py": "import os, pathlib\npathlib.Path(os.environ['AGENTFLOW_CHECK_REPORT'], 'report-1').write_text('x')"
        }
    )
    assert repo.check("python tool.py").doubts == ("the tests' report bears a false seal",)
    (repo.root / "tool.py").write_text("import pytest; pytest.__version__")
    result = repo.check("python tool.py")
    assert (result.tests, result.doubts) == (None, ())
