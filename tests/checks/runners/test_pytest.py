import subprocess
import sys
from pathlib import Path

import pytest

from agentflow.checks.runners import environments
from agentflow.checks.runners.pytest import PYTEST
from agentflow.checks.runners.runner import Ended, Invocation
from agentflow.domain.evidence import TestOutcomes

SUITE = {
    "tests/test_a.py": """
import pytest
class TestX:
    class TestInner:
        @pytest.mark.parametrize("v", ["a b", "c::d", "x[y]", "a.b/c", "<&>"])
        def test_y(self, v): pass
@pytest.mark.xfail
def test_expected(): assert 0
@pytest.mark.xfail
def test_lenient(): pass
@pytest.mark.xfail(strict=True)
def test_strict(): pass
@pytest.mark.skip
def test_skipped(): pass
def test_fails(): assert 0, "\\x1b[31m\\x00"
@pytest.fixture
def bad():
    yield
    assert 0
def test_teardown(bad): pass
@pytest.fixture
def worse(): assert 0
def test_setup(worse): pass
class Base:
    def test_inherited(self): pass
""",
    "tests/test_b.py": "from test_a import Base\nclass TestDerived(Base): pass",
    "tests/test_broken.py": "import nothing_like_this",
    "tests/test_absent.py": "import pytest; pytest.importorskip('nothing_like_this')",
    "tests/test_u.py": """
import unittest
class T(unittest.TestCase):
    def test_s(self):
        for i in range(2):
            with self.subTest(i=i): self.assertEqual(i, 0)
""",
    "tests/test_sub.py": "def test_subs(subtests):\n    for n in range(3):\n        with subtests.test(n=n): assert n != 1",
    "docs.rst": ">>> 1 + 1\n2\n",
    "pytest.ini": "[pytest]\naddopts = --doctest-glob=*.rst\n",
}
INNER = "tests/test_a.py::TestX::TestInner::test_y"
PASSED = {
    *(f"{INNER}[{v}]" for v in ("a b", "c::d", "x[y]", "a.b/c", "<&>")),
    "tests/test_a.py::test_lenient",
    "tests/test_b.py::TestDerived::test_inherited",
    "docs.rst::docs.rst",
}
FAILED = {
    "tests/test_broken.py",
    *(f"tests/test_a.py::test_{name}" for name in ("strict", "fails", "teardown", "setup")),
    "tests/test_u.py::T::test_s",
    "tests/test_sub.py::test_subs",
}


@pytest.mark.parametrize("options", [" -q", " -p no:terminal", " -p xdist -n 2", " --tb=no", " --tb=native", " -rA -v"])
def test_a_report_gives_pytests_own_node_ids(repo, options):
    repo.write(SUITE)
    result = repo.check(f"python -m pytest --continue-on-collection-errors{options}", retry=False)
    assert set(result.tests.passed) == PASSED
    assert set(result.tests.failed) == FAILED
    assert result.tests.xfailed == ("tests/test_a.py::test_expected",)
    assert set(result.tests.skipped) >= {"tests/test_a.py::test_skipped"}
    assert {failure.test for failure in result.failures} == FAILED
    assert all(failure.message for failure in result.failures)
    assert result.doubts == ()


@pytest.mark.parametrize("command", ["make test", "sh -c 'cd . && python -m pytest'", "pytest", "python run.py"])
def test_any_command_that_runs_pytest_reports_per_test(repo, command):
    run = "import pytest, sys\nsys.exit(pytest.main(['tests']))"
    repo.write(
        {"Makefile": "test:\n\t@python -m pytest -q tests", "tests/test_a.py": "def test_a(): pass", "run.py": run}
    )
    assert repo.check(command).tests == TestOutcomes(passed=("tests/test_a.py::test_a",))


def test_several_runs_in_one_command_are_reported_together(repo):
    repo.write({"test_a.py": "def test_a(): pass", "test_b.py": "def test_b(): assert 0", "run.py": "import pytest\n"
                "for name in 'ab': pytest.main([f'test_{name}.py'])"})  # fmt: skip
    both = TestOutcomes(passed=("test_a.py::test_a",), failed=("test_b.py::test_b",))
    assert repo.check("python -m pytest -q test_a.py; python -m pytest -q test_b.py", retry=False).tests == both
    assert repo.check("python run.py").tests == both


