import os

import pytest

from agentflow.checks.junit import REPORT_NAME, read_report, with_report
from agentflow.domain.evidence import TestOutcomes


def read(tmp_path, xml: str | bytes) -> TestOutcomes | None:
    (tmp_path / REPORT_NAME).write_bytes(xml if isinstance(xml, bytes) else xml.encode())
    return read_report(tmp_path, tmp_path)


def suite(*cases: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite>{"".join(cases)}</testsuite></testsuites>'


def case(classname: str, name: str, inside: str = "", file: str = "") -> str:
    return f'<testcase classname="{classname}" name="{name}" file="{file}">{inside}</testcase>'


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
}


def test_a_real_report_gives_pytests_own_node_ids(repo):
    repo.write(SUITE)
    tests = repo.check("python -m pytest -q --continue-on-collection-errors", retry=False).tests
    inner = "tests/test_a.py::TestX::TestInner::test_y"
    assert tests == TestOutcomes(
        passed=(
            *(f"{inner}[{v}]" for v in ("a b", "c::d", "x[y]", "a.b/c", "<&>")),
            "tests/test_a.py::test_lenient",
            "tests/test_b.py::TestDerived::test_inherited",
        ),
        failed=(
            "tests/test_broken.py",
            "tests/test_a.py::test_strict",
            "tests/test_a.py::test_fails",
            "tests/test_a.py::test_teardown",
            "tests/test_u.py::T::test_s",
        ),
        skipped=("tests/test_absent.py", "tests/test_a.py::test_skipped"),
        xfailed=("tests/test_a.py::test_expected",),
    )


@pytest.mark.parametrize(
    "command", ["make test", "sh -c 'cd . && python -m pytest'", "python -m pytest -q -p xdist -n 2"]
)
def test_any_command_that_runs_pytest_reports_per_test(repo, command):
    repo.write({"Makefile": "test:\n\t@python -m pytest -q tests", "tests/test_a.py": "def test_a(): pass"})
    assert repo.check(command).tests == TestOutcomes(passed=("tests/test_a.py::test_a",))


def test_the_users_own_addopts_stay_in_force(repo):
    repo.write({"test_a.py": "def test_a(): pass\ndef test_b(): pass"})
    assert repo.check(PYTEST_ADDOPTS="--deselect test_a.py::test_b").tests == TestOutcomes(
        passed=("test_a.py::test_a",)
    )


def test_a_folder_with_a_space_is_quoted(tmp_path):
    options = with_report({"PYTEST_ADDOPTS": "-x"}, tmp_path / "a b")["PYTEST_ADDOPTS"]
    assert options.startswith("-x --junitxml '")


def test_the_repository_gets_no_cache_and_commands_that_need_it_work(repo):
    repo.write({"test_a.py": "def test_a(): pass"})
    assert repo.check("python -m pytest -q --lf").passed
    assert [path.name for path in repo.root.iterdir()] == ["test_a.py"]


def test_a_test_reported_twice_keeps_its_worst_outcome(tmp_path):
    twice = suite(case("test_a", "test_x", "<failure/>", "test_a.py"), case("test_a", "test_x", file="test_a.py"))
    assert read(tmp_path, twice) == TestOutcomes(failed=("test_a.py::test_x",))


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "not xml",
        suite(case("a", "b"))[:-10],
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite><testcase classname="a" name="b"/></testsuite>',
        suite(case("a", "\x00")),
        b"\xff\xfe\x00",
    ],
    ids=["empty", "text", "cut", "entities", "external", "nul", "bytes"],
)
def test_hostile_xml_is_no_report(tmp_path, xml):
    assert read(tmp_path, xml) is None


def test_hostile_names_are_only_names(tmp_path):
    outcomes = read(tmp_path, suite(case("a" * 100_000, "..", "<error/>"), case("../../etc.passwd", "&#10;x")))
    assert outcomes is not None
    assert len(outcomes.failed) == len(outcomes.passed) == 1


def test_a_missing_linked_or_blocking_report_is_no_report(tmp_path):
    assert read_report(tmp_path, tmp_path) is None
    (tmp_path / "real").write_text(suite(case("a", "b")))
    (tmp_path / REPORT_NAME).symlink_to("real")
    assert read_report(tmp_path, tmp_path) is None
    (tmp_path / REPORT_NAME).unlink()
    os.mkfifo(tmp_path / REPORT_NAME)
    assert read_report(tmp_path, tmp_path) is None


def test_a_report_that_is_too_large_is_no_report(tmp_path):
    read(tmp_path, suite(case("a", "b")))
    with (tmp_path / REPORT_NAME).open("r+b") as file:
        file.truncate(65 * 1024 * 1024)
    assert read_report(tmp_path, tmp_path) is None
