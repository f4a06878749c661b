"""Real repositories in temporary folders, and what hostile ones use to run programs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentflow.git.programs import NEUTRAL
from agentflow.git.repository import Repository, open_repository

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


@dataclass(frozen=True)
class Checkout:
    """A user's checkout, driven with plain git as the user would."""

    root: Path

    def git(self, *args: str, check: bool = True) -> str:
        done = subprocess.run(
            ["git", *args],
            cwd=self.root,
            env={**os.environ, **IDENTITY},
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=check,
        )
        return done.stdout.strip("\n")

    def write(self, name: str, text: str = "text\n") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self, message: str = "change", /, **files: str | None) -> str:
        return self.commit_files({name.replace("__", "."): text for name, text in files.items()}, message)

    def commit_files(self, files: dict[str, str | None], message: str = "change") -> str:
        """Commit these files (None deletes one) and give the commit."""
        for name, text in files.items():
            if text is None:
                (self.root / name).unlink()
            else:
                self.write(name, text)
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def open(self) -> Repository:
        return asyncio.run(open_repository(self.root))

    def state(self) -> dict[str, str]:
        """Every file of the checkout, HEAD, refs, index, hooks and configuration, by content."""
        parts = [p for p in self.root.rglob("*") if ".git" not in p.relative_to(self.root).parts]
        folder = Path(self.git("rev-parse", "--absolute-git-dir"))
        parts += [folder / "HEAD", folder / "index", folder / "config", *(folder / "hooks").glob("*")]
        contents = {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in parts if p.is_file()}
        return contents | {"refs": self.git("for-each-ref")}


MakeRepo = Callable[..., Checkout]


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No identity, no configuration but the repository's own, and a cache folder for worktrees."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def make_repo(tmp_path: Path) -> MakeRepo:
    """A factory of repositories with one commit of the files given."""

    def make(name: str = "project", files: dict[str, str] | None = None) -> Checkout:
        root = tmp_path / name
        root.mkdir(parents=True)
        checkout = Checkout(root)
        checkout.git("init", "--quiet", "--initial-branch=main")
        checkout.commit_files({"app.py": "one\ntwo\nthree\n", "docs/guide.md": "guide\n"} if files is None else files)
        return checkout

    return make


@pytest.fixture
def repo(make_repo: MakeRepo) -> Checkout:
    return make_repo()


@pytest.fixture
def new_worktree(tmp_path: Path) -> Callable[[], Path]:
    """Fresh places in agentflow's worktree folder."""
    numbers: Iterator[int] = iter(range(100))
    return lambda: tmp_path / "cache" / "worktrees" / "run" / f"attempt-{next(numbers)}"


@pytest.fixture
def with_submodule(make_repo: MakeRepo) -> Checkout:
    """A repository with an initialised submodule at `vendor/lib` that holds `lib.py`."""
    library = make_repo("library", {"lib.py": "library\n"})
    checkout = make_repo("super")
    checkout.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.root), "vendor/lib")
    checkout.commit_files({}, "add the library")
    return checkout


@pytest.fixture
def tripwire(tmp_path: Path) -> Path:
    """A file that exists once something a repository configured has run."""
    return tmp_path / "tripped"


@pytest.fixture
def make_hostile(tripwire: Path) -> Callable[[Checkout], None]:
    """Give a repository every setting that makes git run a program, filters aside."""

    def make(checkout: Checkout) -> None:
        program = f"touch '{tripwire}'; cat"
        for name in (
            *("post-checkout", "pre-commit", "post-commit", "commit-msg", "prepare-commit-msg", "post-merge"),
            *("reference-transaction", "post-index-change", "pre-merge-commit", "post-rewrite", "pre-auto-gc"),
        ):
            hook = checkout.root / ".git" / "hooks" / name
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(f"#!/bin/sh\ntouch '{tripwire}'\n")
            hook.chmod(0o755)
        spelt = [re.sub(r"<[\w -]+>|\*", "spy", key) for key in NEUTRAL if key not in {"core.hooksPath", "pager.<cmd>"}]
        armed = dict.fromkeys(spelt, program)
        more = {"merge.spy.driver": f"touch '{tripwire}'; false", "commit.gpgSign": "true"}
        for name, value in (armed | more).items():
            section, _, key = name.rpartition(".")
            head, dot, rest = section.partition(".")
            title = f'{head} "{rest}"' if dot else head
            with (checkout.root / ".git" / "config").open("a", encoding="utf-8") as file:
                file.write(f'[{title}]\n\t{key} = "{value}"\n')
        (checkout.root / ".git" / "info" / "attributes").write_text("* diff=spy merge=spy\n")

    return make
