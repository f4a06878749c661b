import pytest

from agentflow.checks.ids import absent, function_of, is_named, stands_in

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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("t.py::test_a[0x7f3a5c1d]", "t.py::test_a[0x7f3a9f00]"),
        ("t.py::test_a[<app.Order object at 0x7f01>]", "t.py::test_a[<app.Order object at 0x7f99>]"),
        ("t.py::T::test_a[seed=41-x::y]", "t.py::T::test_a[seed=7-x::y]"),
        ("a_test.go::TestAt/1697040000123", "a_test.go::TestAt/1697040999456"),
        ("a.test.js::clock > at 2026-10-01T10:11:12.345Z", "a.test.js::clock > at 2026-10-02T01:02:03.004Z"),
        ("a.test.js::port 0x1f4a5b is free", "a.test.js::port 0x1f4aff is free"),
        (
            "a.test.js::user 550e8400-e29b-41d4-a716-446655440000",
            "a.test.js::user 123e4567-e89b-12d3-a456-426614174000",
        ),
        ("a.test.js::seeded with 0.8273645182", "a.test.js::seeded with 0.1199283746"),
        ("a.test.js::object 5f2b8c9d1e3a4b5c6d7e8f90", "a.test.js::object 6a3c8c9d1e3a4b5c6d7e8faa"),
    ],
)
def test_what_differs_from_run_to_run_is_matched_by_function_and_count(one, other):
    assert function_of(one) == function_of(other)
    assert absent([one], [other]) == ()
    assert absent([one], []) == (one,)
    assert absent(["x.py::test_z", one], [other]) == ("x.py::test_z",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("t.py::test_a1", "t.py::test_a2"),
        ("t.py::test_v1_2026", "t.py::test_v1_2027"),
        ("app/[id]/page.test.tsx::renders", "app/[id]/page.test.tsx::fails"),
        ("app/[id]/page.test.tsx", "app/[slug]/page.test.tsx"),
        ("a.test.js::handles 1000 items", "a.test.js::handles 2000 items"),
        ("a.test.js::[api] reads", "a.test.js::[web] reads"),
        ("a.test.js::returns [] for none", "a.test.js::returns {} for none"),
        ("a_test.go::TestA", "a_test.go::TestB"),
    ],
)
def test_what_people_named_differently_stays_different(one, other):
    assert absent([one], [other]) == (one,)


def test_one_too_few_is_missed():
    assert absent(["t.py::a[1]", "t.py::a[2]"], ["t.py::a[3]"]) == ("t.py::a[1]", "t.py::a[2]")
