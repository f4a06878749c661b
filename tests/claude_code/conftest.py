"""The real `agentflow-hook` as Claude Code starts it: a process, an event as JSON on stdin."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import claude_agent_sdk
import pytest

from agentflow.checks.deciding import agreement
from agentflow.domain.attempts import RunStatus
from agentflow.domain.calls import CallKind, Label, Request, Tokens
from agentflow.domain.codec import encode
from agentflow.domain.tiers import Tier
from agentflow.replay.server import ThreadedReplay
from agentflow.store.records import RunRecord


class Hooks:
    """`agentflow-hook` on a user's machine."""

    COMMAND = str(Path(sys.executable).with_name("agentflow-hook"))

    def __init__(self, world) -> None:
        self.world = world
        self.folder = world.folder / "state" / "hooks"
        world.env["CLAUDE_CONFIG_DIR"] = str(world.folder / "claude")

    def event(self, name: str, cwd: Path, **fields: Any) -> dict[str, Any]:
        """The event as the CLI words it."""
        common = {"session_id": "session-1", "transcript_path": str(self.world.folder / "transcript.jsonl")}
        return {**common, "cwd": str(cwd), "hook_event_name": name, "permission_mode": "default", **fields}

    def fire(self, name: str, cwd: Path, *, env: Mapping[str, str] | None = None, **fields: Any) -> Any:
        """What the hook answers to an event: None, an object, or text without the last newline."""
        out = self.say(name, json.dumps(self.event(name, cwd, **fields)), env=env)
        return json.loads(out) if out.startswith("{") else out.removesuffix("\n") or None

    def say(
        self, name: str, stdin: str | bytes, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> str:
        """What the hook prints for this stdin; it always ends with 0 and is silent on stderr."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        everything = {**self.world.env, **(env or {})}
        where = cwd or self.world.folder
        done = subprocess.run(
            [self.COMMAND, name], input=given, env=everything, cwd=where, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr.decode()) == (0, "")
        return done.stdout.decode()

    def configure(self, hooks: Mapping[str, Any], root: Path | None = None, **others: Any) -> None:
        """Write a configuration with these `hooks`: the user's, or that of the repository at `root`."""
        path = root / ".agentflow" / "config.yaml" if root else self.world.folder / "config" / "config.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"hooks": encode(dict(hooks)), **others}))

    def trust(self, *roots: Path) -> None:
        """As `agentflow init` in these repositories."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "trusted.json").write_text(json.dumps([str(root.resolve()) for root in roots]))

    def agree(self, root: Path) -> None:
        """As `agentflow trust` in this repository; what the tests' environment agrees to does not count any more."""
        self.world.env["AGENTFLOW_TRUST"] = ""
        path, place = self.world.folder / "state" / "trust.json", str((root / ".git").resolve())
        known = json.loads(path.read_text()) if path.exists() else {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**known, place: [*known.get(place, []), agreement(root.resolve())]}))

    def spend(self, usd: float, *, days_ago: int = 0) -> None:
        """A call in the ledger that cost so much."""
        label = Label("run-1", "-", "execute", Tier.HAIKU, 1)
        with self.world.ledger() as ledger:
            call = ledger.start_call("run-1", label, CallKind.EXECUTE, runner="messages", model="m", task_class="-")
            ledger.add_request(call, Request("m", Tokens(1), usd))
        with closing(sqlite3.connect(self.world.folder / "state" / "ledger.db")) as connection, connection:
            connection.execute("UPDATE calls SET started_at = started_at - ? WHERE id = ?", (days_ago * 86400, call))

    def remember(self, root: Path, status: RunStatus, **fields: Any) -> None:
        """A run of the repository in the ledger."""
        common_dir = Path(self.world.git(root, "rev-parse", "--path-format=absolute", "--git-common-dir"))
        facts = {"id": "run-1", "goal": "tidy up", "base": "0" * 40, "branch": "b", "created_at": time.time(), **fields}
        with self.world.ledger() as ledger:
            ledger.create_run(RunRecord(repo_root=root, common_dir=common_dir, status=status, **facts))

    @property
    def log(self) -> str:
        """What went wrong so far."""
        path = self.folder / "hook.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def hooks(world) -> Hooks:
    return Hooks(world)


class Person:
    """A person at work in Claude Code: the bundled CLI, with `agentflow-hook` for some events in the project's settings."""

    CLI = str(Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude")
    QUIET: ClassVar = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}

    def __init__(self, world) -> None:
        self.world = world
        world.env["CLAUDE_CONFIG_DIR"] = str(world.folder / "claude")

    def install(self, root: Path, *events: str) -> None:
        """Let hooks fire for these events."""
        hooks = {event: [{"hooks": [{"type": "command", "command": f"agentflow-hook {event}"}]}] for event in events}
        (root / ".claude").mkdir(exist_ok=True)
        (root / ".claude" / "settings.json").write_text(json.dumps({"hooks": hooks}))

    def ask(self, root: Path, prompt: str, server: ThreadedReplay, *args: str, **env: str) -> list[dict[str, Any]]:
        """The messages of a session that works on this prompt, as the CLI tells them."""
        process = self.start(root, prompt, server, *args, **env)
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, ""), out
        return [json.loads(line) for line in out.splitlines()]

    def start(self, root: Path, prompt: str, server: ThreadedReplay, *args: str, **env: str) -> subprocess.Popen[str]:
        """The session, without waiting for its end."""
        told = ("--setting-sources", "project", "--output-format", "stream-json", "--verbose")
        everything = {**self.world.env, **self.QUIET, "ANTHROPIC_BASE_URL": server.base_url, **env}
        return self.world.spawn([self.CLI, "-p", prompt, *told, *args], root, everything)


@pytest.fixture
def person(world) -> Person:
    return Person(world)
