from __future__ import annotations

import asyncio
import os
import socket

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.repository import open_repository
from agentflow.git.snapshots import ignored, snapshot

LARGE = "x" * 6_000_000
STRANGE = ["new\nline", "esc\x1b[31m", "-rf", ":(top)x", "sp ace ", "*", "[/red]", "\u202ertl", 'q"uote', "tab\t", "é"]


def take(repo, place="."):
    async def taken():
        return await snapshot(await open_repository(repo.root / place))

    return asyncio.run(taken())


def left_out(taken):
    return {skipped.file: skipped.reason for skipped in taken.left_out}


def changed(repo, taken):
    """Status by path, from HEAD to the snapshot."""
    fields = repo.git("diff-tree", "-r", "-z", "--no-renames", "--name-status", "HEAD", taken.commit).split("\0")
    return dict(zip(fields[1::2], fields[::2], strict=False))


def content(repo, taken, path):
    return repo.git("cat-file", "blob", f"{taken.commit}:{path}")


def test_nothing_changed_is_head_itself(repo):
    (repo.root / "app.py").write_text((repo.root / "app.py").read_text())
    os.utime(repo.root / "app.py", (1, 1))
    taken = take(repo)
    assert taken.commit == repo.git("rev-parse", "HEAD")
    assert taken.left_out == ()


def test_edits_deletions_modes_links_and_new_files_are_in_it_and_ignored_ones_and_caches_are_not(repo):
    repo.write(".gitignore", "*.log\n")
    repo.write("app.py", "changed\n")
    (repo.root / "docs" / "guide.md").unlink()
    repo.write("src/run.sh").chmod(0o755)
    repo.write("debug.log")
    repo.write("src/__pycache__/run.pyc")
    (repo.root / "link").symlink_to("/etc/passwd")
    (repo.root / "dangling").symlink_to("nowhere")
    taken = take(repo)
    expected = {"app.py": "M", "docs/guide.md": "D", "src/run.sh": "A", "link": "A", "dangling": "A", ".gitignore": "A"}
    assert changed(repo, taken) == expected
    assert content(repo, taken, "link") == "/etc/passwd"
    assert repo.git("ls-tree", taken.commit, "src/run.sh").startswith("100755 ")
    assert repo.git("rev-parse", f"{taken.commit}^") == repo.git("rev-parse", "HEAD")


def test_the_users_files_index_head_refs_and_status_stay_as_they_are(repo):
    repo.write("staged.py")
    repo.git("add", "staged.py")
    repo.write("staged.py", "edited after\n")
    repo.write("app.py", "dirty\n")
    repo.write("new.py")
    before, status = repo.state(), repo.git("--no-optional-locks", "status", "--porcelain")
    folder = sorted(path.name for path in (repo.root / ".git").iterdir())
    assert changed(repo, take(repo)) == {"staged.py": "A", "app.py": "M", "new.py": "A"}
    assert repo.state() == before
    assert sorted(path.name for path in (repo.root / ".git").iterdir()) == folder
    assert repo.git("status", "--porcelain") == status


@pytest.mark.parametrize("setting", ["core.splitIndex", "core.untrackedCache", "index.sparse", "core.autocrlf"])
def test_however_the_index_is_kept_it_stays_as_it_is(repo, setting):
    repo.git("config", setting, "true")
    repo.git("config", "core.safecrlf", "true")
    repo.git("update-index", "--force-write-index")
    repo.write("app.py", "one\ntwo\r\n")
    folder = sorted(path.name for path in (repo.root / ".git").iterdir())
    before = repo.state()
    assert changed(repo, take(repo)) == {"app.py": "M"}
    assert repo.state() == before
    assert sorted(path.name for path in (repo.root / ".git").iterdir()) == folder


def test_a_held_index_lock_does_not_matter(repo):
    (repo.root / ".git" / "index.lock").touch()
    repo.write("app.py", "dirty\n")
    assert changed(repo, take(repo)) == {"app.py": "M"}


def test_the_same_files_give_the_same_commit_and_others_another(repo, monkeypatch):
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2021-01-01T00:00:00Z")
    repo.commit_files({})
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    repo.write("app.py", "dirty\n")
    first = take(repo)
    assert (
        repo.git("log", "-1", "--format=%at %ct %an %cn", first.commit) == "1609459200 1609459200 agentflow agentflow"
    )
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    repo.git("add", "app.py")
    repo.git("config", "user.email", "else@example.org")
    os.utime(repo.root / "app.py", (1, 1))
    assert take(repo) == first
    repo.write("app.py", "dirtier\n")
    assert take(repo).commit != first.commit


