"""Worktrees that are renewed are the same as fresh ones, whatever was done in them."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agentflow.git.checkouts import Checkouts
from agentflow.git.commits import commit_wanted
from agentflow.git.pool import WorktreePool
from agentflow.git.rooms import Rooms
from agentflow.git.wanted import Wanted
from agentflow.git.worktrees import add_worktree

FILES = {
    "app.py": "one\ntwo\nthree\n",
    "docs/guide.md": "guide\n",
    "run.sh": "#!/bin/sh\n",
    ".gitignore": "*.ignored\nmade/\n",
}


def tree(root: Path) -> dict[str, tuple[int, object]]:
    """Everything below a folder but git's own: mode, and content, target or nothing."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name == ".git":
            continue
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[name] = (path.lstat().st_mode, content)
    return found


@dataclass
class Pool:
    """A pool over a repository, and how often it made a worktree afresh."""

    repo: object
    folder: Path
    prepare: Callable[[Path], None] = lambda path: None
    prepared: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def prepare(path: Path) -> None:
            self.prepared.append(path)
            self.prepare(path)

        async def fits(_: Path) -> bool:
            return True

        self.repository = self.repo.open()
        self.pool = WorktreePool(self.repository, self.folder, prepare, fits)
        self.path = self.folder / "proof-1"

    def renew(self, commit: str) -> dict[str, tuple[int, object]]:
        asyncio.run(self.pool.renew(self.path, commit))
        return tree(self.path)

    def fresh(self, commit: str) -> dict[str, tuple[int, object]]:
        path = self.folder / "fresh"
        asyncio.run(add_worktree(self.repository, path, commit))
        self.prepare(path)
        subprocess.run(["git", "checkout", "-q", "."], cwd=path, check=True)
        return tree(path)


@pytest.fixture
def repo(make_repo):
    made = make_repo(files=FILES)
    (made.root / "run.sh").chmod(0o755)
    (made.root / "link").symlink_to("docs/guide.md")
    made.commit_files({})
    return made


@pytest.fixture
def pool(repo, tmp_path) -> Pool:
    return Pool(repo, tmp_path / "cache" / "worktrees" / "run")


def quietly_rewritten(root: Path) -> None:
    """Same size, same time of writing, within the same second."""
    found = (root / "app.py").stat()
    (root / "app.py").write_text("ONE\ntwo\nthree\n")
    os.utime(root / "app.py", ns=(found.st_atime_ns, found.st_mtime_ns))


def hidden_in_the_index(root: Path) -> None:
    for flag in ("--assume-unchanged", "--skip-worktree"):
        subprocess.run(["git", "update-index", flag, "app.py", "run.sh"], cwd=root, check=True)
    (root / "app.py").write_text("hidden\n")
    (root / "run.sh").unlink()


def index_deleted(root: Path) -> None:
    entry = Path(subprocess.check_output(["git", "rev-parse", "--absolute-git-dir"], cwd=root, text=True).strip())
    (entry / "index").write_bytes(b"nonsense")
    (root / "app.py").write_text("hidden\n")


def index_emptied(root: Path) -> None:
    subprocess.run(["git", "rm", "-rq", "--cached", "."], cwd=root, check=True)
    (root / "app.py").write_text("hidden\n")


def committed_to(root: Path) -> None:
    (root / "app.py").write_text("hidden\n")
    words = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *words, "commit", "-qam", "by a test"], cwd=root, check=True)


def switched(root: Path) -> None:
    subprocess.run(["git", "checkout", "-qb", "by-a-test"], cwd=root, check=True)
    (root / "app.py").write_text("hidden\n")


def modes(root: Path) -> None:
    (root / "app.py").chmod(0o755)
    (root / "run.sh").chmod(0o644)
    (root / "docs" / "guide.md").chmod(0o400)
    (root / "docs").chmod(0o500)
    root.chmod(0o555)


def read_only_leftovers(root: Path) -> None:
    (root / "left" / "deep").mkdir(parents=True)
    (root / "left" / "deep" / "file").touch(mode=0o400)
    (root / "left" / "deep").chmod(0o500)
    (root / "left").chmod(0)


def other_kinds(root: Path) -> None:
    (root / "docs" / "guide.md").unlink()
    (root / "docs").rmdir()
    (root / "docs").symlink_to("/etc")
    (root / "link").unlink()
    (root / "link").mkdir()
    os.mkfifo(root / "pipe")


def ignored_and_nested(root: Path) -> None:
    (root / "a.ignored").touch()
    (root / "empty" / "deeper").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "nested"], cwd=root, check=True)
    (root / "nested" / "file").touch()
    subprocess.run(["git", "init", "-q", "docs"], cwd=root, check=True)


def renamed_by_case(root: Path) -> None:
    (root / "app.py").rename(root / "App.py")