def test_runs_inside_a_test_are_not_reported(repo):
    repo.write({
        "conftest.py": "pytest_plugins = 'pytester'",
        "test_a.py": "import subprocess, sys, os\n"
        "def test_a(pytester):\n"
        "    pytester.makepyfile(test_in='def test_in(): assert 0')\n"
        "    assert pytester.inline_run().ret == 1\n"
        "    assert pytester.runpytest_subprocess().ret == 1\n"
        "    bare = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}\n"
        "    assert subprocess.run([sys.executable, '-m', 'pytest'], env=bare).returncode == 1\n"
        "def test_b(): assert 0\n",
    })  # fmt: skip
    result = repo.check(retry=False)
    assert result.tests == TestOutcomes(passed=("test_a.py::test_a",), failed=("test_a.py::test_b",))
    assert result.doubts == ()


def test_tests_of_a_folder_with_its_own_settings_are_named_from_the_root(repo):
    repo.write({"pkg/pytest.ini": "[pytest]", "pkg/tests/test_a.py": "def test_a(): pass"})
    assert repo.check("cd pkg && python -m pytest -q").tests.passed == ("pkg/tests/test_a.py::test_a",)


def test_a_failure_is_told_with_its_assertion_frames_and_output(repo):
    repo.write({"shop.py": "def total(items):\n    return sum(items) + 1\n", "test_a.py": """
import logging, shop
def helper(n):
    assert shop.total([n]) == n
def test_a():
    for n in range(120): logging.warning("line %d", n)
    print("printed")
    helper(3)
"""})  # fmt: skip
    (failure,) = repo.check(retry=False).failures
    assert failure.message.startswith("assert 4 == 3")
    assert "test_a.py:4: AssertionError" in failure.account
    assert "line 119" not in failure.account
    assert "line 119" in failure.captured
    assert "printed" in failure.captured


def test_the_first_failure_stops_no_run_even_if_it_wants_it(repo):
    repo.write({"test_a.py": "def test_a(): assert 0\ndef test_b(): pass"})
    result = repo.check("python -m pytest -x", retry=False)
    assert (result.tests.failed, result.tests.passed) == (("test_a.py::test_a",), ("test_a.py::test_b",))
    assert result.doubts == ()


def test_a_test_that_finally_passes_has_passed(repo):
    repo.write({"test_a.py": "n = []\ndef test_a():\n    n.append(1)\n    assert len(n) == 3\ndef test_b(): assert 0"})
    result = repo.check("python -m pytest -q -p rerunfailures --reruns 3", retry=False)
    assert result.tests == TestOutcomes(passed=("test_a.py::test_a",), failed=("test_a.py::test_b",))


def test_the_users_own_addopts_stay_in_force(repo):
    repo.write({"test_a.py": "def test_a(): pass\ndef test_b(): pass"})
    assert repo.check(PYTEST_ADDOPTS="--deselect test_a.py::test_b").tests == TestOutcomes(
        passed=("test_a.py::test_a",)
    )


def test_the_repository_gets_no_cache_and_commands_that_need_it_work(repo):
    repo.write({"test_a.py": "def test_a(): pass"})
    assert repo.check("python -m pytest -q --lf").passed
    assert [path.name for path in repo.root.iterdir()] == ["test_a.py"]


def test_an_interpreter_that_ignores_the_environment_has_no_report_and_no_doubt(repo):
    repo.write({"test_a.py": "def test_a(): pass"})
    result = repo.check("python -E -m pytest -q")
    assert (result.exit_code, result.tests, result.doubts) == (0, None, ())


