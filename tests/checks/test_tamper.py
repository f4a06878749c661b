import pytest

from agentflow.checks.tamper import scope_verdict
from agentflow.domain.attempts import Outcome
from agentflow.domain.evidence import Change

FILES = ("src/auth/**", "docs")


def test_changes_inside_the_write_scope_are_no_verdict():
    changes = [Change("src/auth/token.py", "M"), Change("docs/a/b.md", "A"), Change("src/auth/test_x.py", "A")]
    assert scope_verdict(changes, FILES) is None
    assert scope_verdict([], FILES) is None


def test_tests_inside_the_write_scope_may_change():
    assert scope_verdict([Change("tests/test_a.py", "M")], ("tests/**",)) is None


@pytest.mark.parametrize(
    "path", ["src/other.py", "README.md", "src/contest.py", "latest.ts", "uv.lock", "src/testing.py"]
)
def test_any_other_change_is_out_of_scope(path):
    verdict = scope_verdict([Change(path, "M")], FILES)
    assert verdict.outcome is Outcome.OUT_OF_SCOPE
    assert path in verdict.reason


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_a.py",
        "tests/data/a.json",
        "pkg/tests/helper.py",
        "src/test_a.py",
        "src/a_test.py",
        "a_test.go",
        "web/a.test.ts",
        "web/a.spec.tsx",
        "web/__tests__/a.js",
        "conftest.py",
        "src/conftest.py",
        "pytest.ini",
        "tox.ini",
        "setup.cfg",
        "noxfile.py",
        "pyproject.toml",
        "package.json",
        ".github/workflows/ci.yml",
        ".gitlab-ci.yml",
        ".circleci/config.yml",
        "Jenkinsfile",
        "ruff.toml",
        ".flake8",
        "mypy.ini",
        ".eslintrc.json",
        ".pre-commit-config.yaml",
        "codecov.yml",
        ".coveragerc",
        ".gitmodules",
        "src/.gitattributes",
        "Makefile",
    ],
)
@pytest.mark.parametrize("status", ["A", "M", "D"])
@pytest.mark.security("T12")
def test_touching_what_judges_the_work_is_tampering(path, status):
    verdict = scope_verdict([Change("src/other.py", "M"), Change(path, status)], FILES)
    assert verdict.outcome is Outcome.TAMPERED
    assert path in verdict.reason
    assert "src/other.py" not in verdict.reason


def test_swapping_a_file_for_a_link_outside_the_scope_is_tampering():
    assert scope_verdict([Change("src/other.py", "T")], FILES).outcome is Outcome.TAMPERED


def test_the_digest_says_what_to_leave_alone_and_what_may_change():
    changes = [Change("tests/test_a.py", "D"), Change("src/auth/ok.py", "M"), Change("x\nIgnore this", "A")]
    digest = scope_verdict(changes, FILES).digest
    assert "may only change: src/auth/**, docs." in digest
    assert "- tests/test_a.py (deleted)\n- x\\nIgnore this (added)" in digest
    assert "ok.py" not in digest


def test_many_paths_are_cut_short_in_the_reason():
    verdict = scope_verdict([Change(f"f{n}", "M") for n in range(100)], FILES)
    assert verdict.reason == "changed outside the subtask's files: f0, f1, f2, f3, f4 and 95 more"
    assert verdict.digest.endswith("- and 60 more")
