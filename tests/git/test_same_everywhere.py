"""A commit gives the same files in the worktree where it is proved and in a fresh clone, whatever git is told here."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agentflow.git.checkouts import Checkouts
from agentflow.git.commits import Committed, commit_wanted
from agentflow.git.pool import WorktreePool
from agentflow.git.preflight import preflight
from agentflow.git.repository import Repository, open_repository
from agentflow.git.rooms import Rooms
from agentflow.git.wanted import Wanted

LF, CRLF, MIXED = b"one\ntwo\n", b"one\r\ntwo\r\n", b"one\ntwo\r\n"
FILES = {"unix.txt": LF, "dos.txt": CRLF, "app/run.sh": b"#!/bin/sh\n", "data.bin": b"\0\r\n\n", "wide.u16": b""}
ATTRIBUTES = b"* text=auto\n*.bat text eol=crlf\n*.raw -text\n*.u16 text working-tree-encoding=UTF-16\n"
#: Nothing of this machine, as for somebody else who clones.
ELSEWHERE = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def git(root: Path, *args: str, env: dict[str, str] | None = None) -> str:
    name = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(
        ["git", *name, *args], cwd=root, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def put(root: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def listing(root: Path) -> dict[str, tuple[str, object]]:
    """What a check can see of a checkout: every file's kind, content or target, and whether it can be run."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name == ".git" or name.startswith(".git/"):
            continue
        if path.is_symlink():
            found[name] = ("link", path.readlink())
        elif path.is_dir():
            found[name] = ("folder", None)
        else:
            found[name] = ("program" if path.stat().st_mode & 0o100 else "file", path.read_bytes())
    return found


def new_repository(root: Path, files: dict[str, bytes], *options: str) -> Path:
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main", *options)
    put(root, files)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Start")
    return root


@dataclass
class Line:
    """The whole way: an agent's worktree, its commit, the worktree where it is proved, a clone elsewhere."""

    root: Path
    folder: Path

    def __post_init__(self) -> None:
        self.repository: Repository = asyncio.run(open_repository(self.root))
        self._pool = WorktreePool(self.repository, self.folder / "cache" / "worktrees" / "run", _nothing, _fits)
        self._rooms = Rooms(self.repository, Checkouts())
        self._numbers = itertools.count(1)
        self._origin = "origin" if git(self.root, "remote") else ""

    def commit(self, work: Callable[[Path], list[str] | None]) -> Committed:
        """What an agent that does `work`, and gives the paths that its tools wrote, has committed.

        Another agent has been at work in the worktree before.
        """
        places = self.folder / "cache" / "worktrees" / "run"
        before, worktree = (places / f"attempt-{next(self._numbers)}" for _ in range(2))

        async def steps() -> Committed:
            await preflight(self.repository, "agentflow/run")
            await self._rooms.open(before, self.repository.head)
            await asyncio.to_thread(put, before, {"README": b"of another attempt\n", "other/left.txt": b"left\n"})
            await self._rooms.leave(before)
            await self._rooms.open(worktree, self.repository.head)
            wanted = Wanted(("**",), frozenset(await asyncio.to_thread(work, worktree) or ()))
            indexes = self._rooms.indexes
            return await commit_wanted(self.repository, worktree, "Work", wanted, indexes=indexes)

        return asyncio.run(steps())

    def proved(self, commit: str, check: Callable[[Path], object] = lambda _: None) -> dict[str, tuple[str, object]]:
        """What a check sees at `commit`, in a worktree in which `check` has been at work on the commit before."""

        async def steps() -> dict[str, tuple[str, object]]:
            async with self._pool.at(self.repository.head) as path:
                await asyncio.to_thread(check, path)
            async with self._pool.at(commit) as path:
                return await asyncio.to_thread(listing, path)

        return asyncio.run(steps())

    def cloned(self, commit: str) -> dict[str, tuple[str, object]]:
        """What somebody else sees who clones the branch, from where it was pushed to if there is such a place."""
        branch, place = f"agentflow/{next(self._numbers)}", self.folder / f"clone-{next(self._numbers)}"
        git(self.root, "update-ref", f"refs/heads/{branch}", commit)
        source = str(self.root)
        if self._origin:
            source = git(self.root, "remote", "get-url", "origin")
            git(self.root, "push", "-q", "origin", branch)
        git(self.folder, "clone", "-q", "--branch", branch, source, str(place), env=ELSEWHERE)
        seen = listing(place)
        shutil.rmtree(place)
        return seen


