from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from agentflow.errors import EnvironmentError_, StoreError
from agentflow.git.included import generated_versions
from agentflow.git.locking import shared_lock
from agentflow.git.watching import arming
from agentflow.git.worktrees import add_worktree, list_worktrees, move_worktree, remove_worktree


def add(repo, path, commit="HEAD"):
    asyncio.run(add_worktree(repo.open(), path, commit))
    return path


@pytest.mark.parametrize(
    ("name", "is_generated"),
    [
        ("pkg/_version.py", True),
        ("pkg/version.py", True),
        ("pkg/__version__.pyi", True),
        ("pkg/_scm_version.py", True),
        ("pkg/version_info.py", True),
        ("pkg/_version.cpython-312.pyc", False),
        ("pkg/conversion.py", False),
        ("pkg/local_settings.py", False),
        ("elsewhere/_version.py", False),  # no folder of the repository's own modules
        ("pkg/unignored_version.py", False),
    ],
)
def test_a_version_that_a_build_wrote_beside_the_modules_is_known(repo, name, is_generated):
    repo.commit_files({"pkg/__init__.py": "", ".gitignore": "*version*\nlocal*\n!unignored*\n"})
    repo.write(name, "version = '1'\n")
    found = asyncio.run(generated_versions(repo.open()))
    assert found == ((name,) if is_generated else ())


def test_a_tracked_version_is_not_generated(repo):
    repo.commit_files({"pkg/version.py": ""})
    repo.write(".gitignore", "version.py\n")
    assert asyncio.run(generated_versions(repo.open())) == ()


def entries(repo):
    folder = repo.root / ".git" / "worktrees"
    return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


def test_a_worktree_holds_the_commits_files_on_a_detached_head(repo, new_worktree):
    first = repo.git("rev-parse", "HEAD")
    repo.commit_files({"later.py": "later\n"})
    path = add(repo, new_worktree(), first)
    assert sorted(p.name for p in path.iterdir()) == [".git", "app.py", "docs"]
    head = subprocess.run(
        ["git", "status", "--porcelain", "--branch"], cwd=path, capture_output=True, text=True, check=True
    )
    assert head.stdout == "## HEAD (no branch)\n"


def test_the_users_checkout_is_byte_identical_after_add_and_remove(repo, new_worktree):
    repo.write("app.py", "dirty\n")
    repo.write("staged.py")
    repo.git("add", "staged.py")
    repo.write("untracked.txt")
    before = repo.state()
    path = add(repo, new_worktree())
    asyncio.run(remove_worktree(repo.open(), path))
    assert repo.state() == before
    assert not path.exists()
    assert entries(repo) == []


def test_a_held_index_lock_of_the_user_does_not_matter(repo, new_worktree):
    (repo.root / ".git" / "index.lock").touch()
    assert (add(repo, new_worktree()) / "app.py").read_text() == "one\ntwo\nthree\n"


@pytest.mark.parametrize("round_", [1, 2])
def test_eight_worktrees_added_at_once_all_stand(repo, new_worktree, round_):
    paths = [new_worktree() for _ in range(8)]
    repository = repo.open()

    async def add_all() -> tuple[Path, ...]:
        await asyncio.gather(*(add_worktree(repository, path, "HEAD") for path in paths))
        return await list_worktrees(repository)

    assert set(asyncio.run(add_all())) == set(paths)
    assert all((path / "app.py").exists() for path in paths)
    assert repo.git("fsck", "--strict") == ""


def test_processes_that_add_at_once_wait_for_each_other(repo, new_worktree):
    paths = [new_worktree() for _ in range(4)]
    program = (
        "import asyncio, sys; from pathlib import Path; from agentflow.git.repository import open_repository\n"
        "from agentflow.git.worktrees import add_worktree\n"
        "async def go():\n"
        "    repository = await open_repository(Path(sys.argv[1]))\n"
        "    await asyncio.gather(*(add_worktree(repository, Path(p), 'HEAD') for p in sys.argv[2:]))\n"
        "asyncio.run(go())\n"
    )
    halves = [subprocess.Popen([sys.executable, "-c", program, repo.root, *half]) for half in (paths[:2], paths[2:])]
    assert [half.wait() for half in halves] == [0, 0]
    assert all((path / "app.py").exists() for path in paths)


def test_a_folder_of_entries_that_git_deletes_at_the_worst_moment_is_made_again(repo, new_worktree, monkeypatch):
    """`git worktree prune` and `gc` delete it when it is empty, whatever is about to be put there."""
    rename, pruned = Path.rename, []

    def prune_first(draft, home):
        if not pruned and home.parent.name == "worktrees":
            pruned.append(home)
            home.parent.rmdir()
        return rename(draft, home)

    monkeypatch.setattr(Path, "rename", prune_first)
    path = add(repo, new_worktree())
    assert len(pruned) == 1
    assert entries(repo) == [path.name]


