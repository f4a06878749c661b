"""One repository tried: what agentflow finds there, and what becomes of a right and of a wrong change."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from clone import Clone, Trouble
from scripted import Versions, broken, plan, scenario

from agentflow.replay.scenario import parse_scenario
from agentflow.replay.server import ThreadedReplay

#: `-P`: the repository may hold a package of that name.
AGENTFLOW = (sys.executable, "-P", "-m", "agentflow")
#: Options that name what a repository lacks; agentflow prints them in its advice.
FLAGS = ("--setup", "--check")
#: Whoever answers, does it at once: nothing but checks and set-up can take this long, in seconds.
LIMIT_S = 3600.0


@dataclass(frozen=True)
class Ended:
    """A finished `agentflow` command; `document` is empty when it printed none."""

    code: int
    document: Mapping[str, Any]
    err: str

    def line(self, start: str) -> str:
        """What the first line that says `start` says after it."""
        found = re.search(rf"(?m)^.*?\b{re.escape(start)}: (.*)$", self.err)
        return found[1].strip() if found else ""

    @property
    def message(self) -> str:
        error = self.document.get("error")
        return f"{error['message']} ({error['hint']})" if error else ""


@dataclass(frozen=True)
class Outcome:
    """What became of a change: the word for it, and whether it is the right one."""

    words: str
    is_right: bool


@dataclass(frozen=True)
class Told:
    """Everything that is said of one repository."""

    name: str
    shape: str
    setup: str
    checks: tuple[str, ...]
    baseline: str
    loads: str
    right: Outcome
    wrong: Outcome
    flags: str

    @property
    def gets_through(self) -> bool:
        return self.right.is_right and self.wrong.is_right

    @property
    def needed(self) -> str:
        """What had to be given, in the words of known.toml."""
        return (self.flags or "nothing") if self.gets_through else "not got through"


class Trial:
    """A clone, and a machine of its own for agentflow: state, cache and configuration in `folder`."""

    def __init__(self, clone: Clone, folder: Path, env: Mapping[str, str]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        places = {f"AGENTFLOW_{word.upper()}_DIR": str(folder / word) for word in ("state", "cache", "config")}
        self._clone, self._folder = clone, folder
        own = {"AGENTFLOW_TRUST": "1", "ANTHROPIC_API_KEY": "replayed", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
        self._env = {**env, **places, **own}

    def __call__(self) -> Told:
        """Both changes, the right one a second time with the options that agentflow asks for."""
        known, right = self._clone.known, self._clone.start()
        found = self._run("dry", "run", "--dry-run", "--json", "Make the fix")
        checks = found.document.get("checks", ())
        (self._folder / "plan.yaml").write_text(plan(known, list(checks)), encoding="utf-8")
        given: list[str] = []
        tried, line = self._try("right", right, given), ""
        if tried.code == 4 and (line := _line_asked_for(tried)):
            subprocess.run(["/bin/sh", "-c", line], cwd=self._clone.root, check=True)
            tried = self._try("right-with-files", right, given)
        if tried.code == 4 and (given := list(_asked_for(tried))):
            tried = self._try("right-again", right, given)
        if tried.code and not given and (given := list(_asked_for(tried))):
            tried = self._try("right-set-up", right, given)
        if tried.code and (place := _place_asked_for(tried)):
            self._env["AGENTFLOW_CACHE_DIR"], line = place, f"AGENTFLOW_CACHE_DIR={place}"
            tried = self._try("right-elsewhere", right, given)
        fixed = self._fixed(tried)
        spoilt = self._try("wrong", broken(right), given)
        refused = _refused(spoilt)
        return Told(
            name=known.name,
            shape=known.shape,
            setup=found.document.get("setup") or "-",
            checks=tuple(checks),
            baseline=tried.line("baseline") or tried.message or tried.err.strip()[-300:],
            loads=_loads(tried, fixed, spoilt),
            right=fixed,
            wrong=refused,
            flags="; ".join(filter(None, (line, shlex.join(given)))),
        )

    def _try(self, name: str, files: Versions, given: list[str]) -> Ended:
        with ThreadedReplay(parse_scenario(scenario(files))) as server:
            words = ["run", "--plan", str(self._folder / "plan.yaml"), "--yes", "--json", *given]
            ended = self._run(name, *words, ANTHROPIC_BASE_URL=server.base_url)
            if server.unmatched:
                raise Trouble(f"requests that nobody had thought of: {server.unmatched}")
        return ended

    def _run(self, name: str, *words: str, **env: str) -> Ended:
        with subprocess.Popen(
            [*AGENTFLOW, *words],
            cwd=self._clone.root,
            env={**self._env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=LIMIT_S)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        (self._folder / f"{name}.out").write_text(out)
        (self._folder / f"{name}.err").write_text(err)
        return Ended(process.returncode, json.loads(out) if out.startswith("{") else {}, err)

    def _fixed(self, ended: Ended) -> Outcome:
        """Right is merged, proven by what the checks showed, and the tree is that of the repository's own history."""
        if not ended.document.get("subtasks"):
            return Outcome(f"exit {ended.code}: {ended.message or 'no run'}", is_right=False)
        (subtask,) = ended.document["subtasks"]
        if subtask["status"] not in {"merged", "unproven"}:
            return Outcome(f"{_last(subtask)}: {subtask['reason']}", is_right=False)
        if not self._clone.is_fixed(ended.document["branch"]):
            return Outcome("merged, but another tree than with the fix", is_right=False)
        word = proof(subtask)
        return Outcome(f"merged, {word}", is_right=word != "unproven")


