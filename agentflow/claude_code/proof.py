"""The proof gate: when Claude wants to stop and files have changed since the last green, the checks are run.

Stop and SubagentStop ask; SessionStart notes what the files were like, so that a session that only reads is let go.
Nothing runs that the user has not agreed to (`agentflow trust`), or that was changed since, in this session or before.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from agentflow.checks.deciding import agreement, is_agreed
from agentflow.checks.environment import check_environment
from agentflow.checks.evidence import judge
from agentflow.checks.limits import limits_of
from agentflow.checks.run import run_check
from agentflow.checks.runners.discovery import discover_checks
from agentflow.claude_code import places, sessions
from agentflow.config.consents import consents_to
from agentflow.config.machine import make_folder, open_private
from agentflow.config.settings import Settings, load_settings
from agentflow.domain.attempts import Verdict
from agentflow.domain.evidence import Check, Evidence
from agentflow.git.commits import changes, tree_of
from agentflow.git.included import tracked_environments
from agentflow.git.repository import Repository, open_repository
from agentflow.git.snapshots import snapshot

#: Seconds that all checks together get, less than the hook itself has (plugin/hooks/hooks.json).
PATIENCE_S = 540.0
#: What no check depends on.
PROSE = frozenset({".md", ".rst", ".txt", ".adoc"})


def handle(event: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any] | None:
    """A block with the digest, a warning, or nothing."""
    root = places.repository_root(event["cwd"])
    if root is None or _only_reads(event, rules):
        return None
    return asyncio.run(_Gate(event, rules, Path(root)).answer())


def _only_reads(event: dict[str, Any], rules: dict[str, Any]) -> bool:
    agent = rules["agents"].get(str(event.get("agent_type", "")).rpartition(":")[2])
    return agent is not None and not agent["may_write"]


class _Gate:
    """One event of one session.

    What it remembers, under `proof`: trees by word, the blocks of this prompt, and `aside`, the digest of what decides
    what runs that the user was told about.
    """

    def __init__(self, event: dict[str, Any], rules: dict[str, Any], root: Path) -> None:
        self._event = event
        self._rules = rules
        self._root = root
        self._session = str(event["session_id"])
        self._known: dict[str, Any] = sessions.peek(self._session).get("proof", {})

    async def answer(self) -> dict[str, Any] | None:
        repository = await open_repository(self._root)
        tree = await tree_of(repository, (await snapshot(repository)).commit)
        if self._event["hook_event_name"] == "SessionStart":
            self._remember(start=self._known.get("start", tree))
            return None
        before = self._known.get("green") or self._known.get("start") or await tree_of(repository, repository.head)
        if tree in {before, self._known.get("red")}:
            return None
        if await _changed_prose_only(repository, before, tree):
            self._remember(green=tree)
            return None
        return await self._proved(repository, tree)

    async def _proved(self, repository: Repository, tree: str) -> dict[str, Any] | None:
        settings = load_settings(self._root, {}, os.environ)
        commands = _commands(self._root, settings)
        if not is_agreed(self._root, repository.common_dir):
            return self._stood_aside(consents_to(repository.common_dir), commands)
        if not commands:
            return None
        try:
            async with asyncio.timeout(PATIENCE_S):
                verdict = await _verdict(repository, settings, tree, commands)
        except TimeoutError:
            return _told(f"the checks took longer than {PATIENCE_S:.0f} s; the change is not proved")
        if verdict.passed:
            self._remember(green=tree, red=None, blocks=0)
            return None
        return self._refused(tree, verdict)

    def _stood_aside(self, known: Sequence[str], commands: Sequence[str]) -> dict[str, Any] | None:
        """What decides what runs here is not what the user agreed to, be it by an edit of this session: told once."""
        digest = agreement(self._root)
        if self._known.get("aside") == digest or not (known or commands):
            return None
        self._remember(aside=digest)
        why = "it has changed what it runs here since you agreed to it" if known else "you have not agreed to them yet"
        return _told(f"this repository's checks were not run: {why}; see what would run, and agree: agentflow trust")

    def _refused(self, tree: str, verdict: Verdict) -> dict[str, Any]:
        """Block while this prompt's attempts last; then only say it."""
        prompt = str(self._event.get("prompt_id", ""))
        blocks = self._known.get("blocks", 0) if self._known.get("prompt") == prompt else 0
        self._remember(red=tree, prompt=prompt, blocks=blocks + 1)
        if self._rules["proof"] != "block" or blocks >= self._rules["proof_attempts"]:
            return _told(f"the checks do not pass: {verdict.reason}")
        reason = f"agentflow ran this repository's checks on your changes and they do not pass: {verdict.reason}"
        return {"decision": "block", "reason": f"{reason}\n\n{verdict.digest}\n\nMend the cause, then finish."}

    def _remember(self, **proof: Any) -> None:
        with sessions.session(self._session) as state:
            state["proof"] = {**state.get("proof", {}), **proof}


def _commands(root: Path, settings: Settings) -> list[str]:
    found = settings.checks
    return [check.command for check in discover_checks(root)] if found is None else list(found)


async def _verdict(repository: Repository, settings: Settings, tree: str, commands: Sequence[str]) -> Verdict:
    """What the checks say of the checkout as it is."""
    with _alone(repository.root), tempfile.TemporaryDirectory() as logs:
        root, tracked = repository.root, await tracked_environments(repository)
        results = [
            await run_check(
                Check(command, timeout_s=settings.check_timeout_s, limits=limits_of(settings)),
                root,
                check_environment(root, root, command=command, tracked=tracked),
                Path(logs, f"{n}.log"),
            )
            for n, command in enumerate(commands)
        ]
    return judge(None, Evidence(tree, tuple(results)), (), ())


async def _changed_prose_only(repository: Repository, before: str, after: str) -> bool:
    changed = await changes(repository, before, after)
    return all(PurePosixPath(change.path).suffix.lower() in PROSE for change in changed)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One session at a time runs checks in a checkout: most suites cannot stand a second one beside them."""
    folder = make_folder(Path(places.hooks_dir(), "proof"))
    with open_private(folder / f"{places.file_name(str(root))}.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _told(message: str) -> dict[str, Any]:
    return {"systemMessage": f"agentflow: {message}"}