def test_adding_where_a_worktree_stands_starts_it_anew(repo, new_worktree):
    path = add(repo, new_worktree())
    (path / "app.py").write_text("half done\n")
    (path / "junk.txt").touch()
    add(repo, path)
    assert (path / "app.py").read_text() == "one\ntwo\nthree\n"
    assert not (path / "junk.txt").exists()
    assert entries(repo) == [path.name]


def test_a_locked_half_made_entry_of_a_killed_add_is_cleaned(repo, new_worktree):
    path = add(repo, new_worktree())
    entry = repo.root / ".git" / "worktrees" / path.name
    (entry / "locked").write_text("initializing")
    (entry / "index.lock").touch()
    (entry / "HEAD").unlink()
    add(repo, path)
    assert entries(repo) == [path.name]
    assert not (entry / "index.lock").exists()
    assert repo.git("fsck", "--strict") == ""


def test_an_entry_killed_before_it_named_its_worktree_is_cleaned(repo, new_worktree):
    path = new_worktree()
    entry = repo.root / ".git" / "worktrees" / path.name
    entry.mkdir(parents=True)
    (entry / "locked").write_text("initializing")
    add(repo, path)
    assert entries(repo) == [path.name]


def test_an_add_killed_at_any_moment_can_be_repeated(repo, new_worktree):
    path = new_worktree()
    program = (
        "import asyncio, sys; from pathlib import Path; from agentflow.git.repository import open_repository\n"
        "from agentflow.git.worktrees import add_worktree\n"
        "print('go', flush=True)\n"
        "async def go():\n"
        "    while True: await add_worktree(await open_repository(Path(sys.argv[1])), Path(sys.argv[2]), 'HEAD')\n"
        "asyncio.run(go())\n"
    )
    for delay in (0.2, 0.31, 0.37, 0.43):
        child = subprocess.Popen([sys.executable, "-c", program, repo.root, path], stdout=subprocess.PIPE)
        child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    add(repo, path)
    assert (path / "app.py").read_text() == "one\ntwo\nthree\n"
    assert entries(repo) == [path.name]


def test_removal_succeeds_on_locked_dirty_and_forbidden_trees(with_submodule, new_worktree):
    path = add(with_submodule, new_worktree())
    (path / "untracked").mkdir()
    (path / "untracked" / "file").touch()
    (path / "untracked").chmod(0)
    (path / "link").symlink_to(with_submodule.root)
    (with_submodule.root / ".git" / "worktrees" / path.name / "locked").touch()
    asyncio.run(remove_worktree(with_submodule.open(), path))
    assert not path.exists()
    assert entries(with_submodule) == []
    assert (with_submodule.root / "app.py").exists()


def test_removing_twice_is_harmless(repo, new_worktree):
    path = add(repo, new_worktree())
    asyncio.run(remove_worktree(repo.open(), path))
    asyncio.run(remove_worktree(repo.open(), path))
    assert entries(repo) == []


def test_removal_keeps_commits_and_branches(repo, new_worktree):
    path = add(repo, new_worktree())
    subprocess.run(["git", "switch", "--quiet", "--create", "kept"], cwd=path, check=True)
    asyncio.run(remove_worktree(repo.open(), path))
    assert repo.git("branch", "--format=%(refname:short)") == "kept\nmain"


