from __future__ import annotations

import asyncio

from agentflow.git.trees import graft

REF = "refs/agentflow/r1/a/1-old-tests"


def files(repo, commit):
    names = repo.git("ls-tree", "-r", "-z", "--name-only", commit).split("\0")[:-1]
    mine = [name for name in names if name not in ("app.py", "docs/guide.md")]
    return {name: repo.git("show", f"{commit}:{name}") for name in mine}


def mixed(repo, onto, source, *paths):
    return asyncio.run(graft(repo.open(), onto, source, paths, REF))


def test_named_paths_are_as_in_the_one_commit_and_the_rest_as_in_the_other(repo):
    base = repo.commit_files({"src.py": "old", "test_src.py": "old", "gone.py": "old", "ä b.py": "old"})
    after = repo.commit_files(
        {"src.py": "new", "test_src.py": "new", "gone.py": None, "ä b.py": "new", "new.py": "new"}
    )
    old_tests = mixed(repo, after, base, "test_src.py", "gone.py", "ä b.py", "new.py")
    assert files(repo, old_tests) == {"src.py": "new", "test_src.py": "old", "gone.py": "old", "ä b.py": "old"}
    alone = mixed(repo, base, after, "test_src.py", "gone.py", "no.py")
    assert files(repo, alone) == {"src.py": "old", "test_src.py": "new", "ä b.py": "old"}


def test_a_file_takes_the_place_of_a_folder_and_keeps_its_mode(repo):
    base = repo.commit_files({"tests/a.py": "old"})
    repo.git("rm", "--quiet", "-r", "tests")
    repo.write("tests", "new").chmod(0o755)
    after = repo.commit_files({})
    assert files(repo, mixed(repo, base, after, "tests", "tests/a.py")) == {"tests": "new"}
    assert repo.git("ls-tree", REF, "tests").startswith("100755 ")


def test_its_ref_holds_it_and_moves_and_nothing_of_the_users_changes(repo):
    base = repo.commit_files({"a.py": "old"})
    after = repo.commit_files({"a.py": "new"})
    repo.git("config", "core.splitIndex", "true")
    before = {name: value for name, value in repo.state().items() if name != "refs"}
    for onto, source in ((after, base), (base, after)):
        assert mixed(repo, onto, source, "a.py") == repo.git("rev-parse", REF)
    assert {name: value for name, value in repo.state().items() if name != "refs"} == before
    assert repo.git("status", "--porcelain") == ""
