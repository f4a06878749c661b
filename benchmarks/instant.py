"""The `agentflow` command with agents that answer at once, so that what is left is agentflow's own work.

Everything else is real: git, worktrees, checks, the engine, the ledger. An agent writes `good` into its subtask's first
file, on a tier named by AGENTFLOW_BENCH_FAILS (and in its fix round there) `bad`. AGENTFLOW_BENCH_WRITES (JSON) gives
other texts, by subtask, by `<subtask>/<attempt>` or by `resolver`. Plans may be of any size. What the process used is
printed as the last line of stderr.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentflow.domain.calls import Label

DROPPED = ("PYTHONDONTWRITEBYTECODE", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
FAILS = "AGENTFLOW_BENCH_FAILS"
WRITES = "AGENTFLOW_BENCH_WRITES"
DONE = {"status": "done", "summary": "Wrote it.", "confidence": 0.95, "blocked_reason": None}
RESOLVED = {"status": "resolved", "summary": "Both."}
NOTHING_FOUND = {"findings": []}
APPROVED = {"approve": True, "reason": "It writes the file."}
#: How a line of stderr begins that says why a judge was asked.
JUDGED = "a judge was asked: "


@dataclass(frozen=True)
class Used:
    """Processor seconds of the process itself and of its children, seconds on the clock, git processes by command."""

    own_s: float
    children_s: float
    wall_s: float
    git: dict[str, int]


class Machine:
    """A user's machine in a folder, with one repository."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "repo"
        self.env = {
            **{name: value for name, value in os.environ.items() if name not in DROPPED},
            "HOME": str(folder / "home"),
            "AGENTFLOW_STATE_DIR": str(folder / "state"),
            "AGENTFLOW_TRUST": "1",
            "AGENTFLOW_CACHE_DIR": str(folder / "cache"),
            "AGENTFLOW_CONFIG_DIR": str(folder / "config"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "ANTHROPIC_API_KEY": "not-used",
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        }
        (folder / "home").mkdir()
        self.root.mkdir()
        (self.root / "README.md").write_text("Nothing here yet.\n")
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "Start"]):
            self.git(*words)

    def git(self, *words: str, given: bytes = b"") -> str:
        """What the user's own git says."""
        git = ["git", "-c", "user.name=Bench", "-c", "user.email=bench@localhost", *words]
        done = subprocess.run(git, cwd=self.root, env=self.env, input=given, stdout=subprocess.PIPE, check=True)
        return done.stdout.decode()

    def run(self, subtasks: Iterable[dict[str, Any]], *args: str, fails: str = "") -> Used:
        plan = self.folder / "plan.yaml"
        plan.write_text(json.dumps({"summary": "Write files.", "subtasks": list(subtasks)}))
        return self.agentflow("run", "--plan", str(plan), "--yes", "--quiet", *args, fails=fails)

    def agentflow(self, *words: str, fails: str = "") -> Used:
        command = [sys.executable, __file__, *words]
        env = {**self.env, FAILS: fails}
        done = subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{command} ended with {done.returncode}:\n{done.stderr}")
        return Used(**json.loads(done.stderr.splitlines()[-1]))


def in_a_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="agentflow-bench-")


def planned(subtasks: int, check: str = "grep -q good {file}") -> list[dict[str, Any]]:
    """Independent subtasks, each of one file and one check."""
    return [
        {
            "id": f"file-{n}",
            "title": f"Write file {n}",
            "instructions": f"Write file-{n}.txt.",
            "kind": "implement",
            "complexity": "simple",
            "agent": "execute",
            "files": [f"file-{n}.txt"],
            "checks": [check.format(file=f"file-{n}.txt")],
        }
        for n in range(subtasks)
    ]


def _text(label: Label, *, again: bool) -> str:
    """What this agent writes; in its fix round something else, so that there is something to commit."""
    known = json.loads(os.environ.get(WRITES, "{}"))
    usual = "bad" if label.tier.value == os.environ.get(FAILS) else "good"
    names = ("resolver",) if label.agent == "resolver" else (f"{label.subtask}/{label.attempt}", label.subtask)
    text = next((known[name] for name in names if name in known), usual)
    return f"{text}{' still' * again}\n"


def _patch(calls: Counter[str]) -> None:
    """Put instant agents in the place of Claude Code, lift the bound on plans, count git's processes."""
    from agentflow.domain import plans
    from agentflow.domain.calls import CallKind, Request, Tokens
    from agentflow.git import command
    from agentflow.models import claude_code, messages
    from agentflow.models.session import Observer, RequestFinished, SessionRequest, SessionResult

    class Instant:
        def __init__(self, *_: Any, **__: Any) -> None:
            """Needs nothing of what Claude Code needs."""

        async def run(self, request: SessionRequest, observe: Observer) -> SessionResult:
            if request.write_scope:
                (request.cwd / request.write_scope[0]).write_text(_text(request.label, again=bool(request.resume)))
            answered = Request(request.model, Tokens(input=1000, output=100), 0.001)
            observe(RequestFinished(answered))
            known = {CallKind.RESOLVE: RESOLVED, CallKind.REVIEW: NOTHING_FOUND}
            known[CallKind.SYNTHESIZE] = {"groups": [], **NOTHING_FOUND}
            if request.kind is CallKind.JUDGE:
                known[CallKind.JUDGE] = APPROVED
                why = request.prompt.split("what the checks found", 1)[-1]
                print(JUDGED + " ".join(why.split())[:400], file=sys.stderr)
            answer = known.get(request.kind, DONE)
            return SessionResult(answer, None, "session", (answered,), None, None, 0.0)

    plans.MAX_SUBTASKS = 1000
    claude_code.ClaudeCodeRunner = Instant  # type: ignore[misc,assignment]
    messages.MessagesRunner = Instant  # type: ignore[misc,assignment]
    run = command.run

    def counted(cwd: Path, before: Any, args: Any, *rest: Any) -> Any:
        calls[next((word for word in args if not word.startswith("-") and "=" not in word), "git")] += 1
        return run(cwd, before, args, *rest)

    command.run = counted


def main() -> None:
    from agentflow.cli.app import main as agentflow

    calls: Counter[str] = Counter()
    started = time.monotonic()
    _patch(calls)
    try:
        agentflow()
    finally:
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        cpu = {"own_s": own.ru_utime + own.ru_stime, "children_s": children.ru_utime + children.ru_stime}
        used = {**cpu, "wall_s": time.monotonic() - started, "git": dict(calls.most_common())}
        print(json.dumps(used), file=sys.stderr)


if __name__ == "__main__":
    main()
