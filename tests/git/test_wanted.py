"""What of an agent's untracked files is in its commit, and what it is told of the others."""

from __future__ import annotations

import asyncio
import os
import subprocess

import pytest

from agentflow.git.commits import commit_wanted
from agentflow.git.staging import disown
from agentflow.git.wanted import Wanted
from agentflow.git.worktrees import add_worktree

IGNORED = "lib/\nbuild/\n*.log\n.env\nlocal.py\n"


@pytest.fixture
def repo(make_repo):
    return make_repo(files={".gitignore": IGNORED, "app/main.py": "main\n"})


@pytest.fixture
def worktree(repo, new_worktree):
    path = new_worktree()
    asyncio.run(add_worktree(repo.open(), path, "HEAD"))
    return path


@pytest.fixture
def commit(repo, worktree):
    """Commits the worktree; gives the paths that changed, and the reasons for what was left out by path."""

    def make(scope, written=(), left=()):
        wanted = Wanted(tuple(scope), frozenset(written), tuple(left))
        made = asyncio.run(commit_wanted(repo.open(), worktree, "work", wanted))
        listed = repo.git("diff-tree", "-r", "--name-only", f"{made.commit}^", made.commit) if made.commit else ""
        return set(listed.splitlines()), {one.path: one.why for one in made.left_out}

    return make


def put(worktree, *names, text="text\n"):
    for name in names:
        (worktree / name).parent.mkdir(parents=True, exist_ok=True)
        (worktree / name).write_text(text)


def test_a_file_that_the_agent_wrote_in_its_scope_is_committed_though_a_stock_rule_ignores_it(commit, worktree):
    put(worktree, "app/lib/helper.py")
    assert commit(["app/**"], ["app/lib/helper.py"]) == ({"app/lib/helper.py"}, {})


def test_it_stays_in_the_next_commit_and_its_next_change_is_one(commit, worktree):
    put(worktree, "app/lib/helper.py")
    commit(["app/**"], ["app/lib/helper.py"])
    assert commit(["app/**"]) == (set(), {})
    put(worktree, "app/lib/helper.py", text="other\n")
    assert commit(["app/**"]) == ({"app/lib/helper.py"}, {})


@pytest.mark.parametrize("scope", ["app/lib/helper.py", "app/lib/**", "app/lib/", "app/lib/*.py"])
def test_a_scope_that_names_the_file_or_its_ignored_folder_is_enough(commit, worktree, scope):
    put(worktree, "app/lib/helper.py")
    assert commit([scope]) == ({"app/lib/helper.py"}, {})


def test_what_was_made_otherwise_is_told_with_the_reason(commit, worktree):
    put(worktree, "app/lib/helper.py", "app/other.py")
    changed, left = commit(["app/**"])
    assert changed == {"app/other.py"}
    assert left == {"app/lib/helper.py": "an ignore rule hides it and it was not written with Write or Edit"}


def test_build_output_counts_only_where_a_tool_of_the_agents_wrote_it(commit, worktree):
    put(worktree, "app/build/by_hand.py", "app/build/by_make.o", "app/run.log")
    changed, left = commit(["app/**"], ["app/build/by_hand.py"])
    assert changed == {"app/build/by_hand.py"}
    assert set(left) == {"app/build/by_make.o", "app/run.log"}


@pytest.mark.parametrize("name", [".env", "app/lib/id_rsa", "app/lib/server.key"])
def test_a_secret_is_never_committed(commit, worktree, name):
    put(worktree, name)
    changed, left = commit([name], [name])
    assert changed == set()
    assert "secret" in left[name]


@pytest.mark.parametrize("name", ["app/__pycache__/x.pyc", "node_modules/x/lib/index.js", ".pytest_cache/lib/x"])
def test_a_tools_cache_is_neither_committed_nor_told(commit, worktree, name):
    put(worktree, name)
    assert commit(["**"], [name]) == (set(), {})


def test_what_set_up_made_is_neither_committed_nor_told(commit, repo, worktree):
    put(worktree, "app/lib/made.py", "local.py")
    asyncio.run(disown(repo.open(), worktree))
    put(worktree, "app/lib/made.py", text="again\n")
    assert commit(["**", "local.py", "app/lib/**"], ["local.py", "app/lib/made.py"]) == (set(), {})


def test_what_lies_outside_the_scope_is_no_business_of_this_commit(commit, worktree):
    put(worktree, "lib/elsewhere.py", "app/x.py")
    assert commit(["app/**"], ["lib/elsewhere.py"]) == ({"app/x.py"}, {})


def test_a_hidden_file_that_is_too_large_is_told(commit, worktree):
    put(worktree, "app/lib/data.json", text="x" * 1_000_001)
    changed, left = commit(["app/**"], ["app/lib/data.json"])
    assert changed == set()
    assert "larger than 1 MB" in left["app/lib/data.json"]


def test_a_hidden_symlink_and_an_executable_are_committed_as_such(commit, repo, worktree):
    put(worktree, "app/lib/run.sh")
    (worktree / "app/lib/run.sh").chmod(0o755)
    (worktree / "app/lib/link").symlink_to("../main.py")
    assert commit(["app/lib/**"])[0] == {"app/lib/run.sh", "app/lib/link"}


def test_an_empty_folder_is_told(commit, worktree):
    (worktree / "app" / "assets" / "icons").mkdir(parents=True)
    (worktree / "elsewhere").mkdir()
    put(worktree, "app/x.py")
    changed, left = commit(["app/**"])
    assert changed == {"app/x.py"}
    assert list(left) == ["app/assets/"]
    assert ".gitkeep" in left["app/assets/"]


def test_a_repository_in_the_worktree_is_told(commit, worktree):
    subprocess.run(["git", "init", "--quiet", "app/nested"], cwd=worktree, check=True)
    put(worktree, "app/nested/x.py")
    assert commit(["app/**"]) == (set(), {"app/nested/": "it is a git repository of its own"})


def test_what_the_checks_leave_behind_stays_out_unless_the_agent_meant_it(commit, worktree):
    put(worktree, "test", "results/a.xml", "results/b.xml", "app/x.py")
    left_by_checks = ["results/", "test", "app/x.py"]
    changed, left = commit(["app/**"], ["results/b.xml", "app/x.py"], left_by_checks)
    assert changed == {"app/x.py", "results/b.xml"}
    assert set(left) == {"test", "results/a.xml"}
    assert commit(["test"], [], left_by_checks)[0] == {"test"}


def test_what_git_cannot_take_is_told_in_its_words_and_the_rest_is_committed(commit, repo, worktree):
    put(worktree, ".gitattributes", text="*.utf16 working-tree-encoding=UTF-16\n")
    put(worktree, "app/text.utf16", text="no mark of byte order\n")
    put(worktree, "app/x.py")
    changed, left = commit(["**"])
    assert changed == {".gitattributes", "app/x.py"}
    assert "UTF-16" in left["app/text.utf16"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_cannot_be_read_is_told(commit, worktree):
    put(worktree, "app/x.py", "app/y.py")
    (worktree / "app/x.py").chmod(0)
    changed, left = commit(["app/**"])
    assert changed == {"app/y.py"}
    assert set(left) == {"app/x.py"}
