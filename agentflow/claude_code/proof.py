"""The proof gate: when Claude wants to stop and has changed files since the last green, the checks are run.

SessionStart notes what the files were like. At a stop, what the session itself wrote is judged, as a run judges an
attempt: what fails without it as well is not its fault. A sub-agent is judged by what it alone wrote, without what
others have half done; the session, once none of its sub-agents is at work, by the whole. Nothing runs that the user has
not agreed to (`agentflow trust`), or that was changed since, in this session or before.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentflow.checks.deciding import agreement, is_agreed
from agentflow.checks.evidence import environment_verdict, judge
from agentflow.checks.runners.discovery import discover_checks
from agentflow.claude_code import hook_log, places, sessions, telling, writing
from agentflow.claude_code.authors import MAIN, Acts
from agentflow.claude_code.session_case import Case, Stop, case_of
from agentflow.claude_code.session_checks import SessionChecks, StoodAsideError
from agentflow.config.consents import consents_to
from agentflow.config.settings import Settings, load_settings
from agentflow.domain.attempts import Verdict
from agentflow.domain.evidence import Evidence
from agentflow.errors import AgentflowError
from agentflow.git.repository import open_repository
from agentflow.git.snapshots import snapshot

#: States of files, by agent, of which it is remembered what was said.
KEPT = 200


def handle(event: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any] | None:
    """A block with the digest, a notice to the person, or nothing."""
    project = places.project_root(event)
    if project is None or not may_run(rules):
        return None
    if event["hook_event_name"] == "SessionStart":
        asyncio.run(_note_start(event, project))
        return None
    try:
        return _judged(event, rules, project)
    except (AgentflowError, OSError, ValueError) as error:
        hook_log.write("proof", error)
        return telling.once(str(event["session_id"]), f"the checks of this session were not run: {error}")


def may_run(rules: Mapping[str, Any]) -> bool:
    """Whether the user lets this repository's checks run unasked."""
    return bool(rules["trusted"])


def _judged(event: dict[str, Any], rules: dict[str, Any], project: str) -> dict[str, Any] | None:
    """Wherever the agent worked; the session itself always in the project. An agent that stops is at work till then."""
    stop = Stop.of(event)
    worked_in = Acts.of(stop.session).roots(stop.agent, project)
    gate = _Gate(event, rules, project)
    try:
        roots = dict.fromkeys([*([project] if stop.agent == MAIN else []), *worked_in])
        answers = (asyncio.run(gate.answer(Path(root))) for root in roots)
        return next((answer for answer in answers if answer is not None), None)
    finally:
        if stop.agent != MAIN:
            writing.note_stop(event)


async def _note_start(event: dict[str, Any], project: str) -> None:
    """What the files are like as the session begins, or is taken up again; not when it only forgets."""
    known = sessions.peek(str(event["session_id"])).get("proof", {})
    if event.get("source") == "compact" and known.get("bases"):
        return
    begun = time.time()
    commit = (await snapshot(await open_repository(Path(project)))).commit
    with sessions.session(str(event["session_id"])) as state:
        state["proof"] = {"bases": {project: [commit, begun]}}


