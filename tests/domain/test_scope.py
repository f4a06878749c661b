import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.domain.scope import MAX_ALTERNATIVES, alternatives, covers_any, matches_scope, scope_error

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
        ("src/**/*.{ts,tsx}", ["src/a.ts", "src/a/b.tsx"], ["src/a.t", "src/a.js", "a.ts"]),
        ("shop/{price,stock}.py", ["shop/price.py", "shop/stock.py"], ["shop/cart.py", "price.py"]),
        ("{src/{a,b},lib}/**", ["src/a/x", "src/b/x", "lib/x"], ["src/c/x", "src/lib/x"]),
        ("{docs,README.md}", ["docs/a/b.md", "README.md"], ["a.md"]),
        ("v{1..3}/*", ["v1/a", "v3/a"], ["v4/a"]),
        ("pages/[id].{ts,tsx}", ["pages/[id].tsx", "pages/i.ts"], ["pages/x.ts"]),
        ("@(a|b)/x.py", ["a/x.py", "b/x.py"], ["x.py", "c/x.py"]),
        ("a?(.min|.map).js", ["a.js", "a.min.js", "a.map.js"], ["a.x.js"]),
        ("@(a|?(b|c)d)", ["a", "d", "bd", "cd"], ["b"]),
        ("{{cookiecutter.name}}/x", ["{{cookiecutter.name}}/x"], ["cookiecutter.name/x"]),
        ("{a,b}", ["a", "b", "{a,b}"], ["a,b"]),
        ("src/(auth)/+page@(app).svelte", ["src/(auth)/+page@(app).svelte"], ["src/auth/+page.svelte"]),
        ("/src/a.py", ["src/a.py"], ["a.py"]),
        (" src/ ", ["src/a.py"], ["a.py"]),
        ("src/**/*", ["src/a.py", "src/a/b.py"], ["a.py"]),
    ],
)
def test_patterns_cover_paths_as_anchored_ignore_patterns_do(pattern, inside, outside):
    assert [path for path in inside if not matches_scope(path, [pattern])] == []
    assert [path for path in outside if matches_scope(path, [pattern])] == []
    assert [path for path in inside if not covers_any(["none/of/these", pattern], [*outside, path])] == []
    assert not covers_any([pattern], outside)


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


ALTERNATIVE = st.lists(PLAIN.filter(lambda name: not set(name) & set("{},$|()")), min_size=1, max_size=2).map("/".join)


@given(st.lists(ALTERNATIVE, min_size=2, max_size=4), st.sampled_from(["", "src/", "**/"]), st.data())
def test_a_brace_covers_what_its_alternatives_cover_and_nothing_else(names, start, data):
    end = data.draw(st.sampled_from(["", ".py", "/**", "/*.ts"]))
    parts = data.draw(st.lists(st.sampled_from([*names, "src", "a.py", "x.ts"]), min_size=1, max_size=3))
    path = "/".join(parts) + data.draw(st.sampled_from(["", ".py", "/a.ts"]))
    union = [f"{start}{name}{end}" for name in names]
    assert matches_scope(path, [f"{start}{{{','.join(names)}}}{end}"]) is matches_scope(path, union)
    assert matches_scope(path, [f"{start}{{x,{{{','.join(names)}}}}}{end}"]) is matches_scope(
        path, [*union, f"{start}x{end}"]
    )


@pytest.mark.parametrize(
    "glob",
    ["src/**", "a.py", "pages/[id].tsx", "docs/ä.md", ".github/workflows/ci.yml", "a b.py", "/src/a.py", "./a", "src/",
     "src/**/*.{ts,tsx}", "@(a|b).py", "[a,b].ts", "{{cookiecutter.name}}/x.py", "src/(auth)/+page@(app).svelte"],
)  # fmt: skip
def test_an_entry_that_can_only_name_files_of_the_repository_is_accepted(glob):
    assert scope_error(glob) is None


@pytest.mark.parametrize(
    "glob",
    ["", " ", "../x", "a/../../x", "~/x", ".git/config", "a/.git/hooks", "-rf", ":(top)", "a\0b", "a\nb",
     "{src,..}/x", "{.git,a}/config", "{a,~}/x"],
)  # fmt: skip
def test_an_entry_that_could_name_anything_else_is_not(glob):
    assert "inside the repository" in scope_error(glob)


@pytest.mark.parametrize(
    ("glob", "spelling"),
    [
        ("/etc/passwd", "'etc/passwd'"),
        ("src\\auth\\a.ts", "'src/auth/a.ts'"),
        ("pages/\\[id\\].tsx", "'pages/[id].tsx'"),
        ("a.py, src/{b,c}.py", "'a.py', 'src/{b,c}.py'"),
        ("{a,{b,c}},d", "'{a,{b,c}}', 'd'"),
        ("src/**.ts", "'src/**/*.ts'"),
        ("src/a.py:10-20", "'src/a.py'"),
        ("`src/a.py`", "'src/a.py'"),
        ("!src/generated/**", "name the paths that may"),
        ("src/!(a).py", "name the paths that may"),
        ("src/+(a|b).py", "{a,b}"),
        ("src/{a,b", "does not close"),
        ("{1..1000000}", f"more than {MAX_ALTERNATIVES}"),
        ("{a,b}" * 40, f"more than {MAX_ALTERNATIVES}"),
        ("{" * 400 + "a" + "}" * 400, f"more than {MAX_ALTERNATIVES}"),
        ("a" * 1001, "longer than"),
    ],
)
def test_a_spelling_that_is_not_understood_is_refused_with_the_right_one(glob, spelling):
    assert spelling in scope_error(glob)


@pytest.mark.parametrize("entry", ["src\\", "a\\/b", "\\", "[a[b]/\\"])
def test_a_pattern_that_ends_in_half_an_escape_covers_nothing(entry):
    assert not matches_scope("src/a.py", (entry,))
    assert matches_scope("src/a.py", (entry, "src"))


def test_brackets_within_brackets_are_read_as_git_reads_them():
    assert matches_scope("[", ("[a[b]",))


def test_what_cannot_be_expanded_covers_nothing_but_its_own_name():
    bomb = "{a,b}" * 40
    with pytest.raises(ValueError, match="more than"):
        alternatives(bomb)
    assert not matches_scope("a" * 40, [bomb])
    assert matches_scope("b.py", [bomb, "b.py"])
