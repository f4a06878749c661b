"""What end-to-end tests share: a private world, small repositories, and the real command against replayed answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentflow.replay.scenario import parse_scenario
from agentflow.replay.server import ThreadedReplay

SECRETS = ("TOKEN", "SECRET", "PASSWORD", "ANTHROPIC", "CLAUDE", "AGENTFLOW", "GIT_")


@dataclass(frozen=True)
class Ended:
    """A finished `agentflow` command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class World:
    """A user's machine in a folder: own home, state, caches and git identity-less configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **{key: value for key, value in os.environ.items() if not any(word in key for word in SECRETS)},
            "HOME": str(folder / "home"),
            "AGENTFLOW_STATE_DIR": str(folder / "state"),
            "AGENTFLOW_CACHE_DIR": str(folder / "cache"),
            "AGENTFLOW_CONFIG_DIR": str(folder / "config"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "ANTHROPIC_API_KEY": "sk-ant-test-key",
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        }
        (folder / "home").mkdir()

    def repository(self, files: Mapping[str, str], name: str = "repo") -> Path:
        """A git repository on branch `main` with one commit of these files."""
        root = self.folder / name
        root.mkdir()
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content)
        self.git(root, "init", "-q", "-b", "main")
        self.git(root, "add", "-A")
        self.git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "Start")
        return root

    def git(self, root: Path, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=root, env=self.env, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def agentflow(
        self, root: Path, *args: str, replay: ThreadedReplay | None = None, timeout: float = 180, **env: str
    ) -> Ended:
        """Run the real command in `root`, its model requests answered by `replay`."""
        process = self.start(root, *args, replay=replay, **env)
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return Ended(process.returncode, out, err)

    def start(self, root: Path, *args: str, replay: ThreadedReplay | None = None, **env: str) -> subprocess.Popen[str]:
        """The same, without waiting for its end. The process leads its own group."""
        where = {"ANTHROPIC_BASE_URL": replay.base_url} if replay else {}
        return subprocess.Popen(
            [sys.executable, "-m", "agentflow", *args],
            cwd=root,
            env={**self.env, **where, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def replay() -> Iterator[Callable[[str], ThreadedReplay]]:
    """Starts a replay server for a scenario given as YAML text; all are stopped at the end."""
    running: list[ThreadedReplay] = []

    def start(scenario: str) -> ThreadedReplay:
        server = ThreadedReplay(parse_scenario(scenario))
        server.__enter__()
        running.append(server)
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)
