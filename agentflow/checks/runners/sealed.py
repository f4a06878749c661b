"""Reports of Python's test runners, sealed by the interpreter's shim with a key that the code under test never saw."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePath
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agentflow.checks.interpreter import read_plain
from agentflow.checks.output import clean
from agentflow.checks.runners.lines import commands
from agentflow.checks.runners.runner import Ended, Invocation, Report
from agentflow.checks.runners.tally import whole_characters
from agentflow.domain.evidence import TestFailure, TestOutcomes

MAX_BYTES = 64 * 1024 * 1024
_KEY = "key"
_WORST_LAST = ("passed", "xfailed", "skipped", "failed")
#: Programs that start another one after the word `run`.
_RUNS = frozenset({"uv", "poetry", "pdm", "pipenv", "hatch", "rye", "pixi"})
_CUT_SHORT = "the tests ended the interpreter before their runner had finished"
_FORGED = "the tests' report bears a false seal"


class _Told(BaseModel):
    model_config = ConfigDict(strict=True)

    test: str
    message: str = ""
    account: str = ""
    captured: str = ""


class _Session(BaseModel):
    """What one session of a runner wrote. `last` is false when hooks of others came after it was written."""

    model_config = ConfigDict(strict=True)

    runner: str
    last: bool
    exit: int
    outcomes: dict[str, Literal["passed", "xfailed", "skipped", "failed"]]
    failures: list[_Told]
    doubts: list[str]


@cache
def _secret() -> bytes:
    return secrets.token_bytes(32)


def _key(folder: Path, number: int) -> bytes:
    """The key of a folder's first session is agentflow's own; each further one is made from the one before."""
    key = hmac.new(_secret(), str(folder).encode(), hashlib.sha256).digest()
    for _ in range(number - 1):
        key = hmac.new(key, b"next", hashlib.sha256).digest()
    return key


def sealed(invocation: Invocation, folder: Path) -> Invocation:
    """Have the first session of pytest or unittest in each interpreter report into `folder`, whatever starts it."""
    (folder / _KEY).write_text(_left(folder, 1), encoding="ascii")
    env = {**invocation.env, "AGENTFLOW_CHECK_REPORT": str(folder)}
    return replace(invocation, env=env)


def starts_sealed(line: str) -> bool:
    """Whether a command of the line is pytest or unittest itself, which leaves a report wherever it begins."""
    return any(map(_is_sealed, commands(line)))


def _is_sealed(words: list[str]) -> bool:
    words = words[2:] if words[0] in _RUNS and words[1:2] == ["run"] else words
    program = PurePath(words[0]).name if words else ""
    module = words[words.index("-m") + 1 :] if program.startswith("python") and "-m" in words else []
    return program in {"pytest", "py.test"} or module[:1] in (["pytest"], ["unittest"])


def _left(folder: Path, number: int) -> str:
    return f"{number} {_key(folder, number).hex()}"


def read_sealed(folder: Path, ended: Ended) -> Report | None:
    """All sessions together; a test that several of them ran keeps its worst outcome.

    None where none began, and where one was cut short and the command failed. Where the command ended well all the
    same, the report holds nothing but a doubt.
    """
    sessions, doubts = list[_Session](), list[str]()
    try:
        sessions.extend(_sessions(folder))
    except (OSError, ValueError):
        doubts.append(_FORGED)
    if not doubts and _is_cut_short(folder, sessions):
        if ended.exit_code != 0:
            return None
        doubts.append(_CUT_SHORT)
    return _together(sessions, doubts) if sessions or doubts else None


def _sessions(folder: Path) -> Iterator[_Session]:
    """Raises ValueError when one is not sealed as it should be."""
    number = 1
    while (path := folder / f"report-{number}").is_symlink() or path.exists():
        seal, _, body = read_plain(path, MAX_BYTES).partition(b"\n")
        if not hmac.compare_digest(seal, hmac.new(_key(folder, number), body, hashlib.sha256).hexdigest().encode()):
            raise ValueError(_FORGED)
        yield _Session.model_validate_json(whole_characters(body))
        number += 1


def _is_cut_short(folder: Path, sessions: list[_Session]) -> bool:
    """Whether a session took the key and never finished."""
    try:
        left = read_plain(folder / _KEY, 1000).decode(errors="replace")
    except (OSError, ValueError):
        return not sessions or sessions[-1].last
    return left != _left(folder, len(sessions) + 1)


def _together(sessions: list[_Session], doubts: list[str]) -> Report:
    outcomes = dict[str, str]()
    for session in sessions:
        for test, outcome in session.outcomes.items():
            outcomes[test] = max(outcomes.get(test, outcome), outcome, key=_WORST_LAST.index)
    accounts = {told.test: told for session in reversed(sessions) for told in session.failures}
    failed = (accounts[test] for test, outcome in outcomes.items() if outcome == "failed" and test in accounts)
    doubts = [*doubts, *(doubt for session in sessions for doubt in session.doubts)]
    return Report(
        TestOutcomes(**{word: tuple(t for t, seen in outcomes.items() if seen == word) for word in _WORST_LAST}),
        tuple(TestFailure(told.test, *map(clean, (told.message, told.account, told.captured))) for told in failed),
        tuple(dict.fromkeys(doubts)),
    )
