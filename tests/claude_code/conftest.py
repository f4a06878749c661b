"""The real `agentflow-hook` as Claude Code starts it: a process, an event as JSON on stdin."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentflow.domain.codec import encode


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

    @property
    def log(self) -> str:
        """What went wrong so far."""
        path = self.folder / "hook.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def hooks(world) -> Hooks:
    return Hooks(world)
