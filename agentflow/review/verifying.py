"""Verifying: which findings are re-read together, with how much of the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from agentflow.domain.reviews import Excerpt, Part
from agentflow.review.joining import Candidate
from agentflow.review.sighting import FAR, Desk, View
from agentflow.review.source import Source

MAX_FINDINGS = 20
#: So many findings share a batch, unless their lines alone are too long for that.
SHARING = 4

#: Candidates of one file, and what is read for them.
_Run = tuple[tuple[Candidate, ...], tuple[Part, ...]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Candidates that one verifier rules on, with the code it re-reads; `n` is 1-based.

    `partly` are the numbers of those whose function is too long to be shown whole.
    """

    n: int
    candidates: tuple[Candidate, ...]
    parts: tuple[Part, ...]
    partly: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return f"verify-{self.n}"


def batches_of(
    candidates: Sequence[Candidate],
    sources: Mapping[str, Source],
    target: int,
    view: View = FAR,
    excerpts: Sequence[Excerpt] = (),
) -> tuple[Batch, ...]:
    """Batches of at most `target` tokens of code and MAX_FINDINGS candidates, several files in one.

    A file's candidates are divided only where they are too many, or their lines too much. A single one that is beyond
    the target stands alone. `sources` are the files of the findings, and others that these may rest on; `excerpts` what
    reviewers were shown of them.
    """
    desk = Desk(sources, target, view, excerpts)
    ordered = sorted(candidates, key=lambda c: (c.finding.file, c.finding.line, c.number))
    runs: list[_Run] = []
    for _, found in groupby(ordered, key=lambda c: c.finding.file):
        for run in _divided(list(found), desk, view.contexts, target):
            _place(run, runs, desk, target)
    return tuple(
        Batch(n, some, parts, tuple(desk.partly(some, parts))) for n, (some, parts) in enumerate(runs, start=1)
    )


def _divided(candidates: Sequence[Candidate], desk: Desk, contexts: Sequence[int], target: int) -> Iterator[_Run]:
    """A file's candidates in as few runs as fit, with the code for them. Context shrinks where few could share it."""
    fitting = (c for c in contexts if all(_added(one, desk, c) * SHARING <= target for one in candidates))
    context = next(fitting, contexts[-1])
    run: list[Candidate] = []
    for candidate in candidates:
        if run and (len(run) == MAX_FINDINGS or _size(desk.parts([*run, candidate], context)) > target):
            yield tuple(run), desk.parts(run, context)
            run = []
        run.append(candidate)
    yield tuple(run), desk.parts(run, context)


def _added(candidate: Candidate, desk: Desk, context: int) -> int:
    """Tokens that the context takes beside what must be shown."""
    return _size(desk.parts([candidate], context)) - _size(desk.parts([candidate], 0))


def _place(run: _Run, runs: list[_Run], desk: Desk, target: int) -> None:
    """Put the run into the first other that has room for it, or keep it as a new one."""
    candidates, parts = run
    for at, (others, theirs) in enumerate(runs):
        together = desk.merged([*theirs, *parts])
        if len(others) + len(candidates) <= MAX_FINDINGS and _size(together) <= target:
            runs[at] = (*others, *candidates), together
            return
    runs.append(run)


def _size(parts: Iterable[Part]) -> int:
    return sum(part.tokens for part in parts)
