"""Repositories that mean harm, every command on each of them, and wires that show what a repository got to run.

A case is a function that turns a harmless repository, its `Lair`, into a hostile one. No command may start what it
names, reach what it points at, write where it leads, hang, or end in an error of agentflow's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.replay.scenario import parse_scenario
from agentflow.replay.server import ThreadedReplay
from agentflow.store.records import RunRecord

FORKS = Path(__file__).with_name("forks.py")
#: What steers a terminal or hides on it; line breaks may be there, and what joins and parts honest letters.
STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\U000e0000-\U000e007f]")
WRONG = re.compile(r"this is a bug|Traceback \(most recent|internal error")
#: By its place: where a planted `touch` comes first, that would start itself for ever.
TOUCH = shutil.which("touch")
RUN = "20261123-100000-aaaa"
BRANCH = f"agentflow/{RUN}"
#: Seconds after which a command counts as hanging.
PATIENCE = 30
#: Processes that a command may start, git's own included: half as many again as the most that any case has needed. What
#: grows with what a repository holds goes beyond any number.
MOST_PROCESSES = {
    **dict.fromkeys(("agents", "config"), 0),
    "init": 1,
    **dict.fromkeys(("plan", "trust", "watch"), 15),
    **dict.fromkeys(("diff", "resume", "runs", "status"), 26),
    "run": 27,
    "apply": 52,
    "review": 90,
}


@dataclass(frozen=True)
class Command:
    """One way to meet a repository. `event`: the fields of a hook's event on stdin, in which `{root}` is filled in."""

    words: tuple[str, ...]
    event: Mapping[str, Any] = field(default_factory=dict)

    @property
    def argv(self) -> list[str]:
        return ["agentflow-hook" if self.event else "agentflow", *self.words]

    @property
    def most_processes(self) -> int:
        """No hook needs one where nothing was agreed to."""
        return 0 if self.event else MOST_PROCESSES[self.words[0]]

    def __str__(self) -> str:
        return " ".join([*self.argv, *filter(None, [self.event.get("tool_name")])])


def hook(name: str, **fields: Any) -> Command:
    return Command((name,), {"hook_event_name": name, **fields})


EDIT = {"tool_name": "Edit", "tool_input": {"file_path": "{root}/a.py", "old_string": "a", "new_string": "b"}}
SHELL = {"tool_name": "Bash", "tool_input": {"command": "ls"}}
#: What reads most of a repository: every case meets these in every run of the tests.
FIRST = (
    Command(("run", "Task", "--dry-run")),
    Command(("review", ".", "--dry-run")),
    hook("SessionStart", source="startup"),
)
MORE = (
    Command(("run", "Task", "--yes")),
    Command(("plan", "Task")),
    Command(("review", "--dry-run")),
    Command(("review", "main..work", "--dry-run")),
    Command(("resume",)),
    Command(("diff",)),
    Command(("status",)),
    Command(("status", "--json")),
    Command(("watch",)),
    Command(("runs", "show")),
    Command(("agents", "validate")),
    Command(("agents", "list")),
    Command(("config", "show")),
    Command(("trust", "--show")),
    hook("UserPromptSubmit", prompt="Hello"),
    hook("PreToolUse", **EDIT, agent_type="Explore"),
    hook("PreToolUse", **SHELL, agent_type="Explore"),
    hook("Stop"),
    hook("SubagentStop", agent_type="Explore"),
    hook("SessionEnd", reason="other"),
    hook("statusline", workspace={"current_dir": "{root}"}, model={"display_name": "M"}),
    Command(("trust",)),
    Command(("init", "--json")),
    Command(("init", "--yes")),
    hook("Stop"),
    Command(("init", "--uninstall", "--yes")),
    Command(("apply", "--yes")),
)


#: A real review: whoever is asked has found nothing. Its own SDK costs a second, so that one case in ten meets it.
REVIEW = Command(("review", ".", "--json"))
NOTHING = """
name: nothing
rules:
  - {when: {agent: reviewer}, times: "*", turns: [{answer: {findings: []}}]}
  - {when: {agent: synthesizer}, times: "*", turns: [{answer: {groups: [], findings: []}}]}
"""


