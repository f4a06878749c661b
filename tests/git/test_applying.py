from __future__ import annotations

import asyncio

import pytest

from agentflow.errors import EnvironmentError_, MergeConflict
from agentflow.git.applying import apply_commits

BRANCH = "agentflow/run-1"


@pytest.fixture
def result(repo):
    """A run's branch, one commit ahead of main: app.py changed, docs/guide.md deleted, new/feature.py added."""
    repo.git("switch", "--quiet", "--create", BRANCH)
    head = repo.commit_files({"app.py": "better\n", "docs/guide.md": None, "new/feature.py": "feature\n"})
    repo.git("switch", "--quiet", "main")
    return head


def apply(repo, head):
    return asyncio.run(apply_commits(repo.open(), head, branch_name=BRANCH))


def assert_refused(repo, head, match, error=EnvironmentError_):
    before = repo.state()
    with pytest.raises(error, match=match) as caught:
        apply(repo, head)
    assert repo.state() == before
    return caught.value.hint


def test_a_branch_that_did_not_move_is_fast_forwarded(repo, result):
    assert apply(repo, result) == result
    assert repo.git("rev-parse", "main") == result
    assert repo.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert repo.git("status", "--porcelain") == ""
    assert (repo.root / "new" / "feature.py").read_text() == "feature\n"


def test_a_branch_that_moved_on_gets_a_merge_commit(repo, result):
    ours = repo.commit_files({"ours.py": "ours\n"})
    made = apply(repo, result)
    assert repo.git("rev-parse", "main") == made
    assert repo.git("rev-parse", f"{made}^1", f"{made}^2").split() == [ours, result]
    assert repo.git("log", "-1", "--format=%s") == "Merge branch 'agentflow/run-1' into main"
    assert repo.git("status", "--porcelain") == ""
    assert (repo.root / "ours.py").exists()
    assert (repo.root / "app.py").read_text() == "better\n"


def test_applying_twice_is_harmless(repo, result):
    repo.commit_files({"ours.py": "ours\n"})
    made = apply(repo, result)
    before = repo.state()
    assert apply(repo, result) == made
    assert repo.state() == before


def test_the_branch_checked_out_now_is_the_one_that_moves(repo, result):
    opened_on_main = repo.open()
    repo.git("switch", "--quiet", "--create", "topic")
    main = repo.git("rev-parse", "main")
    asyncio.run(apply_commits(opened_on_main, result, branch_name=BRANCH))
    assert repo.git("rev-parse", "topic") == result
    assert repo.git("rev-parse", "main") == main


def test_a_linked_worktree_of_the_users_is_applied_to_alone(repo, result, tmp_path):
    repo.git("worktree", "add", "--quiet", "-b", "own", str(tmp_path / "own"), "main")
    before = {name: value for name, value in repo.state().items() if name != "refs"}
    assert apply(type(repo)(tmp_path / "own"), result) == result
    assert (tmp_path / "own" / "new" / "feature.py").exists()
    assert {name: value for name, value in repo.state().items() if name != "refs"} == before


@pytest.mark.parametrize("moved_on", [False, True])
def test_work_the_merge_does_not_touch_stays(repo, result, moved_on):
    repo.commit_files({"other.py": "one\n", "staged.py": "one\n"} if moved_on else {})
    (repo.root / "keep.txt").write_text("untracked\n")
    repo.write("own.py", "added\n")
    repo.git("add", "own.py")
    if moved_on:
        repo.write("other.py", "dirty\n")
        repo.write("staged.py", "staged\n")
        repo.git("add", "staged.py")
    before = repo.git("status", "--porcelain")
    apply(repo, result)
    assert repo.git("status", "--porcelain") == before
    assert (repo.root / "app.py").read_text() == "better\n"


def test_a_changed_time_stamp_is_no_uncommitted_work(repo, result):
    (repo.root / "app.py").write_text((repo.root / "app.py").read_text())
    assert apply(repo, result) == result


def edit_a_changed_file(repo):
    repo.write("app.py", "mine\n")
    return "app.py"


def stage_a_changed_file(repo):
    repo.write("app.py", "mine\n")
    repo.git("add", "app.py")
    return "app.py"


def edit_a_deleted_file(repo):
    repo.write("docs/guide.md", "mine\n")
    return "docs/guide.md"


def delete_a_changed_file(repo):
    (repo.root / "app.py").unlink()
    return "app.py"


def leave_an_untracked_file(repo):
    repo.write("new/feature.py", "mine\n")
    return "new/feature.py"


