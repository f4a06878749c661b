import pytest

from agentflow.checks.narrowing import narrowed


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("python -m pytest -q", "python -m pytest -q tests/test_a.py"),
        ("PYTEST_X=1 pytest", "PYTEST_X=1 pytest tests/test_a.py"),
        ("python -m pytest -q tests", "python -m pytest -q tests/test_a.py"),
        ("python -m pytest tests/test_b.py::test_b -x", "python -m pytest -x tests/test_a.py"),
        ("ruff check . && pytest", None),
        ("make test", None),
        ("run-pytest-all", None),
    ],
)
def test_pytest_runs_only_the_files_it_is_given(tmp_path, command, line):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_b.py").touch()
    assert narrowed(command, ["tests/test_a.py"], tmp_path) == line
