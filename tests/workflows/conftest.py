"""Small teams on the real command: a repository, a plan, and what the model says in each session."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentflow.domain.events import Event
from agentflow.replay.request import ReplayRequest
from agentflow.replay.server import ThreadedReplay
from agentflow.store.ledger import Ledger, open_ledger
from agentflow.workflows.reviewing.prompts import RESTS_ON

Data = dict[str, Any]


class Script:
    """Words for plans and scenarios."""

    @staticmethod
    def subtask(name: str, files: list[str], checks: list[str], **more: Any) -> Data:
        """A simple subtask, so one that starts on haiku."""
        about = {"title": f"Make {name}", "instructions": f"Make {name} as its check wants it."}
        graph = {"kind": "implement", "complexity": "simple", "agent": "execute", "depends_on": [], "acceptance": []}
        return {"id": name, **about, **graph, "files": files, "checks": checks, **more}

    @staticmethod
    def pytest(file: str) -> str:
        """A check command; without the plugins of whoever runs these tests, which would cost a second a run."""
        return f"PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -q {file}"

    @staticmethod
    def plan(*subtasks: Data) -> Data:
        return {"summary": "Make it.", "assumptions": [], "subtasks": list(subtasks)}

    @staticmethod
    def rule(agent: str, *turns: Data, times: int | str = 1, **when: Any) -> Data:
        return {"when": {"agent": agent, **when}, "times": times, "turns": list(turns)}

    def work(self, subtask: str, tier: str, *turns: Data, **when: Any) -> Data:
        """An executor's session that ends in `done`."""
        return self.rule("execute", *turns, self.done(), subtask=subtask, tier=tier, **when)

    @staticmethod
    def call(tool: str, **given: Any) -> Data:
        return {"calls": [{"tool": tool, "input": given}]}

    def write(self, file: str, content: str) -> Data:
        return self.call("Write", file_path=f"{{cwd}}/{file}", content=content)

    @staticmethod
    def edit(file: str, old: str, new: str) -> Data:
        """Claude Code edits only files it has read."""
        path = f"{{cwd}}/{file}"
        change = {"file_path": path, "old_string": old, "new_string": new}
        return {"calls": [{"tool": "Read", "input": {"file_path": path}}, {"tool": "Edit", "input": change}]}

    @staticmethod
    def done(confidence: float = 0.95) -> Data:
        return {
            "answer": {"status": "done", "summary": "It is made.", "confidence": confidence, "blocked_reason": None}
        }

    @staticmethod
    def blocked(reason: str) -> Data:
        answer = {"status": "blocked", "summary": "Nothing.", "confidence": 0.1, "blocked_reason": reason}
        return {"answer": answer}