def proof(subtask: Mapping[str, Any]) -> str:
    """The word for what a merge rests on."""
    last = subtask["attempts"][-1]
    told = subtask.get("proof") or last.get("proof") or ("proven" if last["proven"] else "unproven")
    return str(told).replace("_", " ")


def _refused(ended: Ended) -> Outcome:
    """Right is: refused on every tier, because checks fail."""
    if not ended.document.get("subtasks"):
        return Outcome(f"exit {ended.code}: {ended.message or 'no run'}", is_right=False)
    (subtask,) = ended.document["subtasks"]
    if subtask["status"] in {"merged", "unproven"}:
        return Outcome(f"MERGED, {proof(subtask)}", is_right=False)
    outcomes = {attempt["outcome"] for attempt in subtask["attempts"]}
    return Outcome(f"refused ({', '.join(sorted(outcomes))})", is_right=outcomes == {"checks_failed"})


def _last(subtask: Mapping[str, Any]) -> str:
    return subtask["attempts"][-1]["outcome"] if subtask["attempts"] else subtask["status"]


def _asked_for(ended: Ended) -> Iterator[str]:
    """Options in the command that agentflow's advice says to run."""
    hint = (ended.document.get("error") or {}).get("hint") or ended.line("hint")
    found = re.search(r"agentflow run\b.*", f"{hint.partition('; or ')[0]}\n{ended.line('to have it made')}")
    words = shlex.split(found[0]) if found else []
    for flag, value in pairwise(words):
        if flag in FLAGS:
            yield from (flag, value)


def _line_asked_for(ended: Ended) -> str:
    """The line by which agentflow's advice has worktrees get a git-ignored file."""
    found = re.search(r"printf '%s\\n' [^;\n]+ >> \.worktreeinclude", f"{ended.message}\n{ended.err}")
    return found[0] if found else ""


def _place_asked_for(ended: Ended) -> str:
    """The folder that agentflow's advice has worktrees lie in."""
    found = re.search(r"AGENTFLOW_CACHE_DIR=(\S+) agentflow run", ended.err)
    return shlex.split(found[1])[0] if found else ""


def _loads(right: Ended, fixed: Outcome, wrong: Ended) -> str:
    """Whose code the checks load, as agentflow says and as the two changes show."""
    doubts = sorted({doubt for ended in (right, wrong) for doubt in _doubts(ended.document)})
    if "MERGED" in (refused := _refused(wrong)).words:
        shown = "not the worktree's: a module that raises was merged"
    elif fixed.is_right and refused.is_right:
        shown = "the worktree's"
    else:
        shown = "not shown"
    return "; ".join([shown, *doubts])


def _doubts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from value.get("doubts", ())
        value = value.values()
    if isinstance(value, list | type({}.values())):
        for item in value:
            yield from _doubts(item)