def linked(root: Path) -> None:
    """Written through another name for the same file."""
    os.link(root / "app.py", root / "other")
    (root / "other").write_text("hidden\n")


def sparse(root: Path) -> None:
    subprocess.run(["git", "sparse-checkout", "set", "docs"], cwd=root, check=True)


def git_file_changed(root: Path) -> None:
    (root / ".git").unlink()
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)


def folder_gone(root: Path) -> None:
    subprocess.run(["rm", "-rf", root], check=True)


DEEDS = [
    *(quietly_rewritten, hidden_in_the_index, index_deleted, index_emptied, committed_to, switched, modes),
    *(read_only_leftovers, other_kinds, ignored_and_nested, renamed_by_case, linked, sparse, git_file_changed),
    folder_gone,
]


@pytest.mark.parametrize("deed", DEEDS)
def test_a_renewed_worktree_is_as_a_fresh_one_whatever_a_check_did_in_it(repo, pool, deed):
    commit = repo.git("rev-parse", "HEAD")
    fresh = pool.fresh(commit)
    assert pool.renew(commit) == fresh
    deed(pool.path)
    assert pool.renew(commit) == fresh
    status = subprocess.run(["git", "status", "--porcelain"], cwd=pool.path, capture_output=True, text=True, check=True)
    assert status.stdout == ""
    assert subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=pool.path, text=True).strip() == commit


@pytest.mark.parametrize("deed", [quietly_rewritten, modes, other_kinds, ignored_and_nested, read_only_leftovers])
def test_what_a_check_does_to_files_alone_is_undone_without_a_new_worktree(repo, pool, deed):
    commit = repo.git("rev-parse", "HEAD")
    pool.renew(commit)
    deed(pool.path)
    pool.renew(commit)
    assert len(pool.prepared) == 1


def test_a_renewed_worktree_follows_from_commit_to_commit(repo, pool):
    first = repo.git("rev-parse", "HEAD")
    second = repo.commit_files({"app.py": None, "app.py/inner": "x\n", "docs/guide.md": "other\n"} | {"new/a": "a\n"})
    for commit in (first, second, first, second):
        assert pool.renew(commit) == pool.fresh(commit)
    assert len(pool.prepared) == 1


def test_attributes_that_change_how_other_files_are_written_count(repo, pool):
    first = repo.git("rev-parse", "HEAD")
    second = repo.commit_files({"docs/.gitattributes": "*.md text eol=crlf\n"})
    for commit in (first, second, first):
        assert pool.renew(commit) == pool.fresh(commit)
    assert pool.renew(second)["docs/guide.md"][1] == b"guide\r\n"


def test_submodules_are_laid_out_and_gone_again(with_submodule, tmp_path):
    without = with_submodule.git("rev-parse", "HEAD^")
    having = with_submodule.git("rev-parse", "HEAD")
    pool = Pool(with_submodule, tmp_path / "cache" / "worktrees" / "run")
    for commit in (without, having, having, without):
        assert pool.renew(commit) == pool.fresh(commit)
        if (pool.path / "vendor").exists():
            (pool.path / "vendor" / "lib" / "lib.py").write_text("changed\n")


def set_up(path: Path) -> None:
    """Rewrites a tracked file, makes ignored and other files, a file beside tracked ones and an empty folder."""
    (path / "app.py").write_text("rewritten\n")
    (path / "made" / "deep").mkdir(parents=True)
    (path / "made" / "deep" / "tool").write_text("tool\n")
    (path / "docs" / "version.ignored").write_text("1\n")
    (path / "media").mkdir()


def test_what_preparing_made_is_kept_and_what_it_did_to_tracked_files_is_not(repo, tmp_path):
    pool = Pool(repo, tmp_path / "cache" / "worktrees" / "run", set_up)
    first = repo.git("rev-parse", "HEAD")
    second = repo.commit_files({"docs/guide.md": "other\n"})
    for commit in (first, second, second):
        assert pool.renew(commit) == pool.fresh(commit)
        assert (pool.path / "app.py").read_text() == FILES["app.py"]
        (pool.path / "media" / "upload").touch()
        (pool.path / "docs" / "other.ignored").touch()
    assert len(pool.prepared) == 1


@pytest.mark.parametrize("gone", ["made", "docs/version.ignored", "media"])
def test_when_what_preparing_made_is_gone_it_is_prepared_again(repo, tmp_path, gone):
    pool = Pool(repo, tmp_path / "cache" / "worktrees" / "run", set_up)
    commit = repo.git("rev-parse", "HEAD")
    before = pool.renew(commit)
    subprocess.run(["rm", "-rf", pool.path / gone], check=True)
    assert pool.renew(commit) == before
    assert len(pool.prepared) == 2