async def _nothing(_: Path) -> None:
    pass


async def _fits(_: Path) -> bool:
    return True


def ordinary_work(root: Path) -> list[str]:
    """Edits with either line ending, new files, modes both ways, a link, a deletion, an ignored helper."""
    put(root, {"unix.txt": b"ONE\ntwo\n", "dos.txt": b"ONE\r\ntwo\r\n", "new.txt": CRLF, "new.bat": CRLF})
    put(root, {"lib/helper.py": b"x = 1\n", "mixed.txt": MIXED, "new.raw": CRLF})
    put(root, {"wide.u16": "\ufeffwide\n".encode("utf-16-le")})
    (root / "app" / "run.sh").chmod(0o755)
    (root / "link").symlink_to("app/run.sh")
    (root / "data.bin").unlink()
    return ["lib/helper.py"]


def held(line: Line, work: Callable[[Path], list[str] | None] = ordinary_work) -> str:
    """Carries the work through; gives its commit."""
    made = line.commit(work)
    assert made.commit is not None
    assert (made.left_out, made.unhidden) == ((), ("lib/helper.py",))
    assert line.proved(made.commit) == line.cloned(made.commit)
    return made.commit


@pytest.fixture
def user(tmp_path, monkeypatch):
    """Writes the user's own settings."""
    path = tmp_path / "user"
    path.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(path))

    def write(**values: str) -> None:
        for name, value in values.items():
            git(tmp_path, "config", "--global", name.replace("__", "."), value)

    return write


@pytest.mark.parametrize("attributes", [b"", ATTRIBUTES], ids=["plain", "attributes"])
@pytest.mark.parametrize("safe", ["true", "warn", "false"])
@pytest.mark.parametrize("auto", ["true", "input", "false"])
def test_line_endings_are_converted_as_the_user_wants_and_never_stop_a_commit(tmp_path, user, auto, safe, attributes):
    root = new_repository(tmp_path / "r", {**FILES, ".gitattributes": attributes, ".gitignore": b"lib/\n"})
    user(core__autocrlf=auto, core__safecrlf=safe)
    commit = held(Line(root, tmp_path))
    converted = auto != "false" or attributes
    new = subprocess.check_output(["git", "cat-file", "blob", f"{commit}:new.txt"], cwd=root)
    assert new == (LF if converted else CRLF)
    assert git(root, "ls-tree", commit, "app/run.sh").startswith("100755")


LOCAL = {
    "modes": ["core.fileMode=false"],
    "links": ["core.symlinks=false"],
    "case": ["core.ignoreCase=true"],
    "signed": ["commit.gpgSign=true", "gpg.program=/bin/false", "tag.gpgSign=true"],
    "hooks": ["core.hooksPath=/nonexistent/hooks"],
    "eol": ["core.eol=crlf"],
    "eol and input": ["core.autocrlf=input", "core.eol=lf"],
    "template": ["commit.template=/nonexistent", "commit.cleanup=strip", "core.commentChar=x"],
    "status": ["status.showUntrackedFiles=no", "status.relativePaths=false", "status.branch=true"],
    "diff": ["diff.noprefix=true", "diff.renames=copies", "diff.external=/bin/false", "diff.ignoreSubmodules=all"],
    "color": ["color.ui=always", "core.pager=/bin/false", "column.ui=always"],
    "cache": ["core.untrackedCache=true", "feature.manyFiles=true", "index.version=4", "core.splitIndex=true"],
    "experimental": ["feature.experimental=true", "index.threads=4", "checkout.workers=4", "core.preloadIndex=false"],
    "stat": ["core.trustctime=false", "core.checkStat=minimal", "core.ignoreStat=true"],
    "sparse index": ["index.sparse=true", "core.sparseCheckoutCone=true"],
    "names": ["core.quotePath=true", "core.precomposeUnicode=true", "core.abbrev=4"],
    "big": ["core.bigFileThreshold=1", "core.compression=0", "core.looseCompression=9"],
    "worktrees": ["extensions.worktreeConfig=true", "worktree.guessRemote=true", "checkout.defaultRemote=x"],
    "bare": ["core.bare=false", "core.logAllRefUpdates=always", "receive.denyCurrentBranch=refuse"],
}


