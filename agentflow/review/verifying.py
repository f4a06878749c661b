"""Verifying: which findings are re-read together, with how much of the code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from agentflow.domain.findings import Finding
from agentflow.domain.reviews import Part
from agentflow.review.definitions import definitions
from agentflow.review.joining import Candidate
from agentflow.review.showing import show
from agentflow.review.source import Source, Span, joined
from agentflow.review.text import tokens

MAX_FINDINGS = 20
#: Lines of one finding that are shown.
MOST_CITED = 240
#: So many findings share a batch, unless their lines alone are too long for that.
SHARING = 4


@dataclass(frozen=True, slots=True)
class View:
    """How much code is re-read: files of at most `whole` tokens whole, of others `contexts` lines around a finding.

    `whole` is None where a file only has to fit; of the contexts the first is taken that lets findings share a batch.
    """

    whole: int | None
    contexts: tuple[int, ...]


#: For a first ruling: what a claim about a few lines mostly rests on, at a quarter of the tokens of whole files.
NEAR = View(800, (25, 5, 0))
#: For a contested one.
FAR = View(None, (60, 20, 5, 0))

#: Candidates of one file, and the parts of it that are read for them.
_Run = tuple[tuple[Candidate, ...], tuple[Part, ...]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Candidates that one verifier rules on, with the code it re-reads; `n` is 1-based."""

    n: int
    candidates: tuple[Candidate, ...]
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        return f"verify-{self.n}"


def batches_of(
    candidates: Sequence[Candidate], sources: Mapping[str, Source], target: int, view: View = FAR
) -> tuple[Batch, ...]:
    """Batches of at most `target` tokens of code and MAX_FINDINGS candidates, several files in one.

    A file's candidates are divided only where they are too many, or their lines too much. A single one that is beyond
    the target stands alone.
    """
    ordered = sorted(candidates, key=lambda c: (c.finding.file, c.finding.line, c.number))
    batches: list[Batch] = []
    for file, found in groupby(ordered, key=lambda c: c.finding.file):
        for run in _divided(list(found), _Region(sources[file], target, view), target):
            _place(run, batches, target)
    return tuple(batches)


class _Region:
    """The code that is shown of one file for some of its candidates."""

    def __init__(self, source: Source, target: int, view: View) -> None:
        self._source = source
        self.contexts = view.contexts
        whole = self._parts([(1, len(source.lines))])
        self._whole = whole if _size(whole) <= min(target, view.whole or target) else ()
        self._definitions = () if self._whole else definitions(source.lines)

    def parts(self, candidates: Sequence[Candidate], context: int) -> tuple[Part, ...]:
        """The whole file if the view has it so, else the lines around the candidates."""
        return self._whole or self._parts(joined(self._around(one.finding, context) for one in candidates))

    def _around(self, finding: Finding, context: int) -> Span:
        """The cited lines with those around them, from the head of the definition if that is near."""
        first, cited = max(1, finding.line - context), min(finding.last_line, finding.line + MOST_CITED)
        around = (one.first for one in self._definitions if one.first <= finding.line <= one.last)
        heads = (head for head in around if head >= first - context)
        return min([first, *heads]), min(len(self._source.lines), cited + context)

    def _parts(self, spans: Sequence[Span]) -> tuple[Part, ...]:
        parts = (Part(self._source.path, first, last, 0) for first, last in spans)
        return tuple(replace(part, tokens=tokens(show(self._source, part))) for part in parts)


def _divided(candidates: Sequence[Candidate], region: _Region, target: int) -> Iterator[_Run]:
    """A file's candidates in as few runs as fit, with the code for them. Context shrinks where few could share it."""
    fitting = (
        c for c in region.contexts if all(_size(region.parts([one], c)) * SHARING <= target for one in candidates)
    )
    context = next(fitting, region.contexts[-1])
    run: list[Candidate] = []
    for candidate in candidates:
        if run and (len(run) == MAX_FINDINGS or _size(region.parts([*run, candidate], context)) > target):
            yield tuple(run), region.parts(run, context)
            run = []
        run.append(candidate)
    yield tuple(run), region.parts(run, context)


def _place(run: _Run, batches: list[Batch], target: int) -> None:
    """Put the run into the first batch that has room for it, or into a new one."""
    candidates, parts = run
    for at, batch in enumerate(batches):
        if len(batch.candidates) + len(candidates) <= MAX_FINDINGS and _size((*batch.parts, *parts)) <= target:
            batches[at] = Batch(batch.n, (*batch.candidates, *candidates), (*batch.parts, *parts))
            return
    batches.append(Batch(len(batches) + 1, candidates, parts))


def _size(parts: Sequence[Part]) -> int:
    return sum(part.tokens for part in parts)
