"""Which findings of a review are told on the pull request already, and what became of the others told there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentflow.domain.attempts import RunStatus
from agentflow.domain.findings import ReviewedFinding, Why
from agentflow.domain.reviews import Scope
from agentflow.github.earlier import Compared, Earlier, Fate
from agentflow.report.reviews.loading import Review
from agentflow.review.commented import commented
from agentflow.review.following import Rest, rest_of
from agentflow.review.identity import Identity, Read, read_back
from agentflow.review.recognising import likeness, recognised
from agentflow.review.remembering import present, recalled
from agentflow.review.source import Source


class Threads:
    """A review and the files that it read, to be compared with the comments that stand on the pull request."""

    def __init__(self, review: Review, scope: Scope, sources: Mapping[str, Source]) -> None:
        self._review = review
        self._scope = scope
        self._read = {file: Read(source) for file, source in sources.items()}
        self._parts = [part for pack in scope.packs for part in pack.parts]
        self._found = [one for one in _all(review) if one.finding.file in self._read]
        self._present = [present(one.finding, self._read[one.finding.file]) for one in self._found]

    def compared(self, comments: Sequence[Earlier]) -> Compared:
        """Each comment tells one finding at most; a second one about the same is no reason to call it resolved."""
        earlier = [
            recalled(commented(comment.fingerprint, comment.file, comment.identity, comment.body))
            for comment in comments
        ]
        told = recognised(self._present, earlier, self._read)
        fates = (self._fate(comment, one) for comment, one in zip(comments, earlier, strict=True))
        return Compared(tuple(fates), frozenset(self._found[n].fingerprint for n in told))

    def _fate(self, comment: Earlier, earlier: Identity) -> Fate:
        if any(likeness(earlier, one, self._read[one.file]) for one in self._present):
            return Fate.PRESENT
        if any(likeness(earlier, one, self._read[one.file]) for one in self._refuted()):
            return Fate.REFUTED
        return self._rest(comment, earlier) if _is_whole(self._review) else Fate.PARTIAL

    def _refuted(self) -> list[Identity]:
        dropped = (one for one in self._review.outcome.dropped if one.why is Why.REFUTED)
        found = (read_back(one.finding.file, one.identity) for one in dropped if one.finding.file in self._read)
        return [identity for identity in found if identity is not None]

    def _rest(self, comment: Earlier, earlier: Identity) -> Fate:
        if earlier.file in {one.file for one in self._scope.deleted}:
            return Fate.RESOLVED
        if earlier.file not in self._read:
            return Fate.UNREAD
        if earlier.spot is None:
            return Fate.RESOLVED if comment.outdated else Fate.THERE
        return _FATES[rest_of(earlier.spot, self._read[earlier.file], self._parts)]


_FATES = {Rest.GONE: Fate.RESOLVED, Rest.THERE: Fate.THERE, Rest.UNREAD: Fate.UNREAD}


def _all(review: Review) -> list[ReviewedFinding]:
    """Everything that stands, told or not, each fingerprint once."""
    first: dict[str, ReviewedFinding] = {}
    for one in review.selection.everything:
        first.setdefault(one.fingerprint, one)
    return list(first.values())


def _is_whole(review: Review) -> bool:
    """Whether a finding that it does not speak of is gone."""
    came_to_its_end = review.status in {RunStatus.SUCCEEDED, RunStatus.FAILED} and not review.run.reason
    return came_to_its_end and not review.outcome.partial