class Lair:
    """A repository on branch `work`, one commit over `main`, with a run's finished branch, and all around to turn it.

    `root` is where the commands are given. Wires are files in `tripped`, and a port that nobody has to call.
    """

    def __init__(self, world: Any, template: Path) -> None:
        self.world, self.folder, self.root = world, world.folder, world.folder / "repo"
        self.tripped, self.events = self.folder / "tripped", self.folder / "git-events"
        self.outside = self.folder / "home" / "outside"
        for place in (self.tripped, self.events, self.outside):
            place.mkdir()
        for name in (".bashrc", ".claude.json", "outside/kept.txt"):
            (self.folder / "home" / name).write_text("the user's own\n")
        shutil.copytree(template, self.root, symlinks=True)
        config = self.folder / "gitconfig"
        user = f"[user]\n\tname = Ada\n\temail = ada@example.org\n[trace2]\n\teventTarget = {self.events}\n"
        config.write_text(user)
        world.env |= {"GIT_CONFIG_GLOBAL": str(config), "AGENTFLOW_TRUST": "", "AGENTFLOW_SANDBOX": "off"}
        self.env: dict[str, str] = world.env
        self.port = socket.create_server(("127.0.0.1", 0))
        self.base, self.head = self.git("rev-parse", "main", BRANCH).split()

    @property
    def git_dir(self) -> Path:
        return self.root / ".git"

    @property
    def url(self) -> str:
        """Where nobody has to call."""
        return f"http://127.0.0.1:{self.port.getsockname()[1]}/repository.git"

    def git(self, *args: str, cwd: Path | None = None) -> str:
        return str(self.world.git(cwd or self.root, *args))

    def set(self, **settings: str) -> None:
        """`core_pager="less"`, once git itself is not needed any more to build."""
        for name, value in settings.items():
            self.git("config", "--add", name.replace("__", "-").replace("_", "."), value)

    def write(self, name: str, content: str | bytes = "text\n", *, mode: int = 0o644) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
        path.chmod(mode)
        return path

    def commit(self, message: str = "More") -> None:
        self.git("add", "-A", "-f")
        self.git("commit", "-qm", message)

    def line(self, name: str) -> str:
        """A shell command that trips the wire of this name."""
        return f"{TOUCH} '{self.tripped}/{name}'"

    def program(self, place: str, name: str = "") -> Path:
        """An executable at `place` in the repository that trips the wire of this name, by default its own."""
        return self.write(place, f"#!/bin/sh\n{self.line(name or Path(place).name)}\n", mode=0o755)

    def forget(self) -> None:
        """What building it tripped."""
        for place in (self.tripped, self.events):
            for left in place.iterdir():
                left.unlink()
        while self.is_called():
            self.port.accept()[0].close()

    def arm(self) -> None:
        """Forget what building it tripped, and remember the run."""
        self.forget()
        run = RunRecord(
            id=RUN, repo_root=self.root, common_dir=self.git_dir, goal="Task", status=RunStatus.SUCCEEDED,
            base=self.base, head=self.head, branch=BRANCH, created_at=1000.0, spec={"begun_on": "work"},
        )  # fmt: skip
        with self.world.ledger() as ledger:
            ledger.create_run(run)

    def is_called(self) -> bool:
        return bool(select.select([self.port], [], [], 0)[0])

    def home(self) -> dict[str, bytes]:
        """All that is the user's own outside of the repository."""
        files = (path for path in (self.folder / "home").rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files}

    def started_by_git(self) -> list[list[str]]:
        """What git's own processes have started since this was asked before."""
        traces = [trace.read_text(errors="replace").split("\n") for trace in self.events.iterdir()]
        for trace in self.events.iterdir():
            trace.unlink()
        events = (json.loads(line) for lines in traces for line in lines if line)
        return [event["argv"] for event in events if event["event"] == "child_start"]

    def faults(self, by_git: list[list[str]]) -> Iterator[str]:
        """What was tripped since this was asked before, and what git started that is none of its own."""
        for wire in sorted(self.tripped.iterdir()):
            wire.unlink()
            yield f"{wire.name} was run"
        while self.is_called():
            self.port.accept()[0].close()
            yield "the network was reached"
        yield from (f"git started {' '.join(argv)}" for argv in by_git if not re.search(r"(^|/)git\b", argv[0]))

    def said_wrong(self, words: str, answer: str = "", *, code: bool = False) -> Iterator[str]:
        """An error of agentflow's own, and what steers a terminal; `code`: the answer is source text, shown as it is."""
        if WRONG.search(words + answer):
            yield f"internal error: {words[-1000:]}"
        if found := STEERS.findall(words if code else words + answer):
            yield f"steers the terminal: {found[:5]}"

    def close(self) -> None:
        self.port.close()


