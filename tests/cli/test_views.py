"""What people see while a run works: the tree on real terminals, lines in pipes, the question about the plan."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentflow.domain.attempts import RunStatus

pytestmark = pytest.mark.cli

COLUMNS, LINES = 100, 15
#: How Rich takes back a frame: the line it is on, then each line above it.
ERASED = re.compile(r"\r\x1b\[2K((?:\x1b\[1A\x1b\[2K)*)")
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9](;[0-9;]*)?m")


class Terminal:
    """A command on a pseudo-terminal of 100 columns and 15 lines: its three streams are the terminal."""

    def __init__(self, world, root: Path, args: tuple[str, ...], env: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        sizeless = {name: value for name, value in world.env.items() if name not in {"COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agentflow", *args],
            cwd=root,
            env={**sizeless, "TERM": "xterm-256color", **env},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._heard: list[bytes] = []
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    @property
    def output(self) -> str:
        return b"".join(self._heard).decode(errors="replace")

    @property
    def plain(self) -> str:
        """The words without what steers the terminal."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.output)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Wait for the command's end, and give its exit code."""
        code = self.process.wait(timeout=120)
        self._listening.join()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._listening.join()
        os.close(self._ours)

    def _listen(self) -> None:
        while True:
            try:
                heard = os.read(self._ours, 65536)
            except OSError:  # Linux: EIO when the last of the other side has closed
                return
            if not heard:
                return
            self._heard.append(heard)