def test_a_path_that_a_commit_tracks_and_preparing_makes_is_made_again_for_a_commit_without_it(repo, tmp_path):
    pool = Pool(repo, tmp_path / "cache" / "worktrees" / "run", set_up)
    without = repo.git("rev-parse", "HEAD")
    repo.write("docs/version.ignored", "committed\n")
    repo.git("add", "--force", "docs/version.ignored")
    having = repo.commit_files({})
    assert pool.renew(without)["docs/version.ignored"][1] == b"1\n"
    assert pool.renew(having)["docs/version.ignored"][1] == b"committed\n"
    assert pool.renew(without)["docs/version.ignored"][1] == b"1\n"


def test_set_up_is_repeated_where_its_manifest_differs(repo, tmp_path):
    pool = Pool(repo, tmp_path / "cache" / "worktrees" / "run", set_up)
    first = repo.git("rev-parse", "HEAD")
    second = repo.commit_files({"web/package.json": "{}\n"})
    for commit in (first, second, second, first):
        pool.renew(commit)
    assert len(pool.prepared) == 3


def test_leftovers_are_what_is_neither_tracked_nor_ignored_nor_a_tools_cache(repo, tmp_path):
    pool = Pool(repo, tmp_path / "cache" / "worktrees" / "run", set_up)
    pool.renew(repo.git("rev-parse", "HEAD"))
    for name in ("test", "results/one.xml", "results/two.xml", "x.ignored", "__pycache__/x.pyc", "made/more"):
        (pool.path / name).parent.mkdir(exist_ok=True)
        (pool.path / name).touch()
    subprocess.run(["git", "add", "test"], cwd=pool.path, check=True)
    assert asyncio.run(pool.pool.leftovers(pool.path)) == ("results/", "test")
    (pool.path / "app.py").write_text("changed\n")
    pool.renew(repo.git("rev-parse", "HEAD"))
    assert asyncio.run(pool.pool.leftovers(pool.path)) == ()


def test_a_worktree_is_used_by_one_at_a_time_and_used_again(repo, pool):
    commit = repo.git("rev-parse", "HEAD")

    async def story() -> tuple[set[Path], Path]:
        async with pool.pool.at(commit) as one, pool.pool.at(commit) as other:
            both = {one, other}
        async with pool.pool.at(commit) as again:
            return both, again

    both, again = asyncio.run(story())
    assert len(both) == 2
    assert again in both
    assert len(pool.prepared) == 2


@dataclass
class Lodging:
    """Attempts' worktrees, one after the other; `made` counts checkouts."""

    repo: object
    folder: Path

    def __post_init__(self) -> None:
        self.repository = self.repo.open()
        self.rooms = Rooms(self.repository, Checkouts())
        self.number = 0

    def next(self, commit: str) -> Path:
        """The worktree of the next attempt."""
        self.number += 1
        asyncio.run(self.rooms.open(self.folder / f"attempt-{self.number}", commit))
        return self.folder / f"attempt-{self.number}"

    def leave(self) -> None:
        asyncio.run(self.rooms.leave(self.folder / f"attempt-{self.number}"))

    def committed(self, path: Path) -> str | None:
        """The tree of what is committed at `path`, by the index that is known."""
        made = asyncio.run(commit_wanted(self.repository, path, "Work", Wanted(), indexes=self.rooms.indexes))
        return made.commit and self.repo.git("rev-parse", f"{made.commit}^{{tree}}")


@pytest.fixture
def lodging(repo, tmp_path) -> Lodging:
    return Lodging(repo, tmp_path / "cache" / "worktrees" / "run")


def entries(repo) -> list[str]:
    return sorted(path.name for path in (repo.root / ".git" / "worktrees").iterdir())


@pytest.mark.parametrize("deed", DEEDS)
def test_an_attempts_worktree_that_is_used_again_is_as_a_fresh_one_whatever_an_agent_did_in_it(
    repo, pool, lodging, deed
):
    first = repo.git("rev-parse", "HEAD")
    second = repo.commit_files({"docs/guide.md": "other\n", "new/a": "a\n", "app.py": None})
    deed(lodging.next(first))
    lodging.leave()
    path = lodging.next(second)
    assert tree(path) == pool.fresh(second)
    status = subprocess.run(["git", "status", "--porcelain"], cwd=path, capture_output=True, text=True, check=True)
    assert status.stdout == ""
    assert subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=path, text=True).strip() == second
    assert lodging.committed(path) is None
    assert not (path.parent / "attempt-1").exists()
    assert len(entries(repo)) == 2


@pytest.mark.parametrize("deed", [quietly_rewritten, modes, other_kinds, ignored_and_nested, read_only_leftovers])
def test_what_an_agent_does_to_files_alone_costs_the_next_no_checkout(repo, lodging, deed):
    path = lodging.next(repo.git("rev-parse", "HEAD"))
    number = path.stat().st_ino
    deed(path)
    lodging.leave()
    assert lodging.next(repo.git("rev-parse", "HEAD")).stat().st_ino == number


