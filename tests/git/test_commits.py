from __future__ import annotations

import asyncio
import os
import shutil
import subprocess

import pytest

from agentflow.domain.evidence import Change
from agentflow.errors import EnvironmentError_
from agentflow.git.commits import (
    changes,
    commit_all,
    commit_tree,
    diff_text,
    list_files,
    read_file,
    read_followed,
    ref_value,
    set_ref,
    tree_of,
    worktree_head,
)
from agentflow.git.staging import disown
from agentflow.git.worktrees import add_worktree

STRANGE = ["new\nline", "esc\x1b[31m", "-rf", ":(top)x", "sp ace ", "*", "\udcff\udcfe", 'q"uote', "tab\t", "é"]


@pytest.fixture
def worktree(repo, new_worktree):
    path = new_worktree()
    asyncio.run(add_worktree(repo.open(), path, "HEAD"))
    return path


def commit(repo, worktree, message="work", **kwargs):
    return asyncio.run(commit_all(repo.open(), worktree, message, **kwargs))


def changed(repo, made):
    found = asyncio.run(changes(repo.open(), repo.git("rev-parse", f"{made}^"), made))
    return {change.path: change.status for change in found}


def test_adds_edits_deletes_modes_and_symlinks_are_one_commit_on_the_worktrees_head(repo, worktree):
    (worktree / "app.py").write_text("changed\n")
    (worktree / "docs" / "guide.md").unlink()
    (worktree / "src").mkdir()
    (worktree / "src" / "run.sh").write_text("#!/bin/sh\n")
    (worktree / "src" / "run.sh").chmod(0o755)
    (worktree / "link").symlink_to("/etc/passwd")
    made = commit(repo, worktree)
    assert changed(repo, made) == {"app.py": "M", "docs/guide.md": "D", "src/run.sh": "A", "link": "A"}
    modes = {line.split("\t")[1]: line[:6] for line in repo.git("ls-tree", "-r", made).splitlines()}
    assert modes == {"app.py": "100644", "link": "120000", "src/run.sh": "100755"}
    assert repo.git("cat-file", "blob", f"{made}:link") == "/etc/passwd"
    assert repo.git("rev-parse", f"{made}^") == repo.git("rev-parse", "HEAD")


def test_the_users_checkout_is_byte_identical_after_a_commit(repo, worktree):
    repo.write("app.py", "dirty\n")
    before = repo.state()
    (worktree / "app.py").write_text("changed\n")
    assert commit(repo, worktree)
    assert repo.state() == before


def test_nothing_changed_is_no_commit(repo, worktree):
    (worktree / "app.py").write_text((worktree / "app.py").read_text())
    os.utime(worktree / "app.py", (1, 1))
    assert commit(repo, worktree) is None


def test_after_a_commit_git_shows_a_clean_worktree_and_the_next_commit_is_on_top(repo, worktree):
    (worktree / "new.py").write_text("new\n")
    first = commit(repo, worktree)
    status = subprocess.run(["git", "status", "--porcelain"], cwd=worktree, capture_output=True, text=True, check=True)
    assert status.stdout == ""
    assert commit(repo, worktree) is None
    (worktree / "new.py").unlink()
    second = commit(repo, worktree)
    assert repo.git("rev-parse", f"{second}^") == first
    assert changed(repo, second) == {"new.py": "D"}


@pytest.mark.parametrize("name", STRANGE)
def test_any_file_name_is_committed_and_read_back(repo, worktree, name):
    (worktree / name).write_text("strange\n")
    made = commit(repo, worktree)
    assert changed(repo, made) == {name: "A"}
    assert asyncio.run(read_file(repo.open(), made, name)) == b"strange\n"
    assert name in asyncio.run(list_files(repo.open(), made))


def file_to_folder(worktree):
    (worktree / "app.py").unlink()
    (worktree / "app.py").mkdir()
    (worktree / "app.py" / "inner").write_text("x\n")
    return {"app.py": "D", "app.py/inner": "A"}


def folder_to_file(worktree):
    shutil.rmtree(worktree / "docs")
    (worktree / "docs").write_text("x\n")
    return {"docs": "A", "docs/guide.md": "D"}