@dataclass(frozen=True)
class Met:
    """How a command ended: exit code (None: it hung), what it said, what it started, what git started for it."""

    command: Command
    code: int | None
    answer: str
    words: str
    started: list[str]
    by_git: list[list[str]]

    def faults(self, lair: Lair) -> Iterator[str]:
        yield from lair.faults(self.by_git)
        yield from (f"started {place}" for place in self.started if place.startswith(f"{lair.root}/"))
        if (count := len(self.started) + len(self.by_git)) > self.command.most_processes:
            yield f"started {count} processes, and may start {self.command.most_processes}"
        if self.code is None:
            yield "hung"
        if self.code in {1, 3}:
            yield f"exit {self.code}: {self.words[-1000:]}"
        yield from lair.said_wrong(self.words, self.answer, code=self.command.words == ("diff",))


class Forks:
    """The process that commands are forked from."""

    def __init__(self, model: str) -> None:
        """`model`: the address of what answers as one."""
        self._model = model
        words = [sys.executable, "-P", str(FORKS)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, lair: Lair, command: Command) -> Met:
        folder = lair.folder / "said"
        folder.mkdir(exist_ok=True)
        event = {"session_id": "s", "transcript_path": f"{lair.folder}/none", "cwd": str(lair.root), **command.event}
        given = json.dumps(event).replace("{root}", json.dumps(str(lair.root))[1:-1]) if command.event else ""
        (folder / "in").write_text(given)
        order = {
            "argv": command.argv,
            "cwd": str(lair.root),
            "env": {**lair.env, "ANTHROPIC_BASE_URL": self._model},
            "folder": str(folder),
        }
        code = self._ask({**order, "patience": PATIENCE})
        answer, words, started = (
            (folder / name).read_text("utf-8", "surrogateescape") for name in ("out", "err", "started")
        )
        programs = [json.loads(line) for line in started.splitlines()]
        return Met(command, code, answer, words, programs, lair.started_by_git())

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()

    def _ask(self, order: Mapping[str, Any]) -> int | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        told = ""
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(order), file=self._process.stdin, flush=True)
            told = self._process.stdout.readline()
        assert told, f"what commands are forked from has ended: {self._process.wait()}; its stderr says why"
        answer: int | None = json.loads(told)
        return answer


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    with ThreadedReplay(parse_scenario(NOTHING)) as server:
        opened = Forks(server.base_url)
        yield opened
        opened.close()
        assert server.unmatched == []


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The harmless repository that every other one starts as."""
    root = tmp_path_factory.mktemp("template") / "repo"
    root.mkdir()
    own = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def git(*args: str) -> None:
        words = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *args]
        subprocess.run(words, cwd=root, env=own, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    for name, branch in {"a.py": "main", "late.py": BRANCH, "b.py": "work"}.items():
        if branch != "main":
            git("switch", "-q", "-c", branch, "main")
        (root / name).write_text(f"{name[0]} = 1\n")
        (root / "Makefile").write_text("test:\n\tgrep -q a a.py\n")
        git("add", "-A")
        git("commit", "-qm", name)
    (root / "b.py").write_text("b = 2\n")
    return root


@pytest.fixture
def lair(world: Any, template: Path) -> Iterator[Lair]:
    opened = Lair(world, template)
    yield opened
    opened.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One case in thirty is met in each run of the tests, the others in the long ones."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here and _number(item.name) % 30:
            item.add_marker("long")


def _number(name: str) -> int:
    return zlib.crc32(name.encode())


@pytest.fixture
def commands(request: pytest.FixtureRequest) -> tuple[Command, ...]:
    """Every command for one case in ten, and for all with COMMANDS=all; else four, which ones depends on the case.

    Of the others, one in ten meets the real review too, and one in five of the short tests.
    """
    number = _number(request.node.name)
    if os.environ.get("COMMANDS") == "all" or number % 150 > 135:
        return (*FIRST, REVIEW, *MORE)
    chosen = {number // 3**step % len(MORE) for step in (3, 6, 9)}
    asking = [REVIEW] if number % 10 == 1 or number % 150 == 120 else []  # a short test's number has 0 for 10
    return (FIRST[number % len(FIRST)], *asking, *(MORE[index] for index in sorted(chosen)))


@pytest.fixture
def holds(lair: Lair, forks: Forks, commands: tuple[Command, ...]) -> Callable[[Callable[[Lair], object]], None]:
    """Holds every command against the case."""

    def hold(build: Callable[[Lair], object]) -> None:
        build(lair)
        lair.arm()
        home, table = lair.home(), []
        for command in commands:
            met = forks.run(lair, command)
            table += [f"{command}: {fault}" for fault in met.faults(lair)]
            if changed := [place for place, content in lair.home().items() if home.get(place) != content]:
                table.append(f"{command}: wrote {changed}")
                home = lair.home()
            if met.code is None:
                for process in lair.world.processes():
                    os.kill(process, signal.SIGKILL)
                break
        assert not table, "\n".join(["", *table])

    return hold
