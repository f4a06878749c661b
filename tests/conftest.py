"""What end-to-end tests share: a private world, small repositories, and the real command against replayed answers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import jsonschema
import pytest
from hypothesis import HealthCheck, settings

from agentflow.checks.environment import check_environment
from agentflow.checks.sandbox import bubblewrap_works
from agentflow.domain.attempts import SubtaskStatus
from agentflow.domain.calls import Tokens
from agentflow.domain.events import Event
from agentflow.errors import StoreError
from agentflow.models.prices import PriceTable
from agentflow.replay.scenario import parse_scenario
from agentflow.replay.server import ThreadedReplay
from agentflow.report.documents import schema
from agentflow.store.ledger import Ledger, open_ledger
from agentflow.store.records import RunRecord

# No clock decides about a test: a busy machine is no failure.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# A shell starts background jobs with SIGINT ignored, and children inherit that; these tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

DROPPED = ("TOKEN", "SECRET", "PASSWORD", "ANTHROPIC", "CLAUDE", "AGENTFLOW", "GIT_", "COLUMNS", "LINES")


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
            **{key: value for key, value in os.environ.items() if not any(word in key for word in DROPPED)},
            "HOME": str(folder / "home"),
            "AGENTFLOW_STATE_DIR": str(folder / "state"),
            "AGENTFLOW_CACHE_DIR": str(folder / "cache"),
            "AGENTFLOW_CONFIG_DIR": str(folder / "config"),
            "AGENTFLOW_TRUST": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "ANTHROPIC_API_KEY": "sk-ant-test-key",
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        }
        if not bubblewrap_works():
            self.env["AGENTFLOW_SANDBOX"] = "off"
        #: Why the checks of this test's runs cannot be repeated on a fresh clone; empty when they can.
        self.no_clone = ""
        self._started: list[subprocess.Popen[str]] = []
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

    def start(
        self, root: Path, *args: str, replay: ThreadedReplay | None = None, stdin: int = subprocess.DEVNULL, **env: str
    ) -> subprocess.Popen[str]:
        """The same, without waiting for its end. The process leads its own group."""
        where = {"ANTHROPIC_BASE_URL": replay.base_url} if replay else {}
        return self.spawn([sys.executable, "-m", "agentflow", *args], root, {**self.env, **where, **env}, stdin=stdin)

    def spawn(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[str]:
        """A process that leads its own group and ends with the test at the latest."""
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """End what a failing test left running, so that it disturbs no other."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def ledger(self) -> Ledger:
        """The user's ledger, to be closed by the caller."""
        return open_ledger(self.folder / "state" / "ledger.db")

    def events(self) -> list[Event]:
        """All events of the newest run, none when there is no run yet."""
        if not (self.folder / "state" / "ledger.db").exists():
            return []
        with self.ledger() as ledger:
            return [event for run in ledger.runs(limit=1) for event in ledger.events(run.id)]

    def processes(self) -> dict[int, str]:
        """Command lines by pid of live processes that work in this folder or were given it, on Linux."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environment = (process / "environ").read_bytes()
                place = str((process / "cwd").readlink())
            except OSError:
                continue
            if line and int(process.name) != os.getpid() and self._is_ours(line, environment, place):
                found[int(process.name)] = line
        return found

    def until(self, happened: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
        """Wait for something that is sure to happen; fails at once when `process` ends before it does."""
        deadline = time.monotonic() + 120
        while not happened():
            assert process is None or process.poll() is None, f"ended early: {process.communicate()}"
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.02)

    def _is_ours(self, line: str, environment: bytes, place: str) -> bool:
        mine = str(self.folder)
        return place.startswith(mine) or mine in line or b"=" + mine.encode() in environment

    def assert_clones_hold(self) -> None:
        """Hold every run in the ledger to its one promise: on a fresh clone of its branch, what passed passes again.

        Set-up and `.worktreeinclude` come first, as for anyone who works there. A test whose checks cannot be repeated
        says why in `no_clone`; one that has broken its ledger or its repository on purpose is left alone.
        """
        place = self.folder / "state" / "ledger.db"
        if self.no_clone or not place.exists():
            return
        try:
            with open_ledger(place) as ledger:
                runs = [(run, _proved(ledger, run)) for run in ledger.runs(limit=200) if run.branch]
        except (StoreError, OSError):
            return
        for run, checks in runs:
            if checks and run.repo_root.is_dir() and self._has_branch(run):
                self._assert_clone_holds(run, checks)

    def _has_branch(self, run: RunRecord) -> bool:
        words = ["git", "rev-parse", "--verify", "--quiet", f"refs/heads/{run.branch}"]
        return subprocess.run(words, cwd=run.repo_root, env=self.env, capture_output=True, check=False).returncode == 0

    def _assert_clone_holds(self, run: RunRecord, checks: Sequence[str]) -> None:
        clone = self.folder / "clones" / run.id
        self.git(self.folder, "clone", "--quiet", "--branch", run.branch, str(run.repo_root), str(clone))
        _copy_included(run.repo_root, clone, self.env)
        with mock.patch.dict(os.environ, self.env, clear=True):
            environment = check_environment(clone, run.repo_root)
        setup = run.spec.get("flags", {}).get("setup")
        for command in [setup, *checks] if setup else checks:
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=clone,
                env=environment,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            assert done.returncode == 0, f"{command!r} fails in a clone of {run.branch}:\n{done.stdout}{done.stderr}"


def _proved(ledger: Ledger, run: RunRecord) -> tuple[str, ...]:
    """The checks that passed for what the run merged."""
    merged = {row.id for row in ledger.subtasks(run.id) if row.status in {SubtaskStatus.MERGED, SubtaskStatus.UNPROVEN}}
    last = {attempt.subtask: attempt for attempt in ledger.attempts(run.id) if attempt.subtask in merged}
    return tuple(dict.fromkeys(check.command for one in last.values() for check in one.checks if check.passed))


def _copy_included(root: Path, clone: Path, env: Mapping[str, str]) -> None:
    if (root / ".worktreeinclude").is_file():
        words = ["git", "ls-files", "-z", "--others", "--ignored", "--exclude-from=.worktreeinclude"]
        listed = subprocess.run(words, cwd=root, env=env, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, clone / name)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = World(tmp_path)
    try:
        yield opened
        opened.assert_clones_hold()
    finally:
        opened.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts the real CLI meets a busy machine's every accident: it gets a second chance, and is then named."""
    for item in items:
        if item.get_closest_marker("cli"):
            item.add_marker(pytest.mark.flaky(reruns=1))


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