def test_an_edit_that_leaves_size_and_time_as_they_were_is_seen(repo):
    repo.git("config", "core.trustctime", "false")
    repo.commit_files({"racy.py": "old\n"})
    stamp = 1_600_000_000 * 10**9
    os.utime(repo.root / "racy.py", ns=(stamp, stamp))
    repo.git("update-index", "--refresh")
    os.utime(repo.root / ".git" / "index", ns=(stamp, stamp))
    (repo.root / "racy.py").write_text("new\n")
    os.utime(repo.root / "racy.py", ns=(stamp, stamp))
    assert changed(repo, take(repo)) == {"racy.py": "M"}


def test_what_the_index_says_is_tracked_counts(repo):
    repo.write(".gitignore", "*.env\n")
    repo.write("forced.env")
    repo.git("add", "--force", "forced.env")
    repo.write("meant.py")
    repo.git("add", "--intent-to-add", "meant.py")
    repo.write("secret.env", "old\n")
    repo.git("add", "--force", "secret.env")
    repo.commit_files({})
    repo.git("rm", "--quiet", "--cached", "secret.env")
    repo.write("secret.env", "new secret\n")
    assert changed(repo, take(repo)) == {"secret.env": "D"}


def test_a_file_in_conflict_is_taken_as_it_is_on_disk(repo):
    repo.git("switch", "--quiet", "--create", "other")
    repo.commit_files({"app.py": "theirs\n", "docs/guide.md": None, "both.py": "b\n"})
    repo.git("switch", "--quiet", "main")
    repo.commit_files({"app.py": "ours\n", "docs/guide.md": "edited\n", "both.py": "a\n"})
    repo.git("merge", "other", check=False)
    (repo.root / "both.py").unlink()
    before = repo.state()
    taken = take(repo)
    assert changed(repo, taken) == {"app.py": "M", "both.py": "D"}
    assert content(repo, taken, "app.py") == "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> other"
    assert repo.state() == before


def test_a_file_that_became_a_folder_and_a_folder_that_became_a_file_or_a_link_are_taken(make_repo):
    repo = make_repo(files={"a": "a\n", "b/c": "c\n", "d/e": "e\n"})
    (repo.root / "a").unlink()
    repo.write("a/inside")
    for folder in ("b", "d"):
        (next((repo.root / folder).iterdir())).unlink()
        (repo.root / folder).rmdir()
    repo.write("b")
    (repo.root / "d").symlink_to("a")
    expected = {"a": "D", "a/inside": "A", "b/c": "D", "b": "A", "d/e": "D", "d": "A"}
    assert changed(repo, take(repo)) == expected


def test_strange_names_are_taken(repo):
    for name in STRANGE:
        repo.write(f"in/{name}")
    (repo.root / os.fsdecode(b"in/\xff\xfe")).write_text("x")
    assert changed(repo, take(repo)) == {f"in/{name}": "A" for name in (*STRANGE, "\udcff\udcfe")}


def test_a_linked_worktree_has_a_snapshot_of_its_own(repo, tmp_path):
    repo.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    linked = type(repo)(tmp_path / "linked")
    repo.write("app.py", "in the main one\n")
    linked.write("docs/guide.md", "in the linked one\n")
    before = linked.state()
    assert changed(linked, take(linked)) == {"docs/guide.md": "M"}
    assert linked.state() == before


def test_from_a_subfolder_everything_is_taken(repo):
    repo.write("app.py", "dirty\n")
    repo.write("new.py")
    assert changed(repo, take(repo, "docs")) == {"app.py": "M", "new.py": "A"}


def test_files_a_sparse_checkout_leaves_away_are_not_deleted(repo):
    repo.git("sparse-checkout", "set", "--cone", "elsewhere")
    assert not (repo.root / "docs" / "guide.md").exists()
    repo.write("app.py", "dirty\n")
    assert changed(repo, take(repo)) == {"app.py": "M"}
    repo.write("docs", "in the place of the folder\n")
    assert changed(repo, take(repo)) == {"app.py": "M", "docs": "A", "docs/guide.md": "D"}


def test_a_submodule_is_the_commit_it_is_checked_out_at_and_what_is_edited_in_it_stays_out(with_submodule):
    library = type(with_submodule)(with_submodule.root / "vendor" / "lib")
    library.write("lib.py", "edited\n")
    assert take(with_submodule).commit == with_submodule.git("rev-parse", "HEAD")
    bumped = library.commit_files({"lib.py": "newer\n"})
    taken = take(with_submodule)
    assert changed(with_submodule, taken) == {"vendor/lib": "M"}
    assert with_submodule.git("rev-parse", f"{taken.commit}:vendor/lib") == bumped
    assert taken.left_out == ()


def test_a_submodule_that_is_not_initialised_is_unchanged(with_submodule):
    with_submodule.git("submodule", "deinit", "--force", "vendor/lib")
    assert take(with_submodule).commit == with_submodule.git("rev-parse", "HEAD")


