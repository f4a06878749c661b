"""Whose work a changed file is: the session's own, a sub-agent's, or that of somebody outside the session."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agentflow.claude_code import places
from agentflow.claude_code.writing import STOPPED, log_of

#: The session itself, beside its sub-agents' ids.
MAIN = ""
#: Seconds that may pass between the end of a tool and the start of its hook: a command's, and an edit's, which names
#: its file, so that a busy machine makes no other agent its author.
_LATE_S, _LATE_EDIT_S = 2.0, 5.0
#: Seconds by which the clocks of files and processes, which count in ticks, may be behind.
_TICKS_S = 0.1


@dataclass(frozen=True, slots=True)
class Act:
    """One tool call that may have written. `path` None: a command, which may have changed anything while it ran.

    `took` None: it may still run. Times in seconds since the epoch.
    """

    end: float
    took: float | None
    agent: str
    path: str | None
    folder: str

    def spans(self, moment: float, late_s: float = 0.0) -> bool:
        """Whether it ran then, if its end was noted so much too late."""
        begun = self.end - (self.took or 0.0) - late_s
        return begun <= moment and (self.took is None or moment <= self.end + _TICKS_S)


class Acts:
    """What the agents of a session did, in order. `since`: nothing that ended before counts."""

    def __init__(self, acts: Iterable[Act], since: float = 0.0) -> None:
        self._all = [act for act in acts if act.end >= since or act.took is None]

    @classmethod
    def of(cls, session_id: str, since: float = 0.0) -> Acts:
        """From the session's notes; lines that are damaged say nothing."""
        try:
            lines = Path(log_of(session_id)).read_bytes().splitlines()
        except OSError:
            lines = []
        return cls(_parsed(lines), since)

    def at_work(self) -> set[str]:
        """Sub-agents that have done something and not stopped since."""
        last = {act.agent: act.path for act in self._all}
        return {agent for agent, path in last.items() if agent != MAIN and path != STOPPED}

    def roots(self, agent: str, project: str) -> list[str]:
        """The worktrees of the project's repository that an agent worked in."""
        own = (act for act in self._all if act.agent == agent and act.path != STOPPED)
        return list(dict.fromkeys(_root_of(act, project) for act in own))

    def authors(self, root: str, project: str, paths: Collection[str]) -> dict[str, set[str]]:
        """By changed file, the agents that may have written it; nobody where it was somebody outside the session."""
        real = os.path.realpath(root)
        commands = [act for act in self._all if act.path is None and _root_of(act, project) == root]
        return {path: self._authors(os.path.join(real, path), commands) for path in paths}

    def _authors(self, path: str, commands: Iterable[Act]) -> set[str]:
        edits = [act for act in self._all if act.path == path]
        moment = _changed_at(path)
        named = {act.agent for act in edits}
        if any(act.spans(moment, _LATE_EDIT_S) for act in edits):
            return named
        surely = {act.agent for act in commands if act.spans(moment)}
        perhaps = [act for act in commands if act.spans(moment, _LATE_S) and not act.spans(moment)]
        first = min(perhaps, key=lambda act: act.end, default=None)
        return named | surely | ({first.agent} if first else set())


def sole(authors: Mapping[str, set[str]], agent: str) -> frozenset[str]:
    """The files that certainly are this agent's alone."""
    return frozenset(path for path, who in authors.items() if who == {agent})


def theirs(authors: Mapping[str, set[str]], agents: Collection[str]) -> frozenset[str]:
    """The files that only some of these agents wrote."""
    return frozenset(path for path, who in authors.items() if who and who.issubset(agents))


def _changed_at(path: str) -> float:
    """When the file, or what it was in, last changed on disk; not what programs set for it."""
    while True:
        with contextlib.suppress(OSError):
            return os.lstat(path).st_ctime
        path = os.path.dirname(path)


def _root_of(act: Act, project: str) -> str:
    """The worktree that an act was about; the project's own, too, for what was done from a repository inside it."""
    found = places.repository_root(os.path.dirname(act.path) if act.path else act.folder)
    return found if found and found != project and _is_linked(found, project) else project


def _is_linked(root: str, project: str) -> bool:
    try:
        return os.path.realpath(places.common_dir(root)) == os.path.realpath(places.common_dir(project))
    except OSError:
        return False


def _parsed(lines: Iterable[bytes]) -> Iterator[Act]:
    for line in lines:
        with contextlib.suppress(ValueError, TypeError):
            end, took, agent, path, folder = json.loads(line)
            yield Act(float(end), None if took is None else float(took), str(agent), path, str(folder))
