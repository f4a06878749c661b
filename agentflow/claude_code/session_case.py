"""What a stop is judged by: the tree that holds the change in question, and the one without it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from agentflow.claude_code.authors import MAIN, Acts, sole, theirs
from agentflow.domain.evidence import Change
from agentflow.git.command import git
from agentflow.git.commits import changes, tree_of
from agentflow.git.repository import Repository
from agentflow.git.snapshots import snapshot
from agentflow.git.trees import graft

#: What no check depends on.
PROSE = frozenset({".md", ".rst", ".txt", ".adoc"})


@dataclass(frozen=True, slots=True)
class Stop:
    """An agent of a session stops; `agent` is MAIN for the session itself. `running`: sub-agents in the background."""

    session: str
    agent: str
    running: frozenset[str]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Stop:
        tasks = event.get("background_tasks")
        listed = tasks if isinstance(tasks, list) else []
        running = frozenset(str(task.get("id")) for task in listed if isinstance(task, dict))
        return cls(str(event["session_id"]), str(event.get("agent_id") or MAIN), running)

    def others_at_work(self, acts: Acts) -> set[str]:
        """Who is in mid-work. When the session itself stops, only those in the background can be."""
        running = self.running if self.agent == MAIN else self.running | acts.at_work()
        return set(running) - {self.agent, MAIN}


@dataclass(frozen=True, slots=True)
class Case:
    """`after`, the files as they are but for what others have half done, holds the changes `own` on top of `base`.

    `now` is everything; `tree` that of `after`. `here`: the checkout or worktree that it is about.
    """

    here: Repository
    base: str
    now: str
    after: str
    tree: str
    own: tuple[Change, ...]

    @property
    def is_whole(self) -> bool:
        return self.now == self.after

    async def before(self, refs: str) -> str:
        """The same without the changes that are judged, as a commit held by a ref below `refs`."""
        return await graft(self.here, self.after, self.base, {change.path for change in self.own}, f"{refs}before")


async def case_of(
    stop: Stop, project: str, here: Repository, bases: Mapping[str, tuple[str, float]], refs: str
) -> Case | None:
    """None where nothing is to be judged: whoever stops has changed no code. `refs`: below which a new ref may hold it.

    `bases`: by worktree the commit that the session found there, and since when what was written counts.
    """
    base, since = await _base(here, project, bases)
    now = (await snapshot(here)).commit
    changed = await changes(here, base, now)
    acts = Acts.of(stop.session, since)
    authors = acts.authors(str(here.root), project, [change.path for change in changed])
    others = theirs(authors, stop.others_at_work(acts))
    own = _written(authors) - others if stop.agent == MAIN else sole(authors, stop.agent)
    if all(PurePosixPath(path).suffix.lower() in PROSE for path in own):
        return None
    after = await graft(here, now, base, others, f"{refs}after") if others else now
    judged = tuple(change for change in changed if change.path in own)
    return Case(here, base, now, after, await tree_of(here, after), judged)


async def _base(here: Repository, project: str, bases: Mapping[str, tuple[str, float]]) -> tuple[str, float]:
    """Of a worktree that the session did not begin in: where it forked off from what it began with."""
    if str(here.root) in bases:
        commit, since = bases[str(here.root)]
        if (await git(here.root, "cat-file", "-e", f"{commit}^{{commit}}", check=False)).ok:
            return commit, since
    forked = await git(here.root, "merge-base", here.head, bases.get(project, (here.head, 0.0))[0], check=False)
    return (forked.line if forked.ok else here.head), 0.0


def _written(authors: Mapping[str, Collection[str]]) -> frozenset[str]:
    return frozenset(path for path, who in authors.items() if who)
