import pytest

from agentflow.checks.ids import is_named, stands_in

TEST = "tests/test_a.py::TestA::test_x[1-2]"


@pytest.mark.parametrize(
    ("name", "named"),
    [
        (TEST, True),
        ("tests/test_a.py::TestA::test_x", True),
        ("tests/test_a.py::TestA", True),
        ("tests/test_a.py", True),
        ("tests", True),
        ("tests/", True),
        ("tests/*.py", True),
        ("**/test_a.py", True),
        ("tests/test_a.py::*::test_x", True),
        ("tests/test_a.py::TestA::test_*", True),
        (" tests/test_a.py ", True),
        ("tests/test_a.py::TestA::test", False),
        ("tests/test_a.py::Test", False),
        ("tests/test_b.py", False),
        ("test_a.py", False),
        ("test", False),
        ("", False),
    ],
)
def test_a_plan_names_tests_by_id_by_its_beginning_by_path_or_by_glob(name, named):
    assert is_named(TEST, [name]) is named


def test_a_file_is_named_by_its_path_and_not_by_one_of_its_tests():
    assert is_named("tests/test_a.py", ["tests/*.py"])
    assert not is_named("tests/test_a.py", ["tests/test_a.py::test_x"])


@pytest.mark.parametrize(
    ("path", "stands"), [("tests/test_a.py", True), ("core/tests/test_a.py", True), ("tests/test_b.py", False)]
)
def test_a_check_in_a_subfolder_names_its_files_from_there(path, stands):
    assert stands_in("tests/test_a.py::test_x", path) is stands
