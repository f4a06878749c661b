from __future__ import annotations

import asyncio

import pytest

from agentflow.errors import UsageError
from agentflow.git.ranges import resolve_range, working_base


def resolved(repo, text):
    return asyncio.run(resolve_range(repo.open(), text))


def base_of_work(repo):
    return asyncio.run(working_base(repo.open()))


def refused(repo, text):
    with pytest.raises(UsageError) as caught:
        resolved(repo, text)
    return caught.value


@pytest.fixture
def forked(repo):
    """`feature` (checked out) and `main` have each a commit on top of a common one, tagged `fork`."""
    repo.git("tag", "-a", "-m", "here they part", "fork")
    repo.git("switch", "--quiet", "--create", "feature")
    repo.commit_files({"feature.py": "new\n"})
    repo.git("switch", "--quiet", "main")
    repo.commit_files({"main.py": "new\n"})
    repo.git("switch", "--quiet", "feature")
    return repo


@pytest.fixture
def clone(forked, make_repo):
    """A clone of that repository whose default branch is `main`, with `work` checked out at `feature`."""
    clone = make_repo("clone")
    clone.git("remote", "add", "origin", str(forked.root))
    clone.git("fetch", "--quiet", "origin")
    clone.git("switch", "--quiet", "--no-track", "--create", "work", "origin/feature")
    clone.git("branch", "--delete", "--force", "main")
    return clone


@pytest.mark.parametrize("text", ["main..feature", "main...feature", "main..", "main...", "fork..feature"])
def test_a_range_starts_at_the_merge_base_and_a_missing_end_is_head(forked, text):
    assert resolved(forked, text) == (forked.git("rev-parse", "fork^{commit}"), forked.git("rev-parse", "feature"))


def test_a_missing_start_is_head_as_well(forked):
    assert resolved(forked, "..main") == (forked.git("rev-parse", "fork^{commit}"), forked.git("rev-parse", "main"))


def test_an_end_may_be_anything_git_calls_a_commit(forked):
    short = forked.git("rev-parse", "--short", "main")
    assert resolved(forked, f"HEAD~1..{short}")[1] == forked.git("rev-parse", "main")


def test_what_has_no_dots_is_no_range(repo):
    assert refused(repo, "main").hint == "write BASE..HEAD, such as main..my-branch"


@pytest.mark.parametrize("name", ["featur", "faeture"])
def test_an_unknown_name_is_told_with_those_close_to_it(forked, name):
    error = refused(forked, f"main..{name}")
    assert f"no commit '{name}'" in error.message
    assert error.hint == "did you mean feature?"


def test_a_name_that_only_the_remote_has_is_recognised(clone):
    assert refused(clone, "main..").hint == "did you mean origin/main?"


def test_a_name_like_no_other_is_told_where_to_look(repo):
    assert "git branch --all" in refused(repo, "zzzzzzzz..").hint


@pytest.mark.parametrize(
    "text", ["--all..HEAD", "-h..HEAD", "HEAD..--output=x", "..-", "HEAD:app.py..", "HEAD^{tree}.."]
)
def test_options_files_and_trees_are_no_commits(repo, text):
    assert "no commit" in refused(repo, text).message
    assert not (repo.root / "x").exists()


def test_a_tag_that_looks_like_an_option_is_a_tag(repo):
    repo.git("update-ref", "refs/tags/--all", "HEAD")
    head = repo.git("rev-parse", "HEAD")
    assert resolved(repo, "--all..HEAD") == (head, head)


def test_histories_that_never_met_are_told(repo):
    repo.git("switch", "--quiet", "--orphan", "island")
    repo.commit_files({"other.py": "x\n"})
    error = refused(repo, "main..island")
    assert "no common ancestor" in error.message
    assert "share history" in error.hint


def test_a_shallow_clone_is_told_how_to_get_the_rest(forked, make_repo):
    shallow = make_repo("shallow")
    shallow.git("fetch", "--quiet", "--depth=1", f"file://{forked.root}", "feature:theirs", "main:ours")
    assert refused(shallow, "ours..theirs").hint.endswith("git fetch --unshallow")
    assert refused(shallow, "0123456789..theirs").hint.endswith("git fetch --unshallow")


def test_the_work_starts_where_it_left_the_remotes_default_branch(clone):
    fork = clone.git("merge-base", "origin/main", "origin/feature")
    assert base_of_work(clone) == fork
    clone.git("remote", "set-head", "origin", "feature")
    assert base_of_work(clone) == clone.git("rev-parse", "HEAD")


def test_a_remote_default_branch_that_is_gone_falls_back_to_its_main(clone):
    clone.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone")
    assert base_of_work(clone) == clone.git("merge-base", "origin/main", "HEAD")


def test_without_a_remote_the_work_starts_where_it_left_the_local_main(forked):
    assert base_of_work(forked) == forked.git("rev-parse", "fork^{commit}")


def test_on_main_itself_and_without_a_remote_the_work_is_what_is_not_committed(forked):
    forked.git("switch", "--quiet", "main")
    assert base_of_work(forked) == forked.git("rev-parse", "main")


def test_unpushed_commits_on_main_are_work(clone):
    clone.git("switch", "--quiet", "--no-track", "--create", "main", "origin/main")
    clone.commit_files({"more.py": "x\n"})
    assert base_of_work(clone) == clone.git("rev-parse", "origin/main")


def test_a_detached_head_has_a_base_too(forked):
    forked.git("switch", "--quiet", "--detach")
    assert base_of_work(forked) == forked.git("rev-parse", "fork^{commit}")


@pytest.mark.parametrize(
    ("default", "others", "configured"),
    [
        ("trunk", [], None),
        ("master", ["zeta"], None),
        ("production", [], "production"),
        ("production", ["zeta"], "production"),
        ("anything", [], None),
        ("anything", ["agentflow/20260101-000000-abcd"], None),
    ],
)
def test_a_default_branch_of_any_name_is_where_the_work_left(make_repo, default, others, configured):
    repo = make_repo("named")
    repo.git("branch", "-m", default)
    left = repo.commit_files({"app.py": "one\n"})
    for other in others:
        repo.git("branch", other)
    if configured:
        repo.git("config", "init.defaultBranch", configured)
    repo.git("switch", "--quiet", "--create", "work")
    repo.commit_files({"app.py": "two\n"})
    assert base_of_work(repo) == left


def test_a_remote_by_another_name_has_a_default_branch_too(clone):
    fork = clone.git("merge-base", "origin/main", "origin/feature")
    clone.git("remote", "rename", "origin", "upstream")
    assert base_of_work(clone) == fork


def test_several_branches_that_might_be_the_base_are_asked_about(make_repo):
    repo = make_repo("asked")
    repo.commit_files({"app.py": "one\n"})
    for name in ("one", "two", "work"):
        repo.git("branch", name)
    repo.git("switch", "--quiet", "work")
    repo.git("branch", "-D", "main")
    with pytest.raises(UsageError, match=r"which branch did work leave\?.* but one, two") as caught:
        base_of_work(repo)
    assert caught.value.hint == "name it: agentflow review one.."


def test_the_only_branch_there_is_holds_what_is_not_committed(make_repo):
    repo = make_repo("alone")
    repo.git("branch", "-m", "work")
    head = repo.commit_files({"app.py": "one\n"})
    assert base_of_work(repo) == head
