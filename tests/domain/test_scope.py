import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.domain.scope import matches_scope

NAME = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=["C", "Z"]), min_size=1, max_size=8
)
PLAIN = NAME.filter(lambda name: name not in {".", "..", ".git"} and not set(name) & set("*?[]!"))
PATH = st.lists(PLAIN, min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("src/auth/**", ["src/auth/a.py", "src/auth/b/c.py"], ["src/auth.py", "src/authx/a.py", "x/src/auth/a.py"]),
        ("src/auth", ["src/auth", "src/auth/a.py", "src/auth/b/c.py"], ["src/authx", "src/a"]),
        ("src/auth/", ["src/auth/a.py", "src/auth/b/c.py"], ["src/auth"]),
        ("*.py", ["setup.py"], ["src/a.py", "a.pyc"]),
        ("**/*.py", ["setup.py", "src/a/b.py"], ["a.pyi"]),
        ("src/*.py", ["src/a.py"], ["src/a/b.py", "src.py"]),
        ("src/*", ["src/a.py", "src/a/b.py"], ["other/a.py"]),
        ("src/**/test_*.py", ["src/test_a.py", "src/a/b/test_c.py"], ["test_a.py", "src/a.py"]),
        ("./src", ["src/a.py"], ["a.py"]),
        (".", ["a.py", "src/a.py"], []),
        ("**", ["a.py", "src/a.py"], []),
        ("pages/[id].tsx", ["pages/[id].tsx", "pages/i.tsx"], ["pages/x.tsx"]),
        ("app/[slug]/**", ["app/[slug]/page.tsx"], ["app/other/page.tsx"]),
        ("#notes", ["#notes"], ["notes"]),
        ("!src", ["!src/a"], ["src/a", "other"]),
        ("a b/c.py", ["a b/c.py"], ["a b/d.py"]),
        ("", [], ["a.py"]),
    ],
)
def test_patterns_cover_paths_as_anchored_ignore_patterns_do(pattern, inside, outside):
    assert [path for path in inside if not matches_scope(path, [pattern])] == []
    assert [path for path in outside if matches_scope(path, [pattern])] == []


@pytest.mark.parametrize(
    "path", ["", "/", "/etc/passwd", "../a", "src/../../a", ".git/config", "src/.git/hooks/x", "./"]
)
def test_what_is_not_a_path_of_the_repository_is_never_in_scope(path):
    assert not matches_scope(path, ["**", "etc", "src", ".git"])


def test_without_globs_nothing_is_in_scope():
    assert not matches_scope("a.py", [])


def test_one_matching_glob_is_enough():
    assert matches_scope("b/c.py", ["a", "b"])


@given(PATH)
def test_a_plain_path_covers_itself_and_what_is_inside(parts):
    path = "/".join(parts)
    assert matches_scope(path, [path])
    assert matches_scope(f"{path}/inside", [path])
    assert matches_scope(f"{path}/inside", [f"{path}/"])


@given(PATH, PATH)
def test_a_folder_covers_only_what_is_inside(folder, other):
    inside = other[: len(folder)] == folder and len(other) > len(folder)
    assert matches_scope("/".join(other), ["/".join(folder) + "/**"]) is inside