@pytest.mark.parametrize("values", LOCAL.values(), ids=LOCAL.keys())
def test_what_a_repository_is_configured_for_changes_no_commit(tmp_path, values):
    root = new_repository(tmp_path / "r", {**FILES, ".gitattributes": ATTRIBUTES, ".gitignore": b"lib/\n"})
    if any(value.startswith("extensions.") for value in values):
        git(root, "config", "core.repositoryFormatVersion", "1")
    for value in values:
        git(root, "config", *value.split("=", 1))
    commit = held(Line(root, tmp_path))
    assert git(root, "ls-tree", commit, "app/run.sh", "link").split()[::4] == ["100755", "120000"]


def test_what_the_user_ignores_everywhere_is_told_of_the_agents_files_too(tmp_path, user):
    root = new_repository(tmp_path / "r", FILES)
    (tmp_path / "ignore").write_text("lib/\n*.orig\n")
    user(core__excludesFile=str(tmp_path / "ignore"))
    held(Line(root, tmp_path))


def test_attributes_of_the_users_own_convert_what_is_committed_and_not_what_is_proved(tmp_path, user):
    root = new_repository(tmp_path / "r", {**FILES, ".gitignore": b"lib/\n"})
    (tmp_path / "attributes").write_text("*.txt text eol=crlf\n")
    user(core__attributesFile=str(tmp_path / "attributes"))
    commit = held(Line(root, tmp_path))
    assert subprocess.check_output(["git", "cat-file", "blob", f"{commit}:new.txt"], cwd=root) == LF


def sparse(tmp_path: Path, root: Path) -> Path:
    git(root, "sparse-checkout", "set", "app")
    assert not (root / "lib").exists()
    return root


def partial(tmp_path: Path, root: Path) -> Path:
    git(root, "config", "uploadpack.allowFilter", "true")
    git(root, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", "--sparse", f"file://{root}", "partial")
    git(tmp_path / "partial", "fetch", "-q", "--refetch", "--no-filter", "origin")
    return tmp_path / "partial"


def shallow(tmp_path: Path, root: Path) -> Path:
    put(root, {"later.txt": LF})
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Later")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    return tmp_path / "shallow"


def linked(tmp_path: Path, root: Path) -> Path:
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    return tmp_path / "linked"


def linked_and_configured(tmp_path: Path, root: Path) -> Path:
    git(root, "config", "extensions.worktreeConfig", "true")
    made = linked(tmp_path, root)
    git(made, "sparse-checkout", "set", "app")
    git(made, "config", "--worktree", "core.fileMode", "false")
    return made


def bare_with_worktree(tmp_path: Path, root: Path) -> Path:
    git(tmp_path, "clone", "-q", "--bare", str(root), "bare.git")
    git(tmp_path / "bare.git", "remote", "remove", "origin")
    git(tmp_path / "bare.git", "worktree", "add", "-q", str(tmp_path / "of-bare"), "main")
    return tmp_path / "of-bare"


def by_a_link(tmp_path: Path, root: Path) -> Path:
    (tmp_path / "by-link").symlink_to(root)
    return tmp_path / "by-link"


def with_separate_git_dir(tmp_path: Path, root: Path) -> Path:
    git(root, "init", "-q", "--separate-git-dir", str(tmp_path / "elsewhere.git"))
    return root


@pytest.mark.parametrize(
    "shape",
    [
        *(sparse, partial, shallow, linked, linked_and_configured, bare_with_worktree, by_a_link),
        with_separate_git_dir,
    ],
)
def test_a_checkout_of_any_shape_gives_the_right_commit(tmp_path, shape):
    root = new_repository(tmp_path / "r", {**FILES, ".gitattributes": ATTRIBUTES, ".gitignore": b"lib/\n"})
    held(Line(shape(tmp_path, root), tmp_path))


def test_a_repository_of_sha256_gives_the_right_commit(tmp_path):
    files = {**FILES, ".gitattributes": ATTRIBUTES, ".gitignore": b"lib/\n"}
    held(Line(new_repository(tmp_path / "r", files, "--object-format=sha256"), tmp_path))


def test_a_repository_with_reftable_gives_the_right_commit(tmp_path):
    if subprocess.run(["git", "init", "-q", "--ref-format=reftable", tmp_path / "try"], check=False).returncode:
        pytest.skip("this git has no reftable")
    files = {**FILES, ".gitattributes": ATTRIBUTES, ".gitignore": b"lib/\n"}
    held(Line(new_repository(tmp_path / "r", files, "--ref-format=reftable"), tmp_path))


# Any sequence of edits.

NAMES = st.sampled_from(
    ["unix.txt", "dos.txt", "app/run.sh", "app/other", "App/run.sh", "lib/helper.py", "new.bat", "UNIX.txt", "a b", "é"]
)
CONTENTS = st.sampled_from([LF, CRLF, MIXED, b"", b"\0\r\n", b"no end", b"\xff\xfe\xfd"])
RULES = st.sampled_from([b"lib/\n", b"*\n", b"!lib/\n", b"*.bat\n", b""])
TOLD = st.sampled_from(
    [b"* text=auto\n", b"* text eol=crlf\n", b"*.txt -text\n", b"*.txt text working-tree-encoding=UTF-16\n", b""]
)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), NAMES, CONTENTS),
        st.tuples(st.just("write"), st.sampled_from([".gitignore", "lib/.gitignore"]), RULES),
        st.tuples(st.just("write"), st.sampled_from([".gitattributes", "app/.gitattributes"]), TOLD),
        st.tuples(st.just("mode"), NAMES, st.sampled_from([0o755, 0o644, 0o600, 0o700])),
        st.tuples(st.just("link"), NAMES, NAMES),
        st.tuples(st.just("rename"), NAMES, NAMES),
        st.tuples(st.just("delete"), NAMES, st.none()),
        st.tuples(st.just("folder"), NAMES, st.none()),
        st.tuples(st.just("nested"), NAMES, st.none()),
    ),
    max_size=8,
)
SETTINGS = st.dictionaries(
    st.sampled_from(["core.autocrlf", "core.safecrlf", "core.fileMode", "core.ignoreCase", "core.symlinks"])
    | st.sampled_from(["core.checkStat", "core.eol", "core.splitIndex", "core.ignoreStat"]),
    st.booleans(),
    max_size=4,
)
WORDS = {"core.checkStat": ("minimal", "default"), "core.eol": ("crlf", "lf")}