def test_nothing_outside_the_worktree_folder_is_removed(repo, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    with pytest.raises(EnvironmentError_, match="not in agentflow's worktree folder"):
        asyncio.run(remove_worktree(repo.open(), precious))
    assert precious.exists()


@pytest.mark.parametrize("escape", ["../precious", "run/../../../precious", "."])
def test_a_path_that_climbs_out_of_the_worktree_folder_is_refused(repo, tmp_path, escape):
    (tmp_path / "precious").mkdir()
    with pytest.raises(EnvironmentError_, match="not in agentflow's worktree folder"):
        add(repo, tmp_path / "cache" / "worktrees" / escape)


def test_the_users_own_worktree_is_neither_listed_nor_removed(repo, tmp_path):
    own = tmp_path / "own"
    repo.git("worktree", "add", "--quiet", "-b", "own", str(own))
    assert asyncio.run(list_worktrees(repo.open())) == ()
    with pytest.raises(EnvironmentError_):
        asyncio.run(remove_worktree(repo.open(), own))
    assert (own / "app.py").exists()


def test_a_cache_folder_inside_the_repository_is_refused(repo, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(repo.root / "cache"))
    with pytest.raises(EnvironmentError_, match="would lie inside") as caught:
        add(repo, repo.root / "cache" / "worktrees" / "a")
    assert "AGENTFLOW_CACHE_DIR" in caught.value.hint


def test_a_committed_symlink_does_not_lead_a_worktree_elsewhere(repo, tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.mkdir()
    (repo.root / "cache").symlink_to(victim)
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(repo.root / "cache"))
    with pytest.raises(EnvironmentError_):
        add(repo, repo.root / "cache" / "worktrees" / "a")
    assert list(victim.iterdir()) == []


def test_a_symlink_at_the_worktrees_own_place_is_refused(repo, new_worktree, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    path = new_worktree()
    path.parent.mkdir(parents=True)
    path.symlink_to(victim)
    with pytest.raises(EnvironmentError_):
        add(repo, path)
    assert list(victim.iterdir()) == []


def test_a_lock_that_stays_held_is_an_error_that_names_it_and_its_holder(repo):
    async def contend() -> None:
        async with shared_lock(repo.root / ".git"), shared_lock(repo.root / ".git", timeout_s=0.1):
            pytest.fail("two holders")

    with pytest.raises(StoreError, match=rf"agentflow.lock is held by process {os.getpid()}"):
        asyncio.run(contend())


def test_a_symlink_in_the_locks_place_is_an_error_and_is_not_followed(repo, new_worktree, tmp_path):
    (repo.root / ".git" / "agentflow.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError, match=r"agentflow\.lock cannot be opened"):
        add(repo, new_worktree())
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_in_the_locks_place_is_an_error_with_its_name(tmp_path, make):
    make(tmp_path / "agentflow.lock")

    async def lock():
        async with shared_lock(tmp_path):
            pass

    with pytest.raises(StoreError, match=r"the lock .*agentflow\.lock (cannot be opened|is no file)"):
        asyncio.run(lock())


def test_adding_and_removing_changes_nothing_that_is_watched(repo, new_worktree):
    repo.git("config", "extensions.worktreeConfig", "true")
    repo.git("config", "--worktree", "core.sparseCheckout", "false")
    before = asyncio.run(arming(repo.open()))
    path = add(repo, new_worktree())
    assert asyncio.run(arming(repo.open())) == before
    asyncio.run(remove_worktree(repo.open(), path))
    assert asyncio.run(arming(repo.open())) == before


def test_a_worktree_of_a_linked_worktree_belongs_to_the_same_repository(repo, tmp_path, new_worktree):
    own = tmp_path / "own"
    repo.git("worktree", "add", "--quiet", "-b", "own", str(own))
    path = add(type(repo)(own), new_worktree())
    assert entries(repo) == sorted(["own", path.name])


def test_a_sparse_checkout_of_the_user_gives_full_worktrees(repo, new_worktree):
    repo.git("sparse-checkout", "set", "--no-cone", "/app.py")
    assert not (repo.root / "docs").exists()
    assert (add(repo, new_worktree()) / "docs" / "guide.md").exists()


def test_a_submodules_committed_files_are_there_without_network(with_submodule, new_worktree):
    (with_submodule.root / "vendor" / "lib" / "lib.py").write_text("dirty\n")
    shutil.rmtree(with_submodule.root.parent / "library")
    path = add(with_submodule, new_worktree())
    assert (path / "vendor" / "lib" / "lib.py").read_text() == "library\n"


def test_an_uninitialised_submodule_is_an_empty_folder(with_submodule, new_worktree):
    with_submodule.git("submodule", "deinit", "--force", "vendor/lib")
    path = add(with_submodule, new_worktree())
    assert list((path / "vendor" / "lib").iterdir()) == []


def test_a_worktree_of_a_submodule_stands_on_its_own(with_submodule, new_worktree):
    inside = type(with_submodule)(with_submodule.root / "vendor" / "lib")
    path = add(inside, new_worktree())
    assert (path / "lib.py").read_text() == "library\n"


def test_ignored_files_named_by_worktreeinclude_are_copied(repo, new_worktree):
    repo.commit_files({".gitignore": ".env*\nkeys/\n", ".worktreeinclude": ".env\nkeys/\napp.py\nplain.txt\n"})
    repo.write(".env", "SECRET=1\n")
    repo.write(".env.other", "SECRET=2\n")
    repo.write("keys/a/b.pem", "key\n")
    repo.write("plain.txt", "untracked but not ignored\n")
    path = add(repo, new_worktree())
    assert (path / ".env").read_text() == "SECRET=1\n"
    assert (path / "keys/a/b.pem").read_text() == "key\n"
    assert not (path / ".env.other").exists()
    assert not (path / "plain.txt").exists()


def test_worktreeinclude_keeps_links_and_follows_none(repo, new_worktree, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "secret").write_text("secret\n")
    (repo.root / "folder").symlink_to(victim)
    start = repo.commit_files({".gitignore": "*.local\n", ".worktreeinclude": "*.local\n"})
    (repo.root / "folder").unlink()
    repo.write("folder/a.local", "a\n")
    (repo.root / "link.local").symlink_to(victim / "secret")
    path = add(repo, new_worktree(), start)
    assert (path / "link.local").readlink() == victim / "secret"
    assert [p.name for p in victim.iterdir()] == ["secret"]


def test_worktreeinclude_copies_folders_with_the_links_in_them(repo, new_worktree):
    ignored = "node_modules/\ngen/\n"
    repo.commit_files({".gitignore": ignored, ".worktreeinclude": "node_modules/\n*.env\n", "packages/own/i.js": ""})
    repo.write("node_modules/tool/cli.js", "#!/usr/bin/env node\n")
    repo.write("gen/a.env", "A=1\n")
    repo.write("gen/other", "not asked for\n")
    (repo.root / "node_modules/.bin").mkdir()
    (repo.root / "node_modules/.bin/tool").symlink_to("../tool/cli.js")
    (repo.root / "node_modules/own").symlink_to("../packages/own")
    (repo.root / "node_modules/absolute").symlink_to(repo.root / "packages/own")
    path = add(repo, new_worktree())
    assert (path / "node_modules/.bin/tool").readlink() == Path("../tool/cli.js")
    assert (path / "node_modules/own").resolve() == path / "packages/own"
    assert (path / "node_modules/absolute").resolve() == path / "packages/own"
    assert sorted(p.name for p in (path / "gen").iterdir()) == ["a.env"]


def test_nothing_a_hostile_repository_configures_runs_on_add_and_remove(repo, make_hostile, tripwire, new_worktree):
    make_hostile(repo)
    path = add(repo, new_worktree())
    asyncio.run(remove_worktree(repo.open(), path))
    assert not tripwire.exists()


def test_the_tripwire_does_fire_for_plain_git(repo, make_hostile, tripwire, tmp_path):
    make_hostile(repo)
    repo.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "plain"))
    assert tripwire.exists()


def test_pruning_leaves_worktrees_alone_whether_their_folder_is_there_or_not(repo, new_worktree):
    path, gone = add(repo, new_worktree()), add(repo, new_worktree())
    shutil.rmtree(gone)
    repo.git("worktree", "prune")
    repo.git("gc", "--quiet", "--prune=now")
    assert entries(repo) == [path.name, gone.name]
    assert add(repo, gone).exists()


def test_worktrees_of_runs_whose_whole_folder_was_deleted_are_forgotten_with_the_next(repo, tmp_path, new_worktree):
    other = add(repo, tmp_path / "cache" / "worktrees" / "lost" / "attempt-1")
    repo.git("worktree", "add", "--quiet", "--lock", str(tmp_path / "users"))
    shutil.rmtree(tmp_path / "users")
    shutil.rmtree(other.parent)
    path = add(repo, new_worktree())
    assert entries(repo) == [path.name, "users"]


def test_a_half_deleted_entry_of_a_killed_process_is_cleaned(repo, new_worktree):
    left = repo.root / ".git" / "agentflow-entry-left"
    left.mkdir()
    (left / "HEAD").touch()
    add(repo, new_worktree())
    assert not left.exists()


PERSONS = [["worktree", "list"], ["worktree", "prune"], ["branch", "-v"], ["log", "--all", "--oneline"], ["gc", "-q"]]


@pytest.mark.parametrize("words", PERSONS, ids=" ".join)
def test_no_command_of_a_persons_fails_while_worktrees_come_go_and_move(repo, new_worktree, words):
    failed, over, repository = list[str](), threading.Event(), repo.open()

    def person() -> None:
        while not over.is_set():
            done = subprocess.run(["git", *words], cwd=repo.root, capture_output=True, text=True, check=False)
            failed.extend([done.stderr] if done.returncode else [])

    async def worktrees() -> None:
        for _ in range(12):
            path, moved = new_worktree(), new_worktree()
            await add_worktree(repository, path, "HEAD")
            await move_worktree(repository, path, moved)
            await remove_worktree(repository, moved)

    thread = threading.Thread(target=person)
    thread.start()
    try:
        asyncio.run(worktrees())
    finally:
        over.set()
        thread.join()
    assert failed == []
    assert entries(repo) == []