@pytest.mark.long
@pytest.mark.parametrize("version", ["7.0.1", "7.4.4", "8.4.2"])
def test_older_versions_report_too(repo, tmp_path, version):
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", f"pytest=={version}", "--target", tmp_path / "old"], check=True
    )
    repo.write({name: text for name, text in SUITE.items() if name != "tests/test_sub.py"})
    env = {"PYTHONPATH": f"{Path(PYTEST.read.__code__.co_filename).parents[1]}/shim:{tmp_path}/old"}
    result = repo.check("python -m pytest -q --continue-on-collection-errors", retry=False, **env)
    assert (
        f"{version}"
        in subprocess.run(
            [sys.executable, "-m", "pytest", "--version"], env=env, capture_output=True, text=True, check=True
        ).stdout
    )
    assert set(result.tests.passed) == PASSED
    assert set(result.tests.failed) == FAILED - {"tests/test_sub.py::test_subs"}


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"pytest.ini": "[pytest]\naddopts = --cov=shop --cov-fail-under=90"}, "pytest tests/test_a.py"),
        (
            {"pyproject.toml": '[tool.pytest.ini_options]\naddopts = ["--cov", "shop"]'},
            "python -m pytest -q tests/unit/",
        ),
        ({"pyproject.toml": '[tool.pytest]\naddopts = ["--cov"]'}, "cd . && pytest -k total"),
        ({"setup.cfg": "[tool:pytest]\naddopts = -q --cov"}, "FOO=1 pytest tests/test_a.py::test_x"),
        ({}, "pytest --cov=shop tests/test_a.py"),
    ],
)
def test_a_coverage_threshold_is_no_matter_of_a_few_files(write, tmp_path, files, command):
    invocation = PYTEST.reporting(Invocation(command, {}, write(files)), tmp_path)
    assert invocation.env["PYTEST_ADDOPTS"].endswith(" --cov-fail-under=0")


@pytest.mark.parametrize("command", ["pytest", "python -m pytest -q tests", "make test", "pytest -m 'not slow' tests/"])
def test_it_is_kept_for_the_whole_suite(write, tmp_path, command):
    root = write({"pytest.ini": "[pytest]\naddopts = --cov=shop --cov-fail-under=90"})
    assert "--cov-fail-under" not in PYTEST.reporting(Invocation(command, {}, root), tmp_path).env["PYTEST_ADDOPTS"]


def test_without_coverage_no_option_of_its_plugin_is_given(write, tmp_path):
    invocation = Invocation("pytest tests/test_a.py", {}, write({"pytest.ini": "[pytest]\naddopts = -q"}))
    assert "--cov-fail-under" not in PYTEST.reporting(invocation, tmp_path).env["PYTEST_ADDOPTS"]


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("python -m pytest -q", "python -m pytest -q tests/test_a.py"),
        ("pytest -n 2 --cov shop -k 'a b' tests", "pytest -n 2 --cov shop -k 'a b' tests/test_a.py"),
        ("uv run pytest -x tests/unit tests/test_b.py::test_c", "uv run pytest -x tests/test_a.py"),
        ("cd tests && pytest", "cd tests && pytest test_a.py"),
        ("cd docs && pytest", None),
        ("make test", None),
        ("pytest && mypy .", None),
        ("pytest | tail -3", None),
        ("pytest 'unclosed", None),
    ],
)
def test_a_line_is_narrowed_to_test_files(command, line):
    assert PYTEST.narrowed(command, ["tests/test_a.py"]) == line


@pytest.mark.parametrize(
    ("command", "starts"),
    [
        ("pytest", True), ("python3 -m pytest -q", True), (".venv/bin/pytest x", True), ("cd a && pytest", True),
        ("pip install -e . && pytest", True), ("uv run --frozen pytest", True), ("py.test", True),
        ("pip install pytest", False), ("python -m unittest", False), ("make pytest-all", False), ("npm test", False),
    ],
)  # fmt: skip
def test_it_knows_its_own_lines(tmp_path, command, starts):
    assert PYTEST.runs(command, tmp_path) is starts


@pytest.mark.parametrize(
    ("files", "command", "what", "setup"),
    [
        ({}, "python -S -m pytest", "pytest is not installed for the interpreter that runs it", "python -m pip install pytest"),
        ({}, "no/such/python3.9 -m pytest", None, None),
        ({"pytest.ini": "[pytest]\naddopts = --cov=x"}, "python -m pytest", "pytest does not know --cov=x: a plugin is missing",
         "python -m pip install pytest-cov"),
        ({"pytest.ini": "[pytest]\nrequired_plugins = pytest-nope"}, "python -m pytest", "pytest lacks plugins: pytest-nope",
         "python -m pip install pytest-nope"),
        ({"test_a.py": "import gone.away", "test_b.py": "import gone.away"}, "python -m pytest -q",
         "no test can be loaded: there is no module 'gone'", ""),
        ({"conftest.py": "import gone", "test_a.py": ""}, "python -m pytest", "no test can be loaded: there is no module 'gone'", ""),
        ({"test_a.py": "import gone", "test_b.py": "import away"}, "python -m pytest", None, None),
        ({"test_a.py": "import gone", "test_b.py": "1 +"}, "python -m pytest", None, None),
        ({"test_a.py": "import gone", "test_b.py": "def test_b(): pass"}, "python -m pytest --continue-on-collection-errors", None, None),
        ({"test_a.py": "def test_a(): import gone"}, "python -m pytest", None, None),
        ({"test_a.py": "def test_a(): assert 0"}, "python -m pytest", None, None),
        ({}, "python -m pytest tests/test_new.py", None, None),
        ({"test_a.py": "def test_a(): pass"}, "python -m pytest", None, None),
    ],
)  # fmt: skip
def test_what_keeps_pytest_from_running_is_told_from_what_fails(repo, files, command, what, setup):
    repo.write(files)
    result = repo.check(command, retry=False)
    found = PYTEST.obstacle(Ended(result.exit_code, result.output_tail))
    assert (found and found.what, found and found.setup) == (what, setup), result.output_tail


