"""A run's own commits and its branch, as git has them after a person has had a hand on them."""

from __future__ import annotations

import asyncio

import pytest

from agentflow.git.replaying import Replayed, Stuck, replay
from agentflow.git.run_refs import Own, own_commits, undone
from agentflow.git.sides import LostSide, binaries, lost_sides


def message(subtask, run="run", n=1):
    return f"Make {subtask}\n\nSo it is.\n\nAgentflow-Run: {run}\nAgentflow-Subtask: {subtask}\nAgentflow-Attempt: {n}"


@pytest.fixture
def branch(repo):
    """A branch of two commits of the run's, and the commit before them."""
    base = repo.git("rev-parse", "HEAD")
    commits = [repo.commit_files({f"{name}.txt": f"{name}\n"}, message(name)) for name in ("cup", "pot")]
    return base, *commits


def own(repo, since, until="HEAD"):
    return [(one.subtask, one.attempt) for one in asyncio.run(own_commits(repo.open(), "run", since, until))]


BOTH = [("cup", 1), ("pot", 1)]
ACTS = {
    "nothing": (),
    "amend": (("commit", "-q", "--amend", "--no-edit", "--date", "2001-01-01T00:00:00"),),
    "sign off": (("commit", "-q", "--amend", "--no-edit", "--signoff"),),
    "rebase": (("rebase", "-q", "other"),),
    "cherry-pick": (("switch", "-q", "--detach", "other"), ("cherry-pick", "main~1", "main")),
    "own commit on top": (("commit", "-q", "--allow-empty", "-m", "Mine"),),
    "merge": (("switch", "-q", "--detach", "other"), ("merge", "-q", "--no-ff", "--no-edit", "main")),
    "squash": (
        ("switch", "-q", "--detach", "other"),
        ("merge", "-q", "--squash", "main"),
        ("commit", "-q", "--no-edit"),
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_own_commits_are_known_whatever_a_person_did_to_them(repo, branch, act):
    base, *_ = branch
    repo.git("switch", "-q", "-c", "other", base)
    repo.commit_files({"other.txt": "other\n"})
    repo.git("switch", "-q", "main")
    for words in ACTS[act]:
        repo.git(*words)
    assert sorted(own(repo, base)) == BOTH


@pytest.mark.parametrize(
    "foreign", ["Mine", "Mine\n\nAgentflow-Subtask: cup\nAgentflow-Attempt: 1", message("cup", "other")]
)
def test_a_commit_on_the_runs_head_is_not_the_runs_for_that(repo, branch, foreign):
    *_, head = branch
    repo.commit_files({"mine.txt": "mine\n"}, foreign)
    assert own(repo, head) == []


def test_a_revert_is_no_commit_of_the_runs_and_undoes_one(repo, branch):
    _, cup, pot = branch
    assert asyncio.run(undone(repo.open(), [cup, pot], pot)) == ()
    repo.git("revert", "--no-edit", cup)
    assert own(repo, pot) == []
    assert asyncio.run(undone(repo.open(), [cup, pot], "HEAD")) == (cup,)


def test_work_of_which_a_part_is_left_is_not_undone(repo):
    made = repo.commit_files({"a b\nc.txt": "a\n", "ü.txt": "b\n", "app.py": None}, message("cup"))
    repo.commit_files({"a b\nc.txt": None})
    assert asyncio.run(undone(repo.open(), [made], "HEAD")) == ()
    repo.commit_files({"ü.txt": None})
    assert asyncio.run(undone(repo.open(), [made], "HEAD")) == ()
    repo.git("checkout", "-q", f"{made}~1", "--", "app.py")
    repo.commit_files({})
    assert asyncio.run(undone(repo.open(), [made], "HEAD")) == (made,)


def test_replayed_commits_keep_author_date_and_words_and_come_out_the_same_again(repo, branch):
    base, cup, pot = branch
    repo.git("switch", "-q", "-c", "other", base)
    other = repo.commit_files({"other.txt": "other\n"})
    replayed = asyncio.run(replay(repo.open(), [cup, pot], other))
    assert isinstance(replayed, Replayed)
    assert replayed == asyncio.run(replay(repo.open(), [cup, pot], other))
    assert repo.git("log", "-1", "--format=%an %ad %B", replayed.head) == repo.git(
        "log", "-1", "--format=%an %ad %B", pot
    )
    assert own(repo, other, replayed.head) == BOTH
    assert asyncio.run(replay(repo.open(), [cup, pot], replayed.head)) == Replayed(
        replayed.head, {cup: replayed.head, pot: replayed.head}
    )


def test_what_conflicts_is_named_with_its_files(repo, branch):
    base, cup, pot = branch
    repo.git("switch", "-q", "-c", "other", base)
    other = repo.commit_files({"pot.txt": "another\n"})
    assert asyncio.run(replay(repo.open(), [cup, pot], other)) == Stuck(pot, ("pot.txt",))


def test_numbers_are_read_as_they_stand(repo):
    base = repo.git("rev-parse", "HEAD")
    commit = repo.commit_files({"a.txt": "a\n"}, message("cup", n=12))
    assert asyncio.run(own_commits(repo.open(), "run", base, "HEAD")) == (Own("cup", 12, commit),)


@pytest.mark.parametrize(
    ("was", "ours", "theirs", "made", "lost"),
    [
        ("", "def a():\n    one\n", "def b():\n    two\n", "def a():\n    one\ndef b():\n    two\n", ()),
        ("", "def a():\n    one\n", "def b():\n    two\n", "def a():\n    one\n", (False,)),
        ("", "def a():\n    one\n", "def b():\n    two\n", "def b():\n    two\n", (True,)),
        ("", "def a():\n    one\n", "def b():\n    two\n", "# joined\ndef a():\n    one\n", (False,)),
        ("x = [1]\n", "x = [1, 2]\n", "x = [1, 3]\n", "x = [1, 2, 3]\n", ()),
        ("x = 1\n", "x = 2\n", "x = 3\n", "x = 5\n", ()),
        ("x = 1\n", "x = 2\n", "x = 3\n", "x = 2\n", (False,)),
        ("x = 1\n", "x = 2\n", "x = 2\n", "x = 2\n", ()),
        ("x = 1\n", None, "x = 3\n", "x = 3\n", (True,)),
        ("x = 1\n", None, "x = 3\n", None, (False,)),
    ],
)
def test_a_resolution_that_keeps_one_side_is_seen(repo, was, ours, theirs, made, lost):
    commits = []
    for text in (was, ours, theirs, made):
        path = repo.root / "shared.py"
        commits.append(repo.commit_files({"shared.py": text} if text is not None or path.exists() else {}))
    found = asyncio.run(lost_sides(repo.open(), *commits, ["shared.py", "app.py"]))
    assert found == tuple(LostSide("shared.py", ours=side) for side in lost)


def test_what_no_text_merge_can_join_is_told(repo):
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    repo.git("commit", "-qm", "Submodule")
    first = repo.git("rev-parse", "HEAD")
    (repo.root / "logo.png").write_bytes(b"\x89PNG\0\0")
    (repo.root / "sub").mkdir(exist_ok=True)
    repo.git("add", "logo.png")
    repo.git("commit", "-qm", "Logo")
    assert asyncio.run(binaries(repo.open(), (first, "HEAD"), ["app.py", "logo.png", "sub"])) == ("logo.png", "sub")
