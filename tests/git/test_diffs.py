from __future__ import annotations

import asyncio
import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.git.diffs import FileChange, Hunks, file_changes, hunks
from agentflow.git.repository import Repository

STRANGE = [
    "new\nline",
    "esc\x1b[31m",
    "-rf",
    ":(top)x",
    "x b/y",
    'b/ "a',
    "[/red]",
    "\u202ertl",
    'q"uote',
    "tab\t",
    "é ",
    "\udcff",
]
NONE = "0" * 40


def changes(repo, base="HEAD^", head="HEAD"):
    return asyncio.run(file_changes(repo.open(), base, head))


def lines(repo, base="HEAD^", head="HEAD"):
    return asyncio.run(hunks(repo.open(), base, head))


def write_bytes(repo, name, content):
    (repo.root / name).write_bytes(content)
    repo.git("add", "-A")


def numbered(*numbers):
    return "".join(f"line {n}\n" for n in numbers)


def test_every_kind_of_change_is_told_with_modes_and_objects(make_repo):
    repo = make_repo(files={"edit": "1\n", "gone": "gone\n", "old": numbered(*range(20)), "mode": "m\n", "type": "t\n"})
    (repo.root / "gone").unlink()
    (repo.root / "old").rename(repo.root / "new")
    (repo.root / "mode").chmod(0o755)
    (repo.root / "type").unlink()
    (repo.root / "type").symlink_to("edit")
    repo.commit_files({"edit": "2\n", "added": "a\n"})
    found = {change.path: change for change in changes(repo)}
    assert {path: (c.status, c.old_path) for path, c in found.items()} == {
        "added": ("A", None),
        "edit": ("M", None),
        "gone": ("D", None),
        "mode": ("M", None),
        "new": ("R", "old"),
        "type": ("T", None),
    }
    oid = repo.git("rev-parse", "HEAD:edit")
    assert found["edit"] == FileChange("edit", "M", None, "100644", oid, "100644", repo.git("rev-parse", "HEAD^:edit"))
    assert (found["gone"].mode, found["gone"].oid, found["gone"].is_deleted) == ("000000", NONE, True)
    assert (found["added"].old_mode, found["added"].old_oid) == ("000000", NONE)
    assert (found["mode"].old_mode, found["mode"].mode) == ("100644", "100755")
    assert found["type"].is_symlink
    assert not found["edit"].is_symlink


def test_changed_removed_and_visible_lines_are_those_of_the_new_version(make_repo):
    repo = make_repo(files={"f": numbered(*range(1, 31))})
    new = [*range(2, 10), 100, 101, *range(11, 21), *range(23, 30)]
    repo.commit_files({"f": numbered(*new)})
    assert lines(repo) == {
        "f": Hunks(
            changed=((9, 10),),
            removed={1: ("line 1",), 9: ("line 10",), 21: ("line 21", "line 22"), 28: ("line 30",)},
            visible=((1, 3), (6, 13), (18, 23), (25, 27)),
        )
    }


def test_a_new_file_is_changed_as_a_whole_and_an_emptied_one_has_only_lost_lines(make_repo):
    repo = make_repo(files={"emptied": "a\nb\n"})
    repo.commit_files({"emptied": "", "new": "a\nb\nc", "new-and-empty": ""})
    assert lines(repo) == {
        "emptied": Hunks(removed={1: ("a", "b")}),
        "new": Hunks(changed=((1, 3),), visible=((1, 3),)),
        "new-and-empty": Hunks(),
    }


def test_deleted_files_have_no_lines_and_disturb_no_others(make_repo):
    repo = make_repo(files={"a": "a\n", "b": "b\n", "c": "c\n"})
    repo.commit_files({"a": None, "b": "B\n", "c": None})
    assert lines(repo) == {"b": Hunks(((1, 1),), {1: ("b",)}, ((1, 1),))}


def test_a_rename_has_lines_only_where_it_was_edited(make_repo):
    repo = make_repo(files={"one": numbered(*range(20)), "two": numbered(*range(40, 60))})
    repo.commit_files({"one": None, "two": None, "uno": numbered(*range(20)), "dos": numbered(*range(40, 59), 7)})
    assert lines(repo) == {"uno": Hunks(), "dos": Hunks(((20, 20),), {20: ("line 59",)}, ((17, 20),))}