def test_an_interpreter_that_is_not_there_is_an_obstacle(repo):
    result = repo.check("python3.99 -m pytest", retry=False)
    assert PYTEST.obstacle(Ended(result.exit_code, result.output_tail)).what == "python3.99 is not there"


@pytest.mark.parametrize(
    ("output", "code", "nothing"),
    [
        ("no tests ran in 0.01s", 5, True),
        ("===== no tests ran in 0.01s =====", 2, True),
        ("3 deselected in 0.01s", 5, True),
        ("==== 3 deselected, 1 warning in 0.01s ====", 5, True),
        ("1 passed, 3 deselected in 0.01s", 0, False),
        ("no tests collected, 1 error in 0.1s", 2, False),
        ("five", 5, False),
    ],
)
def test_it_says_when_nothing_ran(output, code, nothing):
    assert PYTEST.ran_nothing(Ended(code, output)) is nothing


@pytest.mark.parametrize("command", ["python -m pytest -q", "python -m unittest -q"])
def test_a_thread_that_failing_tests_left_running_does_not_keep_the_check(repo, command):
    repo.write({
        "test_a.py": "import threading, time, unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
        "        threading.Thread(target=time.sleep, args=(1000,)).start()\n        assert 1 == 2\n",
    })  # fmt: skip
    result = repo.check(command, retry=False)
    assert (result.exit_code, result.lingered, result.tests.failed) == (1, True, ("test_a.py::T::test_a",))


TOX = "[testenv]\ndeps = pytest\n[testenv:py3.12]\npassenv = HOME\n[testenv:lint]\nskip_install = true\n"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"tox.ini": TOX}, [r"testenv:py3\.12"]),
        ({"tox.toml": "[env_run_base]\npass_env = []\n[env.py]\npass_env = ['A']\n[env.lint]\n"}, ["env.py"]),
        ({"pyproject.toml": "[tool.tox.env.py]\npass_env = ['A']"}, ["tool.tox.env.py"]),
        ({"tox.ini": "[", "tox.toml": "[", "pyproject.toml": "["}, []),
    ],
)
def test_tox_is_told_to_hand_on_what_reports_need(write, files, told):
    asked = environments.TOX.reporting(Invocation("tox", {"TOX_OVERRIDE": "a.b=c"}, write(files)), Path())
    own, *others = asked.env["TOX_OVERRIDE"].split(";")
    assert own == "a.b=c"
    sections = ["testenv", "env_run_base", "tool.tox.env_run_base", *told]
    assert others == [f"{section}.pass_env+=PYTEST_*,AGENTFLOW_*,PYTHONPATH" for section in sections]


@pytest.mark.parametrize("inside", ["TOX_ENV_NAME", "NOX_CURRENT_SESSION", ""])
def test_sources_hide_nothing_that_tox_or_nox_have_installed(repo, inside):
    repo.write({"src/pk.py": "", "test_a.py": "import sys\ndef test_a(): print(sys.path, flush=True)\nimport pk"})
    result = repo.check("python -m pytest -q", retry=False, **({inside: "py"} if inside else {}))
    assert (result.exit_code != 0) is bool(inside)
    assert result.tests is not None


def test_half_a_character_in_a_message_does_not_cost_the_report(repo):
    repo.write({"test_a.py": "def test_a():\n    print('\\udc80')\n    assert '\\ud83d' == 'a'\n"})
    result = repo.check("python -m pytest -q -s", retry=False, PYTHONIOENCODING="utf-8:backslashreplace")
    assert (result.tests.failed, result.doubts) == (("test_a.py::test_a",), ())
    assert "\ufffd" in result.failures[0].message or "ud83d" in result.failures[0].message