class Errand:
    """The smallest job: subtasks that each write a file, a check that reads it, and a model that does as told.

    Every answer is billed as 1000 tokens in and 100 out, so that a bill can be worked out by counting requests.
    """

    USAGE: ClassVar = {
        "input_tokens": 1000,
        "output_tokens": 100,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    KEY = "sk-ant-api03-canary-7f3a9c51d2e8"
    DONE: ClassVar = {"status": "done", "summary": "Wrote it.", "confidence": 0.9, "blocked_reason": None}
    HANG: ClassVar = {"fault": {"hang": 300}}

    def __init__(self, world: World, replay: Callable[[str], ThreadedReplay]) -> None:
        self.world = world
        self._replay = replay
        self._plan = world.folder / "plan.yaml"
        self.root = world.repository({"README.md": "Errands.\n"})

    def subtask(self, name: str, **changes: object) -> dict[str, Any]:
        return {
            "id": name,
            "title": f"Write {name}",
            "instructions": f"Write good into {name}.txt.",
            "kind": "implement",
            "complexity": "simple",
            "agent": "execute",
            "depends_on": [],
            "files": [f"{name}.txt"],
            "checks": [f"grep -q good {name}.txt"],
            "acceptance": [],
            **changes,
        }

    def plan(self, *subtasks: str | dict[str, Any]) -> dict[str, Any]:
        chosen = [self.subtask(given) if isinstance(given, str) else given for given in subtasks]
        return {"summary": "Run errands.", "assumptions": [], "subtasks": chosen}

    def plan_file(self, *subtasks: str | dict[str, Any]) -> str:
        """The plan in a file, for `run --plan`."""
        self._plan.write_text(json.dumps(self.plan(*subtasks)))
        return str(self._plan)

    def writes(self, name: str, text: str = "good\n", **when: object) -> dict[str, Any]:
        """A rule by which the subtask's agent writes its file, as often as it is asked."""
        call = {"tool": "Write", "input": {"file_path": f"{{cwd}}/{name}.txt", "content": text}}
        turns = [{"calls": [call], "usage": self.USAGE}, {"answer": self.DONE, "usage": self.USAGE}]
        return {"when": {"agent": "execute", "subtask": name, **when}, "times": "*", "turns": turns}

    def plans(self, *subtasks: str | dict[str, Any]) -> dict[str, Any]:
        """A rule by which the planner gives this plan."""
        answer = {"answer": self.plan(*subtasks), "usage": self.USAGE}
        return {"when": {"agent": "planner"}, "times": "*", "turns": [answer]}

    def hangs(self, **when: object) -> dict[str, Any]:
        """A rule by which the first matching request is never answered."""
        return {"when": when, "turns": [self.HANG]}

    def serve(self, *rules: dict[str, Any]) -> ThreadedReplay:
        self._faulty = {
            f"rules[{i}].turns[{j}]"
            for i, rule in enumerate(rules)
            for j, turn in enumerate(rule["turns"])
            if turn.keys() == {"fault"}
        }
        return self._replay(json.dumps({"name": "errand", "rules": rules}))

    def run(self, *args: str, server: ThreadedReplay | None = None, **env: str) -> Ended:
        """The command with `--json` and a key of its own, held to the contract that every ending has to keep."""
        ended = self.world.agentflow(
            self.root, *args, "--json", replay=server, **{"ANTHROPIC_API_KEY": self.KEY, **env}
        )
        self.assert_contract(ended)
        return ended

    def assert_contract(self, ended: Ended) -> None:
        """One valid document on stdout, no traceback, and the key nowhere."""
        name = ended.json["schema"].removeprefix("agentflow/").replace("/", "-")
        jsonschema.validate(ended.json, schema(name))
        assert "Traceback" not in ended.err
        kept = (path for place in (self.world.folder / "state", self.root / ".git") for path in place.rglob("*"))
        texts = [ended.out.encode(), ended.err.encode(), *(path.read_bytes() for path in kept if path.is_file())]
        assert not [text for text in texts if self.KEY.encode() in text]

    def asked(self, server: ThreadedReplay, **labels: str) -> int:
        """How many requests with these labels the server has seen."""
        return sum(labels.items() <= dict(request.labels).items() for request in server.requests)

    def bill(self, server: ThreadedReplay) -> float:
        """What the server has answered, in USD at list price."""
        prices, tokens = PriceTable(), Tokens(input=1000, output=100)
        answered = (request for request in server.requests if request.answered_by not in self._faulty)
        return sum(prices.price(request.model, tokens) or 0.0 for request in answered)


@pytest.fixture
def errand(world: World, replay: Callable[[str], ThreadedReplay]) -> Errand:
    return Errand(world, replay)