def folder_to_symlink(worktree):
    shutil.rmtree(worktree / "docs")
    (worktree / "docs").symlink_to("/etc")
    return {"docs": "A", "docs/guide.md": "D"}


def file_to_symlink(worktree):
    (worktree / "app.py").unlink()
    (worktree / "app.py").symlink_to("docs/guide.md")
    return {"app.py": "T"}


def file_to_fifo(worktree):
    (worktree / "app.py").unlink()
    os.mkfifo(worktree / "app.py")
    return {"app.py": "D"}


@pytest.mark.parametrize("change", [file_to_folder, folder_to_file, folder_to_symlink, file_to_symlink, file_to_fifo])
def test_a_path_that_becomes_another_kind_of_thing_is_committed_so(repo, worktree, change):
    expected = change(worktree)
    assert changed(repo, commit(repo, worktree)) == expected


@pytest.mark.parametrize(
    "name",
    [
        *(
            "__pycache__/a.pyc",
            "src/__pycache__/a.pyc",
            ".pytest_cache/v",
            ".mypy_cache/x",
            ".ruff_cache/x",
            ".coverage",
        ),
        *(".coverage.host.1", "node_modules/x/index.js", ".tox/py/x", ".nox/x", "web/node_modules/x"),
    ],
)
def test_what_tools_leave_behind_is_not_committed(repo, worktree, name):
    (worktree / name).parent.mkdir(parents=True, exist_ok=True)
    (worktree / name).write_text("cache\n")
    assert commit(repo, worktree) is None


def test_a_tracked_file_counts_even_where_caches_lie(repo, new_worktree):
    repo.commit_files({"node_modules/own.js": "one\n"})
    path = new_worktree()
    asyncio.run(add_worktree(repo.open(), path, "HEAD"))
    (path / "node_modules" / "own.js").write_text("two\n")
    assert changed(repo, commit(repo, path)) == {"node_modules/own.js": "M"}


