from __future__ import annotations

import asyncio
import os

import pytest

from agentflow.git.watching import GitDirectoryChanged, Watch, arming, changed


def at(repo):
    return repo.root / ".git"


def set_a_program(repo):
    repo.git("config", "core.sshCommand", "evil")


def include_a_file(repo):
    repo.git("config", "include.path", "more")


def change_an_included_file(repo):
    (at(repo) / "more").write_text("[diff]\n\texternal = evil\n")


def set_a_worktrees_program(repo):
    repo.git("config", "extensions.worktreeConfig", "true")
    repo.git("config", "--worktree", "core.editor", "evil")


def set_another_worktrees_program(repo):
    repo.git("worktree", "add", "--quiet", str(repo.root.parent / "other"))
    (at(repo) / "worktrees" / "other" / "config.worktree").write_text("[core]\n\teditor = evil\n")


def arm_a_submodule(repo):
    repo.git("init", "--quiet", "--bare", str(at(repo) / "modules" / "a" / "b"))
    repo.git("config", "--file", str(at(repo) / "modules" / "a" / "b" / "config"), "core.pager", "evil")


def hook_a_submodule(repo):
    repo.git("init", "--quiet", "--bare", str(at(repo) / "modules" / "sub"))
    (at(repo) / "modules" / "sub" / "hooks" / "post-checkout").write_text("#!/bin/sh\n")


def add_a_hook(repo):
    (at(repo) / "hooks" / "post-index-change").write_text("#!/bin/sh\n")


def arm_a_hook(repo):
    (at(repo) / "hooks" / "sleeping").chmod(0o755)


def link_a_hook(repo):
    (at(repo) / "hooks" / "linked").symlink_to("/bin/true")


def pipe_a_hook(repo):
    os.mkfifo(at(repo) / "hooks" / "piped")


def set_attributes(repo):
    (at(repo) / "info" / "attributes").write_text("* filter=evil\n")


def lend_objects(repo):
    (at(repo) / "objects" / "info" / "alternates").write_text("/elsewhere\n")


def plant_a_commondir(repo):
    (at(repo) / "commondir").write_text("/elsewhere\n")


def lead_a_worktree_elsewhere(repo):
    repo.git("worktree", "add", "--quiet", str(repo.root.parent / "other"))
    (at(repo) / "worktrees" / "other" / "commondir").write_text("/elsewhere\n")


def put_a_link_in_place(repo):
    (at(repo) / "packed-refs").symlink_to("/elsewhere")


ARMING = [
    *(set_a_program, include_a_file, change_an_included_file, set_a_worktrees_program, set_another_worktrees_program),
    *(arm_a_submodule, hook_a_submodule, add_a_hook, arm_a_hook, link_a_hook, pipe_a_hook, set_attributes),
    *(lend_objects, plant_a_commondir, lead_a_worktree_elsewhere, put_a_link_in_place),
]


def commit_and_branch(repo):
    repo.commit_files({"new.py": "new\n"})
    repo.git("switch", "--quiet", "--create", "topic")
    repo.git("config", "branch.topic.merge", "refs/heads/main")


def stash(repo):
    repo.write("app.py", "changed\n")
    repo.git("stash", "--quiet")


def add_a_remote_and_fetch(repo):
    repo.git("remote", "add", "upstream", str(repo.root))
    repo.git("fetch", "--quiet", "upstream")


def collect(repo):
    repo.git("gc", "--quiet", "--prune=now")
    repo.git("worktree", "prune")


def add_a_worktree(repo):
    repo.git("worktree", "add", "--quiet", str(repo.root.parent / "mine"))


def name_oneself(repo):
    repo.git("config", "user.name", "Ada")
    repo.git("config", "core.fsmonitor", "true")
    repo.git("config", "submodule.lib.update", "rebase")


def install_lfs(repo):
    repo.git("config", "filter.lfs.clean", "git-lfs clean -- %f")


def leave_an_empty_file(repo):
    (at(repo) / "hooks" / "left").touch()
    (at(repo) / "info" / "attributes").touch()


ORDINARY = [
    *(commit_and_branch, stash, add_a_remote_and_fetch, collect, add_a_worktree, name_oneself, install_lfs),
    leave_an_empty_file,
]


@pytest.fixture
def watched(repo):
    hooks = at(repo) / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "sleeping").write_text("#!/bin/sh\n")
    include = at(repo) / "more"
    include.write_text("[user]\n\temail = ada@example.org\n")
    repo.git("config", "includeIf.onbranch:never.path", "more")
    return repo


def over(repo, act, *, sandboxed):
    """What is told while `act` happens during a check."""
    repository, told = repo.open(), []

    async def watch():
        async with Watch(repository, told.append, sandboxed).over("the check 'make'"):
            act(repo)

    asyncio.run(watch())
    return told


@pytest.mark.parametrize("act", ARMING)
def test_what_could_run_code_later_is_seen(watched, act):
    before = asyncio.run(arming(watched.open()))
    repository = watched.open()
    act(watched)
    assert changed(before, asyncio.run(arming(repository)))


def test_in_the_sandbox_it_was_a_person_who_is_told_what_changed(watched):
    (told,) = over(watched, add_a_hook, sandboxed=True)
    assert told == "git's configuration or hooks changed while the check 'make' ran: hooks/post-index-change is new"


@pytest.mark.security("L10")
def test_without_a_sandbox_the_run_stops_and_nothing_is_put_back(watched):
    with pytest.raises(
        GitDirectoryChanged, match=r"ran without a sandbox: core\.sshcommand in config is new"
    ) as caught:
        over(watched, set_a_program, sandboxed=False)
    assert "agentflow resume" in caught.value.hint
    assert watched.git("config", "core.sshCommand") == "evil"


@pytest.mark.parametrize("act", ORDINARY)
def test_a_persons_work_beside_a_run_is_blamed_on_nobody(watched, act):
    assert over(watched, act, sandboxed=True) == []


@pytest.mark.parametrize("act", ORDINARY)
def test_a_persons_work_stops_no_run_without_a_sandbox_either(watched, act):
    over(watched, act, sandboxed=False)


@pytest.mark.security("L10")
def test_refs_that_move_without_a_sandbox_are_told_with_where_they_stood(watched):
    was = watched.git("rev-parse", "HEAD")
    (told,) = over(watched, lambda repo: repo.commit_files({"new.py": "new\n"}), sandboxed=False)
    now = watched.git("rev-parse", "HEAD")
    assert f"refs/heads/main was {was}, is {now}" in told
    assert "the index differs" in told


def test_agentflows_own_refs_are_not_looked_at(watched):
    def own(repo):
        repo.git("update-ref", "refs/agentflow/run/tip", "HEAD")
        repo.git("branch", "agentflow/run")

    assert over(watched, own, sandboxed=False) == []


def test_an_error_of_what_ran_comes_through_as_it_is(watched):
    def fails(repo):
        set_a_program(repo)
        raise KeyError("its own")

    with pytest.raises(KeyError):
        over(watched, fails, sandboxed=False)


def test_looking_starts_no_git_where_no_file_has_changed(watched, monkeypatch):
    repository = watched.open()
    asyncio.run(arming(repository))
    monkeypatch.setattr("agentflow.git.command.run", None)
    asyncio.run(arming(repository))