class _Gate:
    """One stop of one agent.

    It remembers, under `proof`: by worktree where the session began and when, by agent its blocks in this prompt, what
    was said of which files, and `aside`, the digest of what decides what runs that the user was told about.
    """

    def __init__(self, event: dict[str, Any], rules: dict[str, Any], project: str) -> None:
        self._rules = rules
        self._project = project
        self._stop = Stop.of(event)
        self._prompt = str(event.get("prompt_id", ""))
        self._known: dict[str, Any] = sessions.peek(self._stop.session).get("proof", {})

    async def answer(self, root: Path) -> dict[str, Any] | None:
        settings = load_settings(Path(self._project), {}, os.environ)
        commands = _commands(Path(self._project), settings)
        begun = time.time()
        repository = await open_repository(Path(self._project))
        here = repository if root == repository.root else await open_repository(root)
        checks = SessionChecks(self._stop.session, repository, settings)
        try:
            case = await case_of(self._stop, self._project, here, self._known.get("bases", {}), checks.refs)
            if case is None:
                return None
            if not all(is_agreed(one, repository.common_dir) for one in {repository.root, here.root}):
                return self._not_agreed(here.root, consents_to(repository.common_dir), commands)
            return await self._said_of(case, checks, commands, begun) if commands else None
        finally:
            await checks.drop_refs()

    def _not_agreed(self, root: Path, known: Sequence[str], commands: Sequence[str]) -> dict[str, Any] | None:
        """What decides what runs here is not what the user agreed to, be it by an edit of this session: told once."""
        digest = agreement(root)
        if self._known.get("aside") == digest or not (known or commands):
            return None
        with sessions.session(self._stop.session) as state:
            state["proof"] = {**state.get("proof", {}), "aside": digest}
        why = "it has changed what it runs here since you agreed to it" if known else "you have not agreed to them yet"
        why = f"this repository's checks were not run: {why}; see what would run, and agree: agentflow trust"
        return telling.notice(why)

    async def _said_of(
        self, case: Case, checks: SessionChecks, commands: Sequence[str], begun: float
    ) -> dict[str, Any] | None:
        word, why = self._known.get("said", {}).get(f"{self._stop.agent}:{case.tree}", ("", ""))
        if word == "block":
            return self._notice(case, f"the checks still do not pass, nothing was changed since: {why}")
        if word:
            return None
        try:
            async with checks.running():
                verdict = await _verdict(case, checks, commands)
        except StoodAsideError as aside:
            return self._stood_aside(case, aside)
        if verdict.passed:
            self._passed(case, begun)
            return None
        return self._refused(case, verdict)

    def _passed(self, case: Case, begun: float) -> None:
        """From a green whole on, what came before is nobody's fault any more."""
        bases = dict(self._known.get("bases", {}))
        if case.is_whole and self._stop.agent == MAIN:
            bases[str(case.here.root)] = [case.now, begun]
        self._remember(case, "passed", bases=bases)

    def _stood_aside(self, case: Case, aside: StoodAsideError) -> dict[str, Any] | None:
        message = f"{aside.message}; this change is not proved"
        if aside.is_settled:
            return self._notice(case, message)
        return telling.notice(message) if self._stop.agent == MAIN else None

    def _refused(self, case: Case, verdict: Verdict) -> dict[str, Any]:
        """Block while this prompt's attempts last; then only say it."""
        counts = self._known.get("blocks", {})
        prompt, count = counts.get(self._stop.agent, ("", 0))
        blocks = count if prompt == self._prompt else 0
        if self._rules["proof"] != "block" or blocks >= self._rules["proof_attempts"] or self._is_answer_awaited():
            return self._notice(case, f"the checks do not pass: {verdict.reason}")
        blocked = {**counts, self._stop.agent: [self._prompt, blocks + 1]}
        self._remember(case, "block", verdict.reason, blocks=blocked)
        reason = f"agentflow ran this repository's checks on your changes and they do not pass: {verdict.reason}"
        then = "Mend the cause, then finish, and give your last answer again in full."
        return {"decision": "block", "reason": f"{reason}\n\n{verdict.digest}\n\n{then}"}

    def _is_answer_awaited(self) -> bool:
        """In print mode a program reads the last answer, which after a block would be the answer to the block."""
        return self._stop.agent == MAIN and os.environ.get("CLAUDE_CODE_ENTRYPOINT", "").startswith("sdk")

    def _notice(self, case: Case, message: str) -> dict[str, Any]:
        self._remember(case, "notice")
        hook_log.note("proof", message)
        return telling.notice(message)

    def _remember(self, case: Case, word: str, why: str = "", **more: Any) -> None:
        with sessions.session(self._stop.session) as state:
            proof = state.get("proof", {})
            said = {**proof.get("said", {}), f"{self._stop.agent}:{case.tree}": [word, why]}
            state["proof"] = {**proof, **more, "said": dict(list(said.items())[-KEPT:])}


async def _verdict(case: Case, checks: SessionChecks, commands: Sequence[str]) -> Verdict:
    """First the files as they are; what fails then, without the judged changes too."""
    shown = await checks.show(case.after, case.base, commands)
    failed = tuple(result for result in shown.results if not result.passed or result.doubts or result.rewriting)
    if not failed:
        return judge(None, shown, (), ())
    after = Evidence(shown.tree, failed)
    before = await checks.show(await case.before(checks.refs), case.base, [result.command for result in failed])
    verdict, hindered = judge(before, after, (), case.own), environment_verdict(before, after, ())
    if verdict.passed and hindered:
        raise StoodAsideError(hindered.reason, is_settled=True)
    return verdict


def _commands(project: Path, settings: Settings) -> Sequence[str]:
    found = settings.checks
    return [check.command for check in discover_checks(project)] if found is None else list(found)