@pytest.fixture
def terminal(world) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(root: Path, *args: str, replay=None, **env: str) -> Terminal:
        where = {"ANTHROPIC_BASE_URL": replay.base_url} if replay else {}
        opened.append(Terminal(world, root, args, where | env))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def heights(output: str) -> set[int]:
    """How many lines the frames had."""
    return {len(above) // len("\x1b[1A\x1b[2K") + 1 for above in ERASED.findall(output)}


@pytest.mark.long
def test_a_run_and_its_watchers_show_the_same_rows_within_the_screen(world, errand, terminal):
    """Twelve subtasks on fifteen lines: four write a file and then get no answer, the others wait."""
    names = [f"cup-{n}" for n in range(12)]
    rules = [errand.writes(name) for name in names]
    for rule in rules:
        rule["turns"][1] = errand.HANG
    plan, server = errand.plan_file(*names), errand.serve(*rules)
    run = terminal(errand.root, "run", "--plan", plan, "--yes", "--budget", "9", replay=server)
    world.until(lambda: all(f"Write cup-{n}.txt" in run.plain for n in range(4)), run.process)
    run_id = world.events()[0].data["branch"].removeprefix("agentflow/")
    watching = terminal(errand.root, "watch", run_id)
    colourless = terminal(errand.root, "watch", NO_COLOR="1")
    for view in (watching, colourless):
        world.until(lambda view=view: all(f"Write cup-{n}.txt" in view.plain for n in range(4)), view.process)
    row = re.compile(r"◐ Write cup-0 +execute +haiku-5-5 +Write cup-0.txt +\d+s +1\.1k +\$0\.00\d\d\s")
    waits = re.compile(r"○ Write cup-5 +execute +haiku +waiting")
    footer = re.compile(rf"0/12 merged · \$0\.00\d\d of \$9\.0000 · \d+s · {run_id}")
    for view in (run, watching, colourless):
        assert row.search(view.plain), view.plain
        assert waits.search(view.plain)
        assert footer.search(view.plain)
        assert re.search(r"… [34] more", view.plain)
    assert COLOUR.search(run.output)
    assert COLOUR.search(watching.output)
    assert not COLOUR.search(colourless.output)

    os.kill(run.process.pid, signal.SIGINT)
    assert run.end() == 130
    assert f"agentflow resume {run_id}" in run.plain
    assert (watching.end(), colourless.end()) == (0, 0)
    assert f"interrupted; resume with: agentflow resume {run_id}" in watching.plain
    for view in (run, watching, colourless):
        assert LINES // 2 < max(heights(view.output)) <= LINES
    in_a_pipe = world.agentflow(errand.root, "watch")
    assert (in_a_pipe.code, in_a_pipe.out) == (0, "")
    assert "cup-0: attempt 1 on haiku (claude-haiku-5-5)" in in_a_pipe.err
    assert "\x1b" not in in_a_pipe.err


@pytest.mark.long
def test_the_plan_is_asked_about_and_a_no_leaves_the_run_to_be_resumed(world, errand, terminal):
    server = errand.serve(errand.plans("tea"), errand.writes("tea"))
    asked = terminal(errand.root, "run", "Make tea", replay=server, NO_COLOR="1")
    world.until(lambda: "Carry out this plan? [y/N]:" in asked.plain, asked.process)
    told = asked.plain.replace("\r\n", "\n")
    assert "\nplan: Run errands.\n\n 1. Write tea (tea)\n    execute from haiku, simple, $" in told
    assert re.search(r"\n\nexpected cost: \$\d\.\d\d to \$\d\.\d\d\n\nCarry out", told)
    asked.type("n\n")
    assert asked.end() == 130
    assert "agentflow resume" in asked.plain
    assert not COLOUR.search(asked.output)
    assert errand.asked(server, agent="execute") == 0
    with world.ledger() as ledger:
        (run,) = ledger.runs()
    assert run.status is RunStatus.PLANNED
    assert world.git(errand.root, "branch", "--format=%(refname:short)") == "main"

    again = terminal(errand.root, "resume", replay=server)
    world.until(lambda: "Carry out this plan? [y/N]:" in again.plain, again.process)
    again.type("y\n")
    assert again.end() == 0
    assert "✓ merged, proven, haiku ✓" in again.plain
    assert errand.asked(server, agent="planner") == 1
    assert world.git(errand.root, "show", f"{run.branch}:tea.txt") == "good"
    assert server.unmatched == []


def test_without_a_terminal_a_run_is_lines_and_nothing_is_redrawn(world, errand):
    server = errand.serve(errand.writes("tea"))
    plan = errand.plan_file("tea")
    ended = world.agentflow(errand.root, "run", "--plan", plan, "--yes", replay=server)
    assert (ended.code, ended.out, server.unmatched) == (0, "", [])
    assert "\x1b" not in ended.err
    story = [
        r" +\d+s  run [\d-]+-\w{4}: Run errands\. \(branch agentflow/[\w-]+\)",
        r" +\d+s  baseline: no checks found",
        r" +\d+s  plan: 1 subtask: Run errands\.",
        r"",
        r"plan: Run errands\.",
        r" +\d+s  tea: attempt 1 on haiku \(claude-haiku-5-5\)",
        r" +\d+s  tea: ✓ grep -q good tea\.txt",
        r" +\d+s  tea: - grep -q good tea.txt \(exit \d\) on the base",
        r" +\d+s  tea: ✓ attempt 1 on haiku passed: 1 went from red to green: grep -q good tea.txt; 1 check passed",
        r" +\d+s  tea: merging",
        r" +\d+s  tea: ✓ merged, proven, haiku ✓, \d+s, \$0\.00\d\d",
        r"✓ succeeded: Run errands\.",
        r"next:",
        r"  agentflow diff [\w-]+",
        r"  agentflow apply [\w-]+",
    ]
    lines = iter(ended.err.splitlines())
    for expected in story:
        assert any(re.fullmatch(expected, line) for line in lines), (expected, ended.err)


def test_quiet_shows_the_result_alone(world, errand):
    server = errand.serve(errand.writes("tea"))
    ended = world.agentflow(errand.root, "run", "--plan", errand.plan_file("tea"), "-q", "--yes", replay=server)
    assert (ended.code, ended.out, server.unmatched) == (0, "", [])
    assert "attempt 1" not in ended.err
    assert "✓ succeeded: Run errands." in ended.err
    shown = world.agentflow(errand.root, "runs", "show", "--json")
    assert json.loads(shown.out)["status"] == "succeeded"