def test_the_repositorys_and_the_users_ignore_rules_are_honoured(repo, worktree, tmp_path, monkeypatch):
    (tmp_path / "ignore").write_text("*.global\n")
    (tmp_path / "own").write_text(f"[core]\n\texcludesFile = {tmp_path / 'ignore'}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "own"))
    (repo.root / ".git" / "info" / "exclude").write_text("*.exclude\n")
    (worktree / ".gitignore").write_text("*.ignored\n")
    for name in ("a.global", "a.exclude", "a.ignored", "a.kept"):
        (worktree / name).touch()
    assert changed(repo, commit(repo, worktree)) == {".gitignore": "A", "a.kept": "A"}


@pytest.mark.parametrize("name", [".bashrc", ".mcp.json", ".idea", ".claude/settings.json", ".claude/commands"])
def test_a_placeholder_the_sandbox_left_is_not_committed(repo, worktree, name):
    (worktree / name).parent.mkdir(exist_ok=True)
    (worktree / name).touch(mode=0o444)
    (worktree / name).chmod(0o444)
    assert commit(repo, worktree) is None


def test_an_empty_or_read_only_file_of_the_agents_is_committed(repo, worktree):
    (worktree / "__init__.py").touch()
    (worktree / ".mcp.json").write_text("{}\n")
    (worktree / ".mcp.json").chmod(0o444)
    (worktree / "marker").touch()
    (worktree / "marker").chmod(0o444)
    assert set(changed(repo, commit(repo, worktree))) == {"__init__.py", ".mcp.json", "marker"}


def test_what_lay_untracked_before_the_agent_began_is_no_part_of_its_commit(repo, worktree):
    (worktree / "made").mkdir()
    for name in ("made/by-setup", *STRANGE):
        (worktree / name).write_text("left behind\n")
    asyncio.run(disown(repo.open(), worktree))
    (worktree / "made/by-check").write_text("left behind later\n")
    asyncio.run(disown(repo.open(), worktree))
    (worktree / "made/by-agent").write_text("work\n")
    (worktree / "app.py").write_text("changed\n")
    assert changed(repo, commit(repo, worktree)) == {"app.py": "M", "made/by-agent": "A"}


def test_a_tracked_file_that_set_up_rewrote_is_as_committed_again(repo, worktree):
    (tracked,) = [path for path in worktree.iterdir() if path.is_file() and path.name != ".git"][:1]
    committed = tracked.read_bytes()
    tracked.write_text("rewritten by an install command")
    asyncio.run(disown(repo.open(), worktree))
    assert tracked.read_bytes() == committed
    assert commit(repo, worktree) is None


def test_files_copied_by_worktreeinclude_stay_out_even_when_an_agent_stops_ignoring_them(repo, new_worktree):
    repo.commit_files({".gitignore": ".env\n", ".worktreeinclude": ".env\n"})
    repo.write(".env", "SECRET=1\n")
    path = new_worktree()
    asyncio.run(add_worktree(repo.open(), path, "HEAD"))
    (path / ".gitignore").write_text("")
    assert changed(repo, commit(repo, path)) == {".gitignore": "M"}


def test_a_submodules_files_do_not_get_in_the_way_and_its_commit_stays(with_submodule, new_worktree):
    path = new_worktree()
    asyncio.run(add_worktree(with_submodule.open(), path, "HEAD"))
    (path / "vendor" / "lib" / "lib.py").write_text("changed\n")
    (path / "vendor" / "lib" / "new.py").write_text("new\n")
    assert commit(with_submodule, path) is None
    (path / "app.py").write_text("changed\n")
    made = commit(with_submodule, path)
    assert changed(with_submodule, made) == {"app.py": "M"}
    assert with_submodule.git("rev-parse", f"{made}:vendor/lib") == with_submodule.git("rev-parse", "HEAD:vendor/lib")


def test_a_repository_an_agent_makes_in_the_worktree_stays_out(repo, worktree):
    subprocess.run(["git", "init", "--quiet", "nested"], cwd=worktree, check=True)
    (worktree / "nested" / "x").touch()
    (worktree / "app.py").write_text("changed\n")
    assert changed(repo, commit(repo, worktree)) == {"app.py": "M"}


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree", "--force-remove"])
def test_an_agent_cannot_hide_a_change_in_the_index(repo, worktree, flag):
    subprocess.run(["git", "update-index", flag, "app.py"], cwd=worktree, check=True)
    (worktree / "app.py").write_text("hidden\n")
    assert changed(repo, commit(repo, worktree)) == {"app.py": "M"}


def test_a_lock_left_on_the_worktrees_index_does_not_matter(repo, worktree):
    (repo.root / ".git" / "worktrees" / worktree.name / "index.lock").touch()
    (repo.root / ".git" / "worktrees" / worktree.name / "agentflow-index.lock").touch()
    (worktree / "app.py").write_text("changed\n")
    assert changed(repo, commit(repo, worktree)) == {"app.py": "M"}


def test_a_worktree_switched_to_the_users_branch_is_tampering(repo, worktree):
    subprocess.run(["git", "symbolic-ref", "HEAD", "refs/heads/main"], cwd=worktree, check=True)
    (worktree / "app.py").write_text("changed\n")
    main = repo.git("rev-parse", "main")
    with pytest.raises(EnvironmentError_, match="was switched to a branch"):
        commit(repo, worktree)
    assert repo.git("rev-parse", "main") == main


def test_a_head_moved_to_another_history_is_tampering(repo, new_worktree):
    first = repo.git("rev-parse", "HEAD")
    repo.commit_files({"app.py": "second\n"})
    path = new_worktree()
    asyncio.run(add_worktree(repo.open(), path, "HEAD"))
    subprocess.run(["git", "checkout", "--quiet", "--detach", first], cwd=path, check=True)
    with pytest.raises(EnvironmentError_, match="had its HEAD moved"):
        commit(repo, path)


def test_a_git_folder_of_the_agents_own_making_is_not_believed(repo, worktree, tripwire):
    (worktree / ".git").unlink()
    subprocess.run(["git", "init", "--quiet"], cwd=worktree, check=True)
    subprocess.run(["git", "config", "filter.evil.clean", f"touch '{tripwire}'; cat"], cwd=worktree, check=True)
    (worktree / ".gitattributes").write_text("* filter=evil\n")
    (worktree / "app.py").write_text("changed\n")
    made = commit(repo, worktree)
    assert changed(repo, made) == {".gitattributes": "A", "app.py": "M"}
    assert not tripwire.exists()


def test_a_shared_git_directory_of_the_agents_own_making_is_not_believed(repo, worktree, tmp_path, tripwire):
    subprocess.run(["git", "init", "--quiet", tmp_path / "evil"], check=True)
    subprocess.run(["git", "config", "filter.evil.clean", f"touch '{tripwire}'"], cwd=tmp_path / "evil", check=True)
    entry = repo.root / ".git" / "worktrees" / worktree.name
    (entry / "commondir").write_text(str(tmp_path / "evil" / ".git"))
    (worktree / ".gitattributes").write_text("* filter=evil\n")
    assert changed(repo, commit(repo, worktree)) == {".gitattributes": "A"}
    assert not tripwire.exists()


def test_settings_an_agent_gives_its_worktree_are_tampering(repo, worktree):
    (repo.root / ".git" / "worktrees" / worktree.name / "config.worktree").write_text("[core]\n\tfsmonitor = evil\n")
    with pytest.raises(EnvironmentError_, match="a git configuration of its own"):
        commit(repo, worktree)


def test_after_an_interruption_the_head_tells_that_the_commit_was_made(repo, worktree):
    (worktree / "app.py").write_text("changed\n")
    made = commit(repo, worktree)
    assert asyncio.run(worktree_head(repo.open(), worktree)) == made


def test_nothing_a_hostile_repository_configures_runs_on_commit_and_reading(repo, worktree, make_hostile, tripwire):
    make_hostile(repo)
    (worktree / ".gitattributes").write_text("* diff=spy merge=spy\n")
    (worktree / "app.py").write_text("changed\n")
    repository = repo.open()
    made = commit(repo, worktree)
    assert "+changed" in asyncio.run(diff_text(repository, repository.head, made))
    assert not tripwire.exists()


def test_a_message_ends_with_its_trailers_one_line_each(repo, worktree):
    (worktree / "app.py").write_text("changed\n")
    made = commit(
        repo, worktree, "Title\n\nBody.\n", trailers={"Agentflow-Run": "r1", "Agentflow-Model": "a\nSigned-off-by: x"}
    )
    assert repo.git("log", "-1", "--format=%B", made) == (
        "Title\n\nBody.\n\nAgentflow-Run: r1\nAgentflow-Model: a Signed-off-by: x"
    )
    assert repo.git("log", "-1", "--format=%(trailers:key=Agentflow-Run,valueonly)", made).strip() == "r1"


def test_commits_carry_the_users_identity_or_agentflows(repo, worktree):
    (worktree / "app.py").write_text("one\n")
    assert repo.git("log", "-1", "--format=%an <%ae> %cn", commit(repo, worktree)) == (
        "agentflow <agentflow@localhost> agentflow"
    )
    repo.git("config", "user.name", "Grace")
    repo.git("config", "user.email", "grace@example.org")
    (worktree / "app.py").write_text("two\n")
    assert repo.git("log", "-1", "--format=%an <%ae> %cn", commit(repo, worktree)) == "Grace <grace@example.org> Grace"


def test_changes_between_commits_carry_gits_letters_and_no_renames(repo):
    base = repo.git("rev-parse", "HEAD")
    repo.git("mv", "app.py", "main.py")
    head = repo.commit_files({"docs/guide.md": "other\n"})
    assert asyncio.run(changes(repo.open(), base, head)) == (
        Change("app.py", "D"),
        Change("docs/guide.md", "M"),
        Change("main.py", "A"),
    )


def test_a_long_diff_is_cut_at_a_line_and_says_so(repo):
    base = repo.git("rev-parse", "HEAD")
    head = repo.commit_files({"big.txt": "".join(f"line {n}\n" for n in range(1000))})
    whole = asyncio.run(diff_text(repo.open(), base, head))
    cut = asyncio.run(diff_text(repo.open(), base, head, limit=500))
    *lines, last = cut.splitlines()
    assert whole.startswith("\n".join(lines) + "\n")
    assert last == f"[diff cut: {len(cut) - len(last) - 1} of {len(whole)} characters shown]"
    assert "cut" not in whole


def test_a_diff_of_bytes_that_are_not_text_can_be_written_as_utf8(repo):
    base = repo.git("rev-parse", "HEAD")
    (repo.root / "latin.txt").write_bytes(b"caf\xe9\n")
    head = repo.commit_files({})
    assert "caf\N{REPLACEMENT CHARACTER}" in asyncio.run(diff_text(repo.open(), base, head))


def test_a_file_that_is_not_there_reads_as_none(repo):
    head = repo.git("rev-parse", "HEAD")
    assert asyncio.run(read_file(repo.open(), head, "missing.py")) is None
    assert asyncio.run(read_file(repo.open(), head, "docs")) is None
    assert asyncio.run(read_file(repo.open(), head, "app.py")) == b"one\ntwo\nthree\n"


def test_listed_files_leave_submodules_out(with_submodule):
    assert asyncio.run(list_files(with_submodule.open(), "HEAD")) == (".gitmodules", "app.py", "docs/guide.md")


REF = "refs/agentflow/run/subtask/1"


def test_a_ref_moves_only_from_where_it_was_said_to_be(repo):
    repository, first = repo.open(), repo.git("rev-parse", "HEAD")
    second = repo.commit_files({"app.py": "second\n"})

    async def story() -> None:
        assert await ref_value(repository, REF) is None
        await set_ref(repository, REF, first, None)
        await set_ref(repository, REF, first, None)
        await set_ref(repository, REF, second, first)
        await set_ref(repository, REF, second, first)
        assert await ref_value(repository, REF) == second
        for old in (None, "0" * 39 + "1"):
            with pytest.raises(EnvironmentError_, match="could not move"):
                await set_ref(repository, REF, first, old)
        assert await ref_value(repository, REF) == second

    asyncio.run(story())


def test_a_commit_of_a_tree_moves_no_ref(repo):
    repository, refs = repo.open(), repo.git("for-each-ref")

    async def make() -> str:
        tree = await tree_of(repository, repository.head)
        return await commit_tree(repository, tree, repository.head, "message", {})

    made = asyncio.run(make())
    assert repo.git("rev-parse", f"{made}^{{tree}}") == repo.git("rev-parse", "HEAD^{tree}")
    assert repo.git("for-each-ref") == refs


@pytest.mark.parametrize("name", ["CLAUDE.md", "AGENTS.md", ".agentflow/review.md"])
@pytest.mark.parametrize(
    ("links", "content"),
    [
        ({"": "{up}RULES.md"}, b"Use tabs.\n"),
        ({"": "{up}docs/./../RULES.md"}, b"Use tabs.\n"),
        ({"": "{up}one", "one": "docs/two", "docs/two": "../RULES.md"}, b"Use tabs.\n"),
        ({"": "{up}folder/RULES.md", "folder": "docs/deep"}, b"Deep.\n"),
        ({"": "{up}../RULES.md"}, None),
        ({"": "/etc/passwd"}, None),
        ({"": "{up}nowhere.md"}, None),
        ({"": "{up}docs"}, None),
        ({"": "{up}one", "one": "two", "two": "one"}, None),
    ],
)
def test_a_link_to_instructions_is_followed_inside_the_commit_only(repo, name, links, content):
    repo.write("RULES.md", "Use tabs.\n")
    repo.write("docs/deep/RULES.md", "Deep.\n")
    (repo.root.parent / "RULES.md").write_text("a secret of the machine\n")
    for link, target in links.items():
        place = repo.root / (link or name)
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(target.format(up="../" * name.count("/")))
    commit = repo.commit_files({})
    assert asyncio.run(read_followed(repo.open(), commit, name)) == content


def test_bytes_and_absence_of_a_plain_file_are_read_as_they_are(repo):
    commit = repo.commit_files({"CLAUDE.md": "\n\nnaïve\n\n"})
    assert asyncio.run(read_followed(repo.open(), commit, "CLAUDE.md")) == "\n\nnaïve\n\n".encode()
    assert asyncio.run(read_followed(repo.open(), commit, "AGENTS.md")) is None