def test_a_large_file_is_left_out_and_a_tracked_one_keeps_the_version_of_head(repo):
    repo.commit_files({"data.csv": "small\n", "unchanged.csv": LARGE})
    os.utime(repo.root / "unchanged.csv", (1, 1))
    repo.write("data.csv", LARGE)
    repo.write("new.csv", LARGE * 2)
    repo.write("staged.csv", LARGE)
    repo.git("add", "data.csv", "staged.csv")
    repo.write("data.csv", LARGE + "more")
    repo.write("staged.csv", LARGE + "more")
    repo.write("app.py", "dirty\n")
    taken = take(repo)
    six = "too large (6 MB)"
    assert left_out(taken) == {"data.csv": six, "staged.csv": six, "new.csv": "too large (12 MB)"}
    assert changed(repo, taken) == {"app.py": "M"}


def test_a_large_file_in_conflict_is_left_out(repo):
    repo.git("switch", "--quiet", "--create", "other")
    repo.commit_files({"app.py": "theirs\n"})
    repo.git("switch", "--quiet", "main")
    repo.commit_files({"app.py": "ours\n"})
    repo.git("merge", "other", check=False)
    repo.write("app.py", LARGE)
    taken = take(repo)
    assert left_out(taken) == {"app.py": "too large (6 MB)"}
    assert taken.commit == repo.git("rev-parse", "HEAD")


def test_repositories_inside_are_left_out_also_where_a_tracked_file_was(repo):
    (repo.root / "app.py").unlink()
    for name in ("app.py", "docs/inner"):
        repo.git("init", "--quiet", name)
        inner = type(repo)(repo.root / name)
        inner.commit_files({"x.py": "x\n"})
    taken = take(repo)
    assert left_out(taken) == dict.fromkeys(["app.py", "docs/inner"], "a repository of its own")
    assert taken.commit == repo.git("rev-parse", "HEAD")


def test_pipes_and_sockets_are_never_opened_and_one_in_a_tracked_files_place_is_told(repo, monkeypatch):
    monkeypatch.chdir(repo.root)
    os.mkfifo("pipe")
    (repo.root / "app.py").unlink()
    os.mkfifo("app.py")
    (repo.root / "docs" / "guide.md").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("docs/guide.md")
        taken = take(repo)
    assert left_out(taken) == dict.fromkeys(["app.py", "docs/guide.md"], "not a regular file")
    assert taken.commit == repo.git("rev-parse", "HEAD")


def test_what_cannot_be_read_is_left_out(repo):
    repo.write("app.py", "dirty\n").chmod(0)
    if os.access(repo.root / "app.py", os.R_OK):
        pytest.skip("root may read anything")
    repo.write("new.py").chmod(0)
    repo.write("fine.py")
    taken = take(repo)
    assert left_out(taken) == dict.fromkeys(["app.py", "new.py"], "cannot be read")
    assert changed(repo, taken) == {"fine.py": "A"}


def test_nothing_a_repository_configures_is_run(with_submodule, make_hostile, tripwire):
    make_hostile(with_submodule)
    library = type(with_submodule)(with_submodule.root / "vendor" / "lib")
    library.git("config", "core.fsmonitor", f"touch '{tripwire}'")
    with_submodule.write("app.py", "dirty\n")
    library.write("lib.py", "dirty\n")
    taken = take(with_submodule)
    assert not tripwire.exists()
    assert changed(with_submodule, taken) == {"app.py": "M"}


def test_a_filter_program_of_the_repository_is_refused(repo, tripwire):
    repo.git("config", "filter.spy.clean", f"touch '{tripwire}'; cat")
    repo.write(".gitattributes", "* filter=spy\n")
    with pytest.raises(EnvironmentError_, match=r"filter\.spy\.clean"):
        take(repo)
    assert not tripwire.exists()


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], {"a.log", "build/", "src/b.log", "src/__pycache__/"}),
        (["src"], {"src/b.log", "src/__pycache__/"}),
        (["src/"], {"src/b.log", "src/__pycache__/"}),
        (["a.log", "app.py"], {"a.log"}),
        (["build"], {"build/"}),
        (["src/*.log"], {"src/b.log", "src/__pycache__/"}),
        (["[ab].log"], {"a.log", "build/", "src/__pycache__/"}),
        (["docs", "missing", "-x", ":(exclude)src"], set()),
    ],
)
def test_what_is_ignored_below_paths_is_listed_with_whole_folders_as_one(repo, paths, expected):
    repo.write(".gitignore", "*.log\nbuild/\n")
    for name in ("a.log", "build/x.py", "build/deep/y.py", "src/b.log", "src/c.py", "src/__pycache__/c.pyc"):
        repo.write(name)
    assert set(asyncio.run(ignored(repo.open(), paths))) == expected


def test_an_ignored_file_that_is_named_itself_is_told(repo):
    repo.write(".gitignore", "build/\n")
    repo.write("build/x.py")
    (found,) = asyncio.run(ignored(repo.open(), ["build/x.py"]))
    assert "build/x.py".startswith(found)