def test_modes_types_and_submodules_do_not_disturb_the_order(with_submodule):
    repo = with_submodule
    for name in ("a-type", "n-link", "z-type"):
        repo.write(name)
    (repo.root / "b-link").symlink_to("app.py")
    repo.write("c-mode")
    repo.commit_files({})
    (repo.root / "c-mode").chmod(0o755)
    for name in ("a-type", "z-type"):
        (repo.root / name).unlink()
        (repo.root / name).symlink_to("app.py")
    (repo.root / "b-link").unlink()
    library = type(repo)(repo.root / "vendor" / "lib")
    library.commit_files({"lib.py": "newer\n"})
    repo.write("zz", "last\n")
    repo.commit_files({"b-link": "a file now\n"})
    link, own = Hunks(((1, 1),), {}, ((1, 1),)), Hunks(((1, 1),), {}, ((1, 1),))
    expected = {"a-type": link, "b-link": own, "c-mode": Hunks(), "vendor/lib": Hunks(), "z-type": link, "zz": own}
    assert lines(repo) == expected
    (bump,) = (change for change in changes(repo) if change.is_submodule)
    assert (bump.path, bump.oid) == ("vendor/lib", library.git("rev-parse", "HEAD"))


def test_a_submodule_that_asks_to_be_ignored_and_one_that_became_files_are_told(with_submodule):
    repo = with_submodule
    repo.git("config", "--file", ".gitmodules", "submodule.vendor/lib.ignore", "all")
    repo.git("config", "diff.ignoreSubmodules", "all")
    repo.commit_files({})
    type(repo)(repo.root / "vendor" / "lib").commit_files({"lib.py": "newer\n"})
    repo.git("update-index", "--cacheinfo", "160000", "1" * 40, "vendor/lib")
    repo.git("commit", "--quiet", "--allow-empty", "-m", "bump")
    assert [change.path for change in changes(repo)] == ["vendor/lib"]
    repo.git("rm", "--quiet", "--cached", "vendor/lib")
    (repo.root / "vendor" / "lib").rename(repo.root.parent / "away")
    repo.commit_files({"vendor/lib": "a file now\n", "zz": "z\n"})
    one = Hunks(((1, 1),), {}, ((1, 1),))
    assert lines(repo) == {"vendor/lib": one, "zz": one}


def test_binary_and_large_files_have_no_lines(make_repo):
    repo = make_repo(files={})
    write_bytes(repo, "binary", b"a\0b\n")
    write_bytes(repo, "large", b"line of a large file\n" * 300_000)
    repo.commit_files({"text": "t\n"})
    assert lines(repo) == {"binary": Hunks(), "large": Hunks(), "text": Hunks(((1, 1),), {}, ((1, 1),))}


@pytest.mark.parametrize("attributes", ["* -diff", "* binary", "* diff=spy"])
def test_no_attribute_of_the_repository_hides_a_change(repo, attributes):
    repo.git("config", "diff.spy.binary", "true")
    repo.commit_files({".gitattributes": f"{attributes}\n"})
    repo.commit_files({"app.py": "one\n2\nthree\n"})
    assert lines(repo) == {"app.py": Hunks(((2, 2),), {2: ("two",)}, ((1, 3),))}


def test_no_setting_of_the_repository_changes_what_is_read(repo):
    for name, value in {
        "diff.context": "0",
        "diff.interHunkContext": "9",
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.renames": "copies",
        "diff.relative": "true",
        "diff.submodule": "log",
        "diff.suppressBlankEmpty": "true",
        "color.diff": "always",
        "core.quotePath": "true",
    }.items():
        repo.git("config", name, value)
    repo.commit_files({"app.py": "one\n\n\n\n2\n", "copy.md": "guide\n"})
    before = repo.git("rev-parse", "HEAD")
    repo.commit_files({"app.py": "one\n\n\n\n3\n"})
    assert lines(repo, before) == {"app.py": Hunks(((5, 5),), {5: ("2",)}, ((2, 5),))}


def test_names_are_exact_whatever_they_hold(make_repo):
    repo = make_repo(files={})
    repo.commit_files({name: f"{n}\n" for n, name in enumerate(STRANGE)})
    repo.commit_files({name: "x\n" * (n + 1) for n, name in enumerate(STRANGE)})
    assert {change.path: change.status for change in changes(repo)} == dict.fromkeys(STRANGE, "M")
    assert {path: found.changed for path, found in lines(repo).items()} == {
        name: ((1, n + 1),) for n, name in enumerate(STRANGE)
    }


def test_renames_between_strange_names_are_exact(make_repo):
    repo = make_repo(files={name: numbered(*range(50 * n, 50 * n + 30)) for n, name in enumerate(STRANGE)})
    for name in STRANGE[1::2]:
        (repo.root / "moved" / name).parent.mkdir(parents=True, exist_ok=True)
        (repo.root / name).rename(repo.root / "moved" / name)
    for name in STRANGE[::2]:
        (repo.root / name).unlink()
    repo.commit_files({})
    assert {c.path: c.old_path for c in changes(repo) if c.status == "R"} == {f"moved/{n}": n for n in STRANGE[1::2]}
    assert lines(repo) == {f"moved/{name}": Hunks() for name in STRANGE[1::2]}


def test_an_empty_diff_is_empty(repo):
    assert changes(repo, "HEAD", "HEAD") == ()
    assert lines(repo, "HEAD", "HEAD") == {}