@pytest.mark.parametrize("deed", [quietly_rewritten, hidden_in_the_index, index_deleted, index_emptied, modes, linked])
def test_a_commit_by_the_kept_index_is_the_same_as_one_that_reads_every_file(repo, new_worktree, lodging, deed):
    commit = repo.git("rev-parse", "HEAD")
    path, other = lodging.next(commit), new_worktree()
    asyncio.run(add_worktree(lodging.repository, other, commit))
    for place in (path, other):
        deed(place)
    plain = asyncio.run(commit_wanted(lodging.repository, other, "Work", Wanted())).commit
    assert lodging.committed(path) == repo.git("rev-parse", f"{plain}^{{tree}}")
    (path / "docs" / "later.md").write_text("in the fix round\n")
    again = lodging.committed(path)
    assert repo.git("diff-tree", "-r", "--name-only", f"{plain}^{{tree}}", again) == "docs/later.md"


def test_what_worktreeinclude_brings_is_brought_anew(repo, lodging):
    commit = repo.git("rev-parse", "HEAD")
    repo.write(".worktreeinclude", "*.ignored\nmade/\n")
    repo.write("a.ignored", "one\n")
    repo.write("made/deep/x", "x\n")
    path = lodging.next(commit)
    assert (path / "made" / "deep" / "x").read_text() == "x\n"
    (path / "a.ignored").write_text("by an agent\n")
    repo.write("a.ignored", "two\n")
    subprocess.run(["rm", "-r", repo.root / "made"], check=True)
    lodging.leave()
    path = lodging.next(commit)
    assert (path / "a.ignored").read_text() == "two\n"
    assert not (path / "made").exists()


def test_who_leaves_twice_or_where_nothing_is_does_no_harm(repo, lodging):
    path = lodging.next(repo.git("rev-parse", "HEAD"))
    for _ in range(2):
        lodging.leave()
    assert lodging.next(repo.git("rev-parse", "HEAD")) != path
    asyncio.run(lodging.rooms.leave(path))
    assert len(entries(repo)) == 1


def test_a_worktree_left_while_others_wait_to_check_out_is_taken_by_one_of_them(repo, lodging, monkeypatch):
    """And proof goes before what is to begin."""
    commit, order = repo.git("rev-parse", "HEAD"), list[str]()
    checkouts = Checkouts()
    checkouts._free = 1
    lodging.rooms = Rooms(lodging.repository, checkouts)
    path = lodging.next(commit)

    async def waiting(name: str, *, first: bool) -> None:
        async with checkouts.turn(first=first):
            order.append(name)

    async def opening() -> None:
        await lodging.rooms.open(lodging.folder / "waited", commit)
        order.append("attempt")

    async def story() -> None:
        async with checkouts.turn(first=False):
            tasks = [asyncio.create_task(opening())]
            await asyncio.sleep(0)
            tasks += [asyncio.create_task(waiting(name, first=name == "proof")) for name in ("later", "proof")]
            await asyncio.sleep(0)
            await lodging.rooms.leave(path)
        await asyncio.gather(*tasks)

    number = path.stat().st_ino
    asyncio.run(story())
    assert order[0] == "proof"
    assert (lodging.folder / "waited").stat().st_ino == number


def test_a_view_stays_as_it_is_until_it_is_left_and_then_serves_the_next_attempt(repo, lodging):
    commit, place, attempt = repo.git("rev-parse", "HEAD"), lodging.folder / "base", lodging.folder / "attempt"

    async def viewed() -> int:
        """Asked for twice at once, it is one."""
        found = await asyncio.gather(*(lodging.rooms.view(place, commit) for _ in range(2)))
        assert found == [place, place]
        assert len(entries(repo)) == len(list(lodging.folder.iterdir()))
        return place.stat().st_ino

    async def story() -> None:
        first = await viewed()
        (place / "note").write_text("by a planner\n")
        assert await viewed() == first
        assert (place / "note").exists()
        await lodging.rooms.leave(place)
        await lodging.rooms.open(attempt, commit)
        assert attempt.stat().st_ino == first
        assert not (attempt / "note").exists()
        assert not place.exists()
        assert await viewed() != first

    asyncio.run(story())


def test_a_view_that_a_killed_process_left_is_made_anew(repo, lodging):
    commit, place = repo.git("rev-parse", "HEAD"), lodging.folder / "base"
    asyncio.run(lodging.rooms.view(place, commit))
    (place / "app.py").unlink()
    lodging.rooms = Rooms(lodging.repository, Checkouts())
    asyncio.run(lodging.rooms.view(place, commit))
    assert (place / "app.py").exists()