def leave_an_ignored_file(repo):
    (repo.root / ".git" / "info" / "exclude").write_text("new/\n")
    return leave_an_untracked_file(repo)


def leave_a_file_where_a_folder_goes(repo):
    repo.write("new", "mine\n")
    return "new"


def leave_a_dangling_symlink(repo):
    (repo.root / "new").mkdir()
    (repo.root / "new" / "feature.py").symlink_to("nowhere")
    return "new/feature.py"


@pytest.mark.parametrize("moved_on", [False, True])
@pytest.mark.parametrize(
    "mine",
    [
        *(edit_a_changed_file, stage_a_changed_file, edit_a_deleted_file, delete_a_changed_file),
        *(leave_an_untracked_file, leave_an_ignored_file, leave_a_file_where_a_folder_goes, leave_a_dangling_symlink),
    ],
)
def test_work_the_merge_would_overwrite_is_refused_by_name(repo, result, mine, moved_on):
    if moved_on:
        repo.commit_files({"ours.py": "ours\n"})
    name = mine(repo)
    hint = assert_refused(repo, result, f"would be overwritten: {name}$")
    assert "commit or stash" in hint


def test_an_untracked_folder_where_a_file_goes_is_refused(repo):
    repo.git("switch", "--quiet", "--create", BRANCH)
    head = repo.commit_files({"thing": "a file\n"})
    repo.git("switch", "--quiet", "main")
    repo.write("thing/mine.txt", "mine\n")
    assert_refused(repo, head, "would be overwritten: thing$")


def test_a_file_that_becomes_a_folder_is_applied(repo):
    repo.git("switch", "--quiet", "--create", BRANCH)
    (repo.root / "app.py").unlink()
    head = repo.commit_files({"app.py/inner.py": "x\n"})
    repo.git("switch", "--quiet", "main")
    assert apply(repo, head) == head
    assert (repo.root / "app.py" / "inner.py").exists()


def test_a_held_index_lock_is_refused(repo, result):
    (repo.root / ".git" / "index.lock").touch()
    hint = assert_refused(repo, result, r"index\.lock exists")
    assert "delete the file" in hint


def test_a_detached_head_is_refused(repo, result):
    repo.git("switch", "--quiet", "--detach")
    assert "git switch" in assert_refused(repo, result, "detached")


@pytest.mark.parametrize("act", ["merge other", "rebase other", "cherry-pick other", "revert --no-edit HEAD~"])
def test_an_unfinished_act_is_refused_by_its_name(repo, result, act):
    repo.git("switch", "--quiet", "--create", "other")
    repo.commit_files({"app.py": "theirs\n"})
    repo.git("switch", "--quiet", "main")
    repo.commit_files({"app.py": "ours\n"})
    repo.commit_files({"app.py": "ours again\n"})
    repo.git(*act.split(), check=False)
    hint = assert_refused(repo, result, f"a {act.split()[0]} is in progress")
    assert "finish or abort it" in hint


def test_conflicts_leave_nothing_behind_and_name_the_files_and_the_command(repo, result):
    repo.commit_files({"app.py": "mine\n"})
    hint = assert_refused(repo, result, r"conflicts with main in app\.py", MergeConflict)
    assert hint.endswith(f"git merge {BRANCH}")
    assert not (repo.root / ".git" / "MERGE_HEAD").exists()


def test_a_conflict_is_exit_code_seven(repo, result):
    repo.commit_files({"app.py": "mine\n"})
    with pytest.raises(MergeConflict) as caught:
        apply(repo, result)
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("moved_on", [False, True])
def test_nothing_a_hostile_repository_configures_runs(repo, result, make_hostile, tripwire, moved_on):
    if moved_on:
        repo.commit_files({"ours.py": "ours\n"})
    make_hostile(repo)
    (repo.root / "app.py").write_text((repo.root / "app.py").read_text())
    apply(repo, result)
    assert not tripwire.exists()


def test_a_filter_in_the_repositorys_own_settings_is_refused(repo, result):
    repo.git("config", "filter.x.smudge", "cat")
    assert_refused(repo, result, "configures the program")


@pytest.mark.parametrize("ours", [{}, {"ours.py": "ours\n"}], ids=["ahead", "diverged"])
def test_a_checkout_that_wants_signatures_says_how_to_take_what_has_none(repo, result, ours):
    if ours:
        repo.commit_files(ours)
    repo.git("config", "merge.verifySignatures", "true")
    hint = assert_refused(repo, result, "does not have a GPG signature")
    words = hint.partition(": git ")[2].split()
    repo.git(*words)
    assert repo.git("merge-base", "--is-ancestor", result, "HEAD") == ""
