"""Explorers: cheap, read-only agents that answer the questions of dear ones, with citations that are checked."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from agentflow.config.answers import ExploreAnswer, schema_of
from agentflow.config.reading import read_file
from agentflow.domain.calls import CallKind, Label
from agentflow.domain.untrusted import untrusted
from agentflow.models.session import Explore
from agentflow.workflows.context import RunContext
from agentflow.workflows.prompts import explorer_prompt

MAX_QUESTIONS_PER_CALL = 8
MAX_QUESTIONS_PER_RUN = 24
_USED_UP = f"Not asked: the run's {MAX_QUESTIONS_PER_RUN} questions are used up; read the files yourself."
_VOID = "No verified answer: {reason}. Read the files yourself if it matters."


class Explorers:
    """Answers the `explore` tool for one session: at most 8 questions a call and 24 a run, in parallel.

    Answers are kept by question and by the content of every file they cite, so a later run on the same code pays
    nothing. An answer that cites a file or line that does not exist is void.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._agent = context.agents["explore"]

    def tool(self, worktree: Path, subtask: str = "-", attempt: int = 1) -> Explore:
        """The tool as one session gets it."""

        async def explore(questions: Sequence[str]) -> str:
            asked = [question.strip() for question in questions if question.strip()][:MAX_QUESTIONS_PER_CALL]
            label = Label(self._context.run_id, subtask, self._agent.name, self._agent.tier, attempt)
            answers = await asyncio.gather(*(self._answer(question, worktree, label) for question in asked))
            told = (f"## {question}\n{answer}" for question, answer in zip(asked, answers, strict=True))
            return untrusted("answers of explorers", "\n\n".join(told))

        return explore

    def _asked(self) -> int:
        calls = self._context.ledger.calls(self._context.run_id)
        return sum(call.kind is CallKind.EXPLORE and call.parent is None for call in calls)

    async def _answer(self, question: str, worktree: Path, label: Label) -> str:
        key = self._key(question)
        kept = self._context.ledger.cache_get("explore", key)
        if kept is not None and kept["files"] == _hashes(worktree, kept["files"]):
            return str(kept["text"])
        async with self._context.explorer_slots:
            if self._asked() >= MAX_QUESTIONS_PER_RUN:
                return _USED_UP
            answer = await self._ask(question, worktree, label)
        if isinstance(answer, str):
            return _VOID.format(reason=answer)
        cited = [f"{citation.file}:{citation.line}" for citation in answer.citations]
        text = f"{answer.answer}\n(seen in {', '.join(cited)})" if cited else answer.answer
        if cited:
            files = _hashes(worktree, [citation.file for citation in answer.citations])
            self._context.ledger.cache_put("explore", key, {"text": text, "files": files})
        return text

    async def _ask(self, question: str, worktree: Path, label: Label) -> ExploreAnswer | str:
        request = self._context.request(
            CallKind.EXPLORE,
            self._agent,
            self._agent.tier,
            prompt=explorer_prompt(question, worktree),
            schema=schema_of(ExploreAnswer),
            worktree=worktree,
            subtask=label.subtask,
            attempt=label.attempt,
        )
        result = await self._context.desk.run(request, "explore")
        if result.output is None:
            return result.failure.reason if result.failure else "the explorer gave no answer"
        answer = ExploreAnswer.model_validate(result.output)
        wrong = [f"{c.file}:{c.line}" for c in answer.citations if not _exists(worktree, c.file, c.line)]
        return f"it cited {', '.join(wrong)}, which does not exist" if wrong else answer

    def _key(self, question: str) -> str:
        agent = self._agent
        identity = [str(self._context.repository.common_dir), agent.name, agent.version, agent.prompt, question]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def _exists(worktree: Path, file: str, line: int) -> bool:
    content = _content(worktree, file)
    return content is not None and 1 <= line <= max(1, len(content.splitlines()))


def _hashes(worktree: Path, files: Any) -> dict[str, str | None]:
    contents = {file: _content(worktree, file) for file in files}
    return {file: None if c is None else hashlib.sha256(c).hexdigest() for file, c in contents.items()}


def _content(worktree: Path, file: str) -> bytes | None:
    path = (worktree / file).resolve()
    inside = path.is_relative_to(worktree.resolve())
    with suppress(OSError):
        return read_file(path) if inside else None
    return None
