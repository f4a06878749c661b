"""A real repository on disk: cloned, set up as its developers do, brought to where its fix is still to be made."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from known import Known

#: Where repositories are cloned from.
GITHUB = "https://github.com/{owner}/{name}"
#: Where work starts: the repository's own history, then one commit that undoes the fix.
BRANCH = "agentflow-bench"
#: Kept out of sight as by a developer's own ignore file: what setting up leaves and a project forgot to ignore.
LEFTOVERS = ".venv/\nvenv/\nnode_modules/\n*.egg-info/\n.pytest_cache/\n__pycache__/\nbuild/\n"
IDENTITY = ("-c", "user.name=Bench", "-c", "user.email=bench@localhost", "-c", "core.hooksPath=/dev/null")


class Trouble(Exception):  # noqa: N818  a word of its own reads better
    """A repository could not be brought to where it is tried; the words say why."""


class Clone:
    """One clone, worked on with the environment of its user."""

    def __init__(self, known: Known, root: Path, env: Mapping[str, str]) -> None:
        self.known, self.root, self._env = known, root, env

    @property
    def is_there(self) -> bool:
        return (self.root / ".git").exists()

    def make(self, origin: str) -> None:
        """Clone it and its submodules; `origin` names places with {owner} and {name} to be filled in."""
        if not self.is_there:
            self._run(["git", "clone", "-q", _place(origin, self.known.repository), str(self.root)], self.root.parent)
        (self.root / ".git" / "info" / "exclude").write_text(LEFTOVERS)
        self.git("checkout", "-q", "-f", "--detach", self.known.tree)
        for path, repository in self.known.modules.items():
            self.git("config", f"submodule.{path}.url", _place(origin, repository))
            self.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", path)

    def prepare(self) -> None:
        """What the project tells its developers to do first."""
        for command in self.known.prepare:
            self._run(["sh", "-c", command], self.root)

    def start(self) -> dict[str, tuple[str, str]]:
        """Check out the commit without its fix. Returns the fix's files, as they are and as they have to become."""
        self.clear()
        (self.root / ".worktreeinclude").unlink(missing_ok=True)
        self.git("checkout", "-q", "-f", "-B", BRANCH, self.known.tree)
        right = self._texts()
        patch = self.git("diff", "--no-ext-diff", f"{self.known.fix}~1", self.known.fix, "--", *self.known.files)
        self.git("apply", "-R", "--index", "-", stdin=_only(patch, self.known.hunks))
        self.git(*IDENTITY, "commit", "-q", "--no-verify", "-m", "Undo a fix")
        return {file: (text, right[file]) for file, text in self._texts().items()}

    def clear(self) -> None:
        """Take out what earlier trials left behind: agentflow's branches and refs."""
        self.git("checkout", "-q", "-f", "--detach", self.known.tree)
        self.git("worktree", "prune")
        listed = self.git("for-each-ref", "--format=%(refname)", "refs/heads/agentflow/", "refs/agentflow/")
        for ref in listed.split():
            self.git("update-ref", "-d", ref)

    def is_fixed(self, branch: str) -> bool:
        """Whether the branch's tree is the one with the fix; Claude Code takes blanks at the end of lines away."""
        return not self.git("diff", "--shortstat", "--ignore-space-at-eol", self.known.tree, branch)

    def git(self, *words: str, stdin: str | None = None) -> str:
        return self._run(["git", *words], self.root, stdin)

    def _texts(self) -> dict[str, str]:
        return {file: (self.root / file).read_bytes().decode() for file in self.known.files}

    def _run(self, command: list[str], folder: Path, stdin: str | None = None) -> str:
        done = subprocess.run(
            command, cwd=folder, env=self._env, input=(stdin or "").encode(), capture_output=True, check=False
        )
        if done.returncode:
            told = (done.stderr + done.stdout).decode(errors="replace").strip()
            raise Trouble(f"{' '.join(command)} ended with {done.returncode}: {told[-2000:]}")
        return done.stdout.decode(errors="replace")


def _place(origin: str, repository: str) -> str:
    owner, name = repository.split("/")
    return origin.format(owner=owner, name=name)


def _only(patch: str, hunks: tuple[int, ...] | None) -> str:
    """The patch of one file with these hunks of it."""
    if hunks is None:
        return patch
    head, *parts = re.split(r"(?m)^(?=@@ )", patch)
    return head + "".join(parts[n] for n in hunks)


def home(folder: Path) -> Path:
    """A home folder of its own for all repositories, with the user's toolchains and registries and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (".cargo", ".rustup", ".pyenv", ".npmrc", ".config/pip"):
        there, here = Path.home() / name, folder / name
        if there.exists() and not here.is_symlink():
            here.parent.mkdir(parents=True, exist_ok=True)
            here.symlink_to(there)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """A developer's shell: no virtualenv is active, and no key, token or setting of agentflow's is in it."""
    dropped = ("TOKEN", "SECRET", "PASSWORD", "ANTHROPIC", "CLAUDE", "AGENTFLOW", "GIT_", "VIRTUAL_ENV")
    own = str(Path(sys.executable).parent)
    path = [place for place in os.environ["PATH"].split(os.pathsep) if place != own]
    return {
        **{name: value for name, value in os.environ.items() if not any(word in name for word in dropped)},
        "HOME": str(home(folder)),
        "PATH": os.pathsep.join(path),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