_EXCERPT = re.compile(
    r'^<untrusted source="(?P<name>[^\n]*) lines (?P<first>\d+)-(?P<last>\d+) of (?P<total>\d+)">\n'
    r"(?P<code>.*?)\n</untrusted>$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Excerpt:
    """Lines `first` to `last` of a file of `total` lines, as a reviewer got them."""

    name: str
    first: int
    last: int
    total: int
    code: str

    @classmethod
    def read(cls, found: re.Match[str]) -> Excerpt:
        return cls(found["name"], int(found["first"]), int(found["last"]), int(found["total"]), found["code"])


class Reviewing:
    """Words for reviews: small sources with a defect each, what a model says of them, and the command."""

    MEAN = "def mean(values):\n    return sum(values) / len(values)\n"
    RUN = "import os\n\n\ndef run(name):\n    os.system('ls ' + name)\n"

    def __init__(self, world: Any, scene: Callable[..., ThreadedReplay]) -> None:
        self.world = world
        self.scene = scene

    def packs(self, number: int, **files: str) -> Path:
        """A repository of `src/m1.py`, `src/m2.py`, …, below ten: each begins with MEAN and fills a pack alone."""
        rest = "".join(f"# Line {n} says nothing, at some length, so that the file is long.\n" for n in range(3, 42))
        sources = {f"src/m{n}.py": self.MEAN + rest for n in range(1, number + 1)}
        config = {".agentflow/config.yaml": "review:\n  pack_tokens: 1000\n"}
        root: Path = self.world.repository({**sources, **config, **files})
        return root

    @staticmethod
    def finding(**changes: Any) -> Data:
        """The defect of MEAN in `src/mean.py`, or another one."""
        return {
            "rule": "division-by-zero",
            "title": "An empty list divides by zero",
            "message": "mean([]) divides by len([]), which is 0.",
            "file": "src/mean.py",
            "line": 2,
            "end_line": None,
            "severity": "high",
            "category": "bug",
            "confidence": 0.9,
            "evidence": "return sum(values) / len(values)",
            "suggestion": None,
            "elsewhere": False,
            **changes,
        }

    def injection(self, **changes: Any) -> Data:
        """The defect of RUN in `src/run.py`."""
        told = {"title": "A name is run by the shell", "message": "run('; rm -rf /') runs it."}
        place = {"file": "src/run.py", "line": 5, "evidence": "os.system('ls ' + name)"}
        sort = {"rule": "command-injection", "severity": "critical", "category": "security"}
        return self.finding(**{**told, **place, **sort, **changes})

    @staticmethod
    def answers(agent: str, answer: Data, times: int | str = 1, **when: Any) -> Data:
        """A rule by which this agent gives this answer."""
        return {"when": {"agent": agent, **when}, "times": times, "turns": [{"answer": answer}]}

    def reports(self, *findings: Data, times: int | str = 1, **when: Any) -> Data:
        """A rule by which a reviewer reports these findings."""
        return self.answers("reviewer", {"findings": list(findings)}, times, **when)

    def groups(self, *groups: tuple[int, ...], severity: str = "high") -> Data:
        """A rule by which the synthesizer makes these groups of numbers, all of this severity."""
        made = [{"members": list(members), "severity": severity} for members in groups]
        return self.answers("synthesizer", {"groups": made, "findings": []})

    def confirmed(self, *numbers: int) -> Data:
        """A verifier's answer."""
        return self.verdicts(dict.fromkeys(numbers, "confirmed"))

    @staticmethod
    def verdicts(by_number: Mapping[int, str]) -> Data:
        """A verifier's answer."""
        about = {"reason": "Line 2.", "quote": "return sum(values) / len(values)", "confidence": 0.95}
        return {"verdicts": [{"number": n, "verdict": verdict, **about} for n, verdict in by_number.items()]}

    def rules_on(self, by_number: Mapping[int, str], times: int | str = 1, **when: Any) -> Data:
        """A rule by which a verifier gives these verdicts."""
        return self.answers("verifier", self.verdicts(by_number), times, **when)

    def clean(self) -> list[Data]:
        """Rules by which nobody finds anything, however often they are asked."""
        return [self.reports(times="*"), self.answers("synthesizer", {"groups": [], "findings": []}, "*")]

    @staticmethod
    def given(server: ThreadedReplay) -> list[Excerpt]:
        """The code that this server's reviewers were to review, in the order of the packs; not what travels with it."""
        asked = [request for request in server.requests if request.labels["agent"] == "reviewer"]
        asked.sort(key=lambda request: int(request.labels["subtask"].removeprefix("pack-")))
        texts = (request.last_text.partition(RESTS_ON)[0] for request in asked)
        return [Excerpt.read(found) for text in texts for found in _EXCERPT.finditer(text)]

    def review(self, root: Path, *args: str, replay: ThreadedReplay, **env: str) -> Any:
        """The command's end; every request must have been foreseen."""
        ended = self.world.agentflow(root, "review", *args, replay=replay, **env)
        assert replay.unmatched == [], ended.err
        return ended


@dataclass(frozen=True)
class Told:
    """A finished run: the command's end, the document it printed, what the model was asked."""

    root: Path
    code: int
    err: str
    document: Data
    server: ThreadedReplay
    ledger: Ledger

    def subtask(self, name: str) -> Data:
        return next(subtask for subtask in self.document["subtasks"] if subtask["id"] == name)

    def attempts(self, name: str) -> list[tuple[str, str, int]]:
        """Tier, outcome and rounds of each attempt."""
        return [(a["tier"], a["outcome"], a["rounds"]) for a in self.subtask(name)["attempts"]]

    def statuses(self) -> dict[str, str]:
        return {subtask["id"]: subtask["status"] for subtask in self.document["subtasks"]}

    def asked(self, **labels: str) -> list[ReplayRequest]:
        """The requests with these labels, oldest first."""
        return [r for r in self.server.requests if labels.items() <= {**r.labels}.items()]

    def events(self, kind: str) -> list[Event]:
        return [event for event in self.ledger.events(self.document["run_id"]) if event.kind == kind]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def ledger(world: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """The world's ledger."""
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", world.env["AGENTFLOW_STATE_DIR"])
    with open_ledger() as opened:
        yield opened


@pytest.fixture
def scene(replay: Callable[[str], ThreadedReplay]) -> Callable[..., ThreadedReplay]:
    """Starts a replay server that plays these rules."""
    return lambda *rules: replay(json.dumps({"name": "test", "rules": rules}))


@pytest.fixture
def reviewing(world: Any, scene: Callable[..., ThreadedReplay]) -> Reviewing:
    return Reviewing(world, scene)


@pytest.fixture
def plan_file(world: Any) -> Callable[[Data], Path]:
    """Writes a plan beside the repository."""

    def write(plan: Data) -> Path:
        path: Path = world.folder / "plan.yaml"
        path.write_text(json.dumps(plan))
        return path

    return write


@pytest.fixture
def carry_out(world: Any, scene: Any, plan_file: Any, ledger: Ledger) -> Callable[..., Told]:
    """Runs a plan in a new repository of these files on the real command; every request must have been foreseen."""

    def run(files: Mapping[str, str], plan: Data, *rules: Data, args: tuple[str, ...] = ()) -> Told:
        root, server = world.repository(files), scene(*rules)
        ended = world.agentflow(
            root, "run", "--plan", str(plan_file(plan)), "--yes", "--json", "--quiet", *args, replay=server
        )
        assert server.unmatched == [], ended.err
        return Told(root, ended.code, ended.err, ended.json, server, ledger)

    return run