def edit(root: Path, edits: list[tuple[str, str, object]]) -> list[str]:
    """Do what can be done of the edits; gives the paths that were written."""
    written = []
    for kind, name, given_ in edits:
        path = root / name
        with contextlib.suppress(OSError):
            match kind:
                case "write":
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(given_)
                    written.append(name)
                case "mode":
                    path.chmod(given_)
                case "link":
                    path.symlink_to(given_)
                case "rename":
                    path.rename(root / given_)
                case "delete":
                    path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)
                case "folder":
                    path.mkdir(parents=True)
                case "nested":
                    path.mkdir(parents=True, exist_ok=True)
                    git(root, "init", "-q", name)
                    (path / "inner").write_bytes(LF)
    return written


@pytest.fixture(scope="module")
def line():
    """One way for all examples, so that its proof worktree is renewed from each to the next."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in {**ELSEWHERE, "AGENTFLOW_CACHE_DIR": str(Path(folder, "cache"))}.items():
            patch.setenv(name, value)
        files = {**FILES, ".gitattributes": ATTRIBUTES, ".gitignore": b"lib/\n"}
        yield Line(new_repository(Path(folder, "r"), files), Path(folder).resolve())


@settings(
    max_examples=int(os.environ.get("AGENTFLOW_EXAMPLES", "12")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes half a second: no shrinking
)
@given(edits=EDITS, by_check=EDITS, told=SETTINGS)
def test_what_passes_where_a_commit_is_proved_passes_in_a_fresh_clone(line, monkeypatch, edits, by_check, told):
    with monkeypatch.context() as patch:
        patch.setenv("AGENTFLOW_CACHE_DIR", str(line.folder / "cache"))
        for name, chosen in told.items():
            git(line.root, "config", name, WORDS.get(name, ("true", "false"))[not chosen])
        try:
            made = line.commit(lambda root: edit(root, edits))
            if made.commit is not None:
                assert line.proved(made.commit, lambda root: edit(root, by_check)) == line.cloned(made.commit)
        finally:
            for name in told:
                git(line.root, "config", "--unset", name)
