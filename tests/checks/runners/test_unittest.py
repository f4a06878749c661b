import pytest

from agentflow.checks.runners.runner import Ended
from agentflow.checks.runners.unittest import UNITTEST
from agentflow.domain.evidence import TestOutcomes

SUITE = {
    "tests/__init__.py": "",
    "tests/test_a.py": """
import unittest
class Base(unittest.TestCase):
    def test_inherited(self): pass
class TestA(Base):
    def test_good(self): pass
    def test_bad(self): self.assertEqual(41, 42)
    def test_error(self): raise ValueError("no")
    @unittest.skip("no")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
    def test_subs(self):
        for n in range(3):
            with self.subTest(n=n): self.assertNotEqual(n, 1)
""",
    "tests/test_broken.py": "import nothing_like_this",
}


def test_each_test_is_reported_as_pytest_would_name_it(repo):
    repo.write(SUITE)
    result = repo.check("python -m unittest", retry=False)
    a = "tests/test_a.py::TestA::test_"
    assert set(result.tests.passed) == {f"{a}good", f"{a}inherited", "tests/test_a.py::Base::test_inherited"}
    assert set(result.tests.failed) == {f"{a}{n}" for n in ("bad", "error", "unexpected", "subs")} | {
        "tests/test_broken.py"
    }
    assert (result.tests.skipped, result.tests.xfailed) == ((f"{a}skipped",), (f"{a}expected",))
    told = {failure.test: failure for failure in result.failures}
    assert told[f"{a}bad"].message == "AssertionError: 41 != 42"
    assert "in test_bad" in told[f"{a}bad"].account
    assert "nothing_like_this" in told["tests/test_broken.py"].message
    assert result.doubts == ()


def test_a_result_that_hides_its_failures_is_doubted(repo):
    run = """
import unittest
class Result(unittest.TextTestResult):
    def addFailure(self, test, err): pass
unittest.main(module="test_a", testRunner=unittest.TextTestRunner(resultclass=Result))
"""
    test = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.fail()"
    repo.write({"run.py": run, "test_a.py": test})
    result = repo.check("python run.py")
    assert (result.exit_code, result.tests) == (0, TestOutcomes(failed=("test_a.py::T::test_a",)))
    assert result.doubts == ("unittest counts the run as successful although tests failed: test_a.py::T::test_a",)


def test_tests_that_run_unittest_themselves_are_one_run(repo):
    test = """
import unittest
class Inner(unittest.TestCase):
    def runTest(self): self.fail()
class T(unittest.TestCase):
    def test_a(self): self.assertFalse(unittest.TextTestRunner().run(Inner()).wasSuccessful())
def load_tests(loader, tests, pattern): return loader.loadTestsFromTestCase(T)
"""
    repo.write({"test_a.py": test})
    assert repo.check("python -m unittest").tests == TestOutcomes(passed=("test_a.py::T::test_a",))


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("python -m unittest", "python -m unittest tests/test_a.py tests/sub/test_b.py"),
        ("python -m unittest -v tests.test_c", "python -m unittest -v tests/test_a.py tests/sub/test_b.py"),
        ("python -m unittest discover -s tests", "python -m unittest discover -s tests -p test_a.py && python -m unittest discover -s tests -p test_b.py"),
        ("python -m unittest discover", "python -m unittest discover -s tests -t . -p test_a.py && python -m unittest discover -s tests/sub -t . -p test_b.py"),
        ("python -m unittest && make lint", None),
        ("make test", None),
    ],
)  # fmt: skip
def test_a_line_is_narrowed_to_test_files(command, line):
    assert UNITTEST.narrowed(command, ["tests/test_a.py", "tests/sub/test_b.py"]) == line


@pytest.mark.parametrize("start", ["", " discover", " discover -s tests"])
def test_a_narrowed_line_runs_those_files(repo, start):
    repo.write({**SUITE, "tests/test_c.py": "import unittest\nclass T(unittest.TestCase):\n    def test_c(self): pass"})
    line = UNITTEST.narrowed(f"python -m unittest{start}", ["tests/test_c.py"])
    assert repo.check(line).tests == TestOutcomes(passed=("tests/test_c.py::T::test_c",))


@pytest.mark.parametrize(
    ("output", "nothing"), [("Ran 0 tests in 0.0s\n\nOK", True), ("NO TESTS RAN", True), ("Ran 3 tests in 0.0s", False)]
)
def test_it_says_when_nothing_ran(output, nothing):
    assert UNITTEST.ran_nothing(Ended(0, output)) is nothing


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"tests/test_a.py": "import unittest"}, "-m unittest discover -s tests"),
        ({"tests/__init__.py": "", "tests/test_a.py": "import unittest"}, "-m unittest discover"),
        ({"test_a.py": "class T(TestCase): pass"}, "-m unittest discover"),
        ({"test_a.py": ""}, None),
    ],
)
def test_it_is_found_by_its_test_modules(write, files, command):
    found = [check.command.partition(" ")[2] for check in UNITTEST.detect(write(files))]
    assert found == ([command] if command else [])
