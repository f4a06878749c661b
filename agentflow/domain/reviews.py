"""Reviews: what is asked for, how it is divided among sessions, and what was covered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agentflow.domain.findings import Answer, Dropped, Lowered, Severity, Why


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not reviewed, or not wholly, and why."""

    file: str
    reason: str


class Mode(StrEnum):
    """`files`: everything in them. `diff`: what changed between two commits."""

    FILES = "files"
    DIFF = "diff"


@dataclass(frozen=True, slots=True)
class Remembered:
    """A finding that was told before, as far as its report holds it: `identity` is empty in those of old versions."""

    fingerprint: str
    file: str = ""
    identity: str = ""
    rule: str = ""
    title: str = ""
    message: str = ""
    code: str = ""
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Commented:
    """A finding that has a comment on the pull request, and what a person answered."""

    finding: Remembered
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class ReviewSpec:
    """One review as it was asked for, with every commit resolved.

    `base` and `head` are commits; in mode `files` both are the reviewed one. `paths` are files, folders and globs
    relative to the repository's root, empty for all. `exclude`: globs to leave out. `left_out`: what is in the
    working tree and no commit can hold or should, such as files that git ignores. `remembered`: the findings
    of a baseline, None without one. `unsure_fails`: grave findings that stay unsure fail the review. `listed`: of what
    was dropped, what people are shown one by one. `repository`: its address on the web, empty when it has none.
    `commented`: what stood on the pull request when the review began.
    """

    mode: Mode
    base: str
    head: str
    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    left_out: tuple[Skipped, ...] = ()
    pull_request: int | None = None
    fail_on: Severity | None = Severity.HIGH
    min_confidence: float = 0.8
    max_findings: int | None = None
    remembered: tuple[Remembered, ...] | None = None
    unsure_fails: bool = False
    listed: tuple[Why, ...] = ()
    repository: str = ""
    commented: tuple[Commented, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Lines `first` to `last` (1-based, inclusive) of a file, with the tokens they take in a prompt, estimated."""

    file: str
    first: int
    last: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Case:
    """Lines `first` to `last` of a file (1-based, inclusive) with a change: a function, or lines outside of any."""

    file: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines that are not under review, of any file, and the cases that cannot be understood without them."""

    part: Part
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """Parts that one reviewer reads together; `n` is 1-based. `excerpts`: what they rest on, shown beside them."""

    n: int
    parts: tuple[Part, ...]
    excerpts: tuple[Excerpt, ...] = ()

    @property
    def name(self) -> str:
        return f"pack-{self.n}"

    @property
    def files(self) -> tuple[str, ...]:
        """Each file once, in the order of the parts."""
        return tuple(dict.fromkeys(part.file for part in self.parts))

    @property
    def tokens(self) -> int:
        return sum(part.tokens for part in (*self.parts, *(excerpt.part for excerpt in self.excerpts)))

    @property
    def excerpted(self) -> tuple[str, ...]:
        """Each file of the excerpts once."""
        return tuple(dict.fromkeys(excerpt.part.file for excerpt in self.excerpts))


@dataclass(frozen=True, slots=True)
class Deleted:
    """A file that the change takes away; `uses`: lines elsewhere that still name it, as `file:line: text`."""

    file: str
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a review reads and what it leaves out: every file of the review is in `packs` or in `skipped`.

    `notes` say what people should know about it: a file that is read in parts, say.
    """

    packs: tuple[Pack, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()
    deleted: tuple[Deleted, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file for pack in self.packs for file in pack.files))

    @property
    def excerpted(self) -> tuple[str, ...]:
        """The files of which excerpts are shown, whether they are under review or not."""
        return tuple(dict.fromkeys(file for pack in self.packs for file in pack.excerpted))


@dataclass(frozen=True, slots=True)
class ReviewOutcome:
    """What a finished review covered.

    `failed` are the files whose reviewer gave no usable answer: with any, the review is partial. `voided` findings
    cited what is not there, `merged` said what another one says, `refuted` did not survive re-reading.
    `kept_answers` counts packs that an earlier review of the same text had answered. `dropped` are those findings, each
    with its reason; `lowered` the severities that are below what was reported.
    """

    reviewed: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    failed: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    packs: int = 0
    kept_answers: int = 0
    voided: int = 0
    merged: int = 0
    refuted: int = 0
    dropped: tuple[Dropped, ...] = ()
    lowered: tuple[Lowered, ...] = ()

    @property
    def partial(self) -> bool:
        return bool(self.failed)


@dataclass(frozen=True, slots=True)
class Mending:
    """What a run's review handed back to the run: fingerprints of findings by the subtask that is to mend them.

    `left_out` says of each grave finding that no subtask can mend, why.
    """

    handed_back: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