def test_only_a_missing_last_newline_is_one_changed_line(make_repo):
    repo = make_repo(files={"f": "a\nb"})
    repo.commit_files({"f": "a\nb\n"})
    assert lines(repo) == {"f": Hunks(((2, 2),), {2: ("b",)}, ((1, 2),))}


def test_removed_lines_keep_their_carriage_returns_and_bytes_that_are_no_text_are_replaced(make_repo):
    repo = make_repo(files={})
    write_bytes(repo, "f", b"dos\r\n\xff\x0c\xc2\x85|\n")
    repo.git("commit", "--quiet", "-m", "old")
    repo.commit_files({"f": "unix\n"})
    assert lines(repo)["f"].removed == {1: ("dos\r", "\ufffd\x0c\x85|")}


def test_many_files_and_many_lines_are_read(make_repo):
    files = {f"f{n}": "x\n" * 50 for n in range(400)}
    repo = make_repo(files={**files, "long": numbered(*range(100_000))})
    repo.commit_files({**dict.fromkeys(files, "y\n" * 50), "long": numbered(*range(0, 100_000, 2))})
    found = lines(repo)
    assert len(found) == 401
    assert found["f7"].changed == ((1, 50),)
    assert sum(len(removed) for removed in found["long"].removed.values()) == 50_000


def test_nothing_a_hostile_repository_configures_runs(repo, make_hostile, tripwire):
    repo.commit_files({"app.py": "one\n"})
    make_hostile(repo)
    assert [change.path for change in changes(repo)] == ["app.py"]
    assert lines(repo)["app.py"].removed == {2: ("two", "three")}
    assert not tripwire.exists()


def test_from_a_linked_worktree_the_same_is_read(repo, tmp_path):
    repo.commit_files({"app.py": "one\n2\nthree\n"})
    repo.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    linked = type(repo)(tmp_path / "linked")
    assert lines(linked) == lines(repo) == {"app.py": Hunks(((2, 2),), {2: ("two",)}, ((1, 3),))}


PIECES = [
    *("a", "b", "c", "", "\r", "x\r", "\x0b", "y\x0cz", "\x1c", "\x85", "\u2028", "\u2029", "\ufeff", "\t", "\x1b[31m"),
    *("@@ -1 +1 @@", "diff --git a/x b/x", "--- a", "+++ b", "-", "+", " ", "\\ No newline at end of file"),
    *("\ud800", "Binary files a and b differ", "rename from x", "\udcff"),
]
TEXTS = st.builds(
    lambda parts, end: ("\n".join(parts) + end).encode("utf-8", "surrogatepass"),
    st.lists(st.sampled_from(PIECES), max_size=25),
    st.sampled_from(["", "\n"]),
)


def committed(root, versions):
    """Two commits with these (old, new) contents as files 0, 1, ..., made by one process."""
    parts = []
    for mark in (1, 2):
        parts.append(b"commit refs/heads/random\nmark :%d\ncommitter A <a@b> %d +0000\ndata 0\n" % (mark, mark))
        parts += [
            b"M 100644 inline %d\ndata %d\n%s\n" % (n, len(v[mark - 1]), v[mark - 1]) for n, v in enumerate(versions)
        ]
    script = b"reset refs/heads/random\n" + b"".join(parts) + b"get-mark :1\nget-mark :2\n"
    command = ["git", "fast-import", "--quiet", "--force"]
    return subprocess.run(command, cwd=root, input=script, capture_output=True, check=True).stdout.decode().split()


def split(content):
    text = content.decode("utf-8", "replace")
    return text.removesuffix("\n").split("\n") if text else []


def within(spans):
    return [number for first, last in spans for number in range(first, last + 1)]


@pytest.fixture(scope="module")
def empty_repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("random")
    quiet = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "--quiet", "--initial-branch=random"], cwd=root, env=quiet, check=True)
    return root


@settings(max_examples=100)
@given(versions=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
def test_undoing_what_the_hunks_say_gives_the_old_version(empty_repository, versions):
    base, head = committed(empty_repository, versions)
    repository = Repository(empty_repository, empty_repository / ".git", head, None)
    found = asyncio.run(hunks(repository, base, head))
    assert set(found) == {str(n) for n, (old, new) in enumerate(versions) if old != new}
    for path, told in found.items():
        old, new = (split(version) for version in versions[int(path)])
        changed = within(told.changed)
        undone = []
        for number in range(1, len(new) + 2):
            undone += told.removed.get(number, ())
            undone += [] if number in changed else new[number - 1 : number]
        assert undone == old
        near = {n for line in changed for n in range(line - 3, line + 4)}
        near |= {n for line in told.removed for n in range(line - 3, line + 3)}
        assert within(told.visible) == sorted(near & set(range(1, len(new) + 1)))
