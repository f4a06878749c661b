"""Whatever state a repository is in: a run succeeds and leaves it as it was, or is refused with a way out."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

pytestmark = pytest.mark.cli

#: agentflow's own folders, and what it may leave in a git directory: objects, its refs, the directory's lock file.
OURS = re.compile(r"^(state|cache)/|\.git/(modules/\w+/)?(objects/|(logs/)?refs/(heads/)?agentflow/|agentflow\.lock$)")


def snapshot(world) -> dict[str, tuple[int, bytes]]:
    """Every file of the user's on this machine, with its mode and its bytes: checkouts, git directories, home."""
    files = (path for path in sorted(world.folder.rglob("*")) if path.is_file() and not path.is_symlink())
    named = {str(path.relative_to(world.folder)): path for path in files}
    return {
        name: (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        for name, path in named.items()
        if not OURS.search(name)
    }


def with_uncommitted_work(world, root: Path) -> Path:
    (root / "staged.txt").write_text("staged\n")
    world.git(root, "add", "staged.txt")
    (root / "README.md").write_text("Half a thought.\n")
    (root / "tea.txt").write_text("the user's own, which the run writes too\n")
    return root


def with_a_detached_head(world, root: Path) -> Path:
    world.git(root, "checkout", "-q", "--detach")
    return root


def in_a_linked_worktree(world, root: Path) -> Path:
    world.git(root, "worktree", "add", "-q", "-b", "linked", "../linked")
    return root.parent / "linked"


def above_a_submodule(world, root: Path) -> Path:
    library = world.repository({"cup.txt": "china\n"}, name="library")
    world.git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
    world.git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "Add the library")
    return root


def inside_a_submodule(world, root: Path) -> Path:
    return above_a_submodule(world, root) / "library"


def with_a_held_index_lock(world, root: Path) -> Path:
    (root / ".git" / "index.lock").write_text("")
    return root


UNCOMMITTED = "2 uncommitted changes and 1 untracked file are not part of this run"
DETACHED = "HEAD is detached at"
SUBMODULE = "submodule 'library' is there for reading"


@pytest.mark.parametrize(
    ("states", "notices"),
    [
        (
            [above_a_submodule, with_a_detached_head, with_uncommitted_work, with_a_held_index_lock],
            [UNCOMMITTED, DETACHED, SUBMODULE],
        ),
        ([inside_a_submodule, in_a_linked_worktree], []),
        *(
            pytest.param([state], notices, marks=pytest.mark.long)
            for state, notices in (
                (with_uncommitted_work, [UNCOMMITTED]),
                (with_a_detached_head, [DETACHED]),
                (in_a_linked_worktree, []),
                (above_a_submodule, [SUBMODULE]),
                (inside_a_submodule, []),
                (with_a_held_index_lock, []),
            )
        ),
    ],
)
def test_a_run_succeeds_and_leaves_the_users_state_as_it_was(world, errand, states, notices):
    where = errand.root
    for state in states:
        where = state(world, where)
    plan, server = errand.plan_file("tea"), errand.serve(errand.writes("tea"))
    before, head = snapshot(world), world.git(where, "rev-parse", "HEAD")
    ended = world.agentflow(where, "run", "--plan", plan, "--yes", "--json", replay=server)
    assert (ended.code, ended.json["status"], server.unmatched) == (0, "succeeded", [])
    assert ended.json["base"] == head
    assert world.git(where, "show", f"{ended.json['branch']}:tea.txt") == "good"
    assert [notice for notice in notices if notice not in ended.err] == []
    assert snapshot(world) == before
    assert world.git(where, "rev-parse", "HEAD") == head


def test_a_run_goes_from_a_subfolder_of_another_place_and_without_a_git_identity(world, errand):
    (errand.root / "deep" / "down").mkdir(parents=True)
    server = errand.serve(errand.writes("tea"))
    plan, place = errand.plan_file("tea"), str(errand.root / "deep" / "down")
    ended = world.agentflow(world.folder, "-C", place, "run", "--plan", plan, "--yes", "--json", replay=server)
    assert (ended.code, server.unmatched) == (0, [])
    commits = f"main..{ended.json['branch']}"
    assert world.git(errand.root, "log", "--format=%an %ae", commits) == "agentflow agentflow@localhost"
    assert world.git(errand.root, "diff", "--name-only", f"main...{ended.json['branch']}") == "tea.txt"


def without_a_commit(world, root: Path) -> Path:
    world.git(root, "checkout", "-q", "--orphan", "fresh")
    return root


def without_a_repository(world, root: Path) -> Path:
    return world.folder


def in_a_bare_repository(world, root: Path) -> Path:
    world.git(root, "clone", "-q", "--bare", ".", "../bare.git")
    return root.parent / "bare.git"


def in_the_git_directory(world, root: Path) -> Path:
    return root / ".git"


def with_a_branch_named_agentflow(world, root: Path) -> Path:
    world.git(root, "branch", "agentflow")
    return root


@pytest.mark.parametrize(
    ("prepare", "message", "hint"),
    [
        (without_a_commit, "has no commit yet", "make a first commit: git add . && git commit -m 'Start'"),
        (without_a_repository, "is not in a git repository", "git init && git add . && git commit -m 'Start'"),
        (in_a_bare_repository, "is a bare repository", "run agentflow in a clone or worktree"),
        (in_the_git_directory, "is inside a git directory", "run agentflow in a clone or worktree"),
        (with_a_branch_named_agentflow, "the branch 'agentflow' is in the way", "git branch -m agentflow agentflow-"),
    ],
)
def test_a_repository_that_cannot_be_worked_on_is_refused_with_a_hint_and_left_alone(
    world, errand, prepare, message, hint
):
    where = prepare(world, errand.root)
    plan = errand.plan_file("tea")
    before = snapshot(world)
    ended = world.agentflow(where, "run", "--plan", plan, "--yes")
    assert (ended.code, ended.out) == (4, "")
    error, _, advice = ended.err.partition("\n\nhint: ")
    assert message in error
    assert hint in advice
    assert snapshot(world) == before
    assert world.events() == []


def test_the_advice_about_a_branch_named_agentflow_helps(world, errand):
    with_a_branch_named_agentflow(world, errand.root)
    refused = world.agentflow(errand.root, "run", "make tea", "--dry-run")
    advice = refused.err.partition("hint: rename it: ")[2].split()
    world.git(errand.root, *advice[1:])
    assert world.agentflow(errand.root, "run", "make tea", "--dry-run").code == 0


def test_a_folder_that_is_not_there_is_a_usage_error(world):
    ended = world.agentflow(world.folder, "-C", "nowhere", "run", "make tea", "--dry-run")
    assert (ended.code, ended.out) == (2, "")
    assert "nowhere: No such file or directory" in ended.err
