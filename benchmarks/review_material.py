"""What `review.py` has reviewed: real source files, findings in some of them, and the model's answers to both sides."""

from __future__ import annotations

import json
import re
import shutil
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from agentflow.config.review_answers import FindingAnswer
from agentflow.config.settings_file import ReviewFile
from agentflow.replay.wire import escape_placeholders
from agentflow.review.cutting import parts_of
from agentflow.review.joining import Candidate, join_repeats
from agentflow.review.packing import pack
from agentflow.review.ruling import Ruling, is_contested
from agentflow.review.skipping import skip_by_content, skip_by_name
from agentflow.review.source import Source
from agentflow.review.text import decode, lines_of, tokens
from agentflow.review.verifying import batches_of

#: One file in so many has a finding.
ONE_IN = 10
KINDS = ("*.py", "*.js", "*.ts", "*.go", "*.rs", "*.java", "*.rb", "*.c")
SEVERITIES = ("medium", "high", "low", "medium", "high")
#: Verdicts of the first verifier, in turn: most findings hold, and some grave ones go one tier up.
Verdict = Literal["confirmed", "refuted", "unsure"]
VERDICTS: Sequence[Verdict] = (*["confirmed"] * 3, "unsure", *["confirmed"] * 3, "refuted")
#: The prompt of a session that reads one file; `%s` is its name.
ASK = (
    "Review this file for bugs, security holes, concurrency mistakes, API misuse and missing error handling."
    " Answer with JSON only: a list of findings, each with rule, title, message, file, line, severity, category,"
    " confidence, evidence (the decisive line, quoted) and suggestion. The file is %s:"
)

JSON = dict[str, Any]


@dataclass(frozen=True)
class Material:
    """Files under review, by their paths in the repository, and the findings that every reviewer of them reports."""

    sources: tuple[Source, ...]
    findings: tuple[JSON, ...]

    def describe(self) -> str:
        lines = [len(source.lines) for source in self.sources]
        sizes = [tokens("\n".join(source.lines)) for source in self.sources]
        return (
            f"{len(lines)} files, {len(self.findings)} findings; a file has {statistics.median(lines):.0f} lines"
            f" (median) and {statistics.mean(sizes):.0f} tokens (mean), all of them {sum(sizes):,}"
        )


def material(folder: Path, count: int) -> Material:
    """Source files of a folder, spread evenly over it; those that a review leaves out are not among them."""
    paths = sorted(path for kind in KINDS for path in folder.rglob(kind) if _is_own(path.relative_to(folder)))
    found = [source for path in paths if (source := _source(path, folder)) is not None]
    count = min(count, len(found))
    chosen = tuple(found[n * len(found) // count] for n in range(count))
    return Material(chosen, tuple(finding(source, n) for n, source in enumerate(chosen[::ONE_IN])))


def copy(given: Material, folder: Path, target: Path) -> None:
    """The files as they are, at the same paths below `target`."""
    for source in given.sources:
        (target / source.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / source.path, target / source.path)


def finding(source: Source, n: int) -> JSON:
    """A made-up defect at the line nearest to the file's middle that can be told from all others."""
    middle = len(source.lines) // 2
    telling = [i for i, line in enumerate(source.lines) if len(line.strip()) > 20 and source.lines.count(line) == 1]
    at = min(telling or [0], key=lambda i: abs(i - middle))
    return {
        "rule": "unchecked-value",
        "title": "A value is used before it is checked",
        "message": "Called with an empty value, this line goes on with it, and the caller gets a result that is wrong.",
        "file": source.path,
        "line": at + 1,
        "end_line": None,
        "severity": SEVERITIES[n % len(SEVERITIES)],
        "category": "bug",
        "confidence": 0.9,
        "evidence": source.lines[at].strip(),
        "suggestion": None,
        "elsewhere": False,
    }


def scenario(given: Material, delay: float) -> str:
    """The same findings for whoever reads a file, after `delay` seconds a request. Code may hold placeholders."""
    rules = [*_reviewers(given), *_judges(given), *_one_by_one(given)]
    for turn in (turn for rule in rules for turn in rule["turns"]):
        turn["delay"] = delay
    return escape_placeholders(json.dumps({"name": "review-of-many-files", "rules": rules}))


def _reviewers(given: Material) -> Iterator[JSON]:
    """One answer for each pack that agentflow makes of the files."""
    target = ReviewFile().pack_tokens
    for one in pack([part for source in given.sources for part in parts_of(source, target)], target):
        lines = {part.file: range(part.first, part.last + 1) for part in one.parts}
        found = [f for f in given.findings if f["line"] in lines.get(f["file"], ())]
        yield {"when": {"agent": "reviewer", "subtask": one.name}, "turns": [{"answer": {"findings": found}}]}


def _judges(given: Material) -> Iterator[JSON]:
    """Each finding is a group of its own; what the first verifier leaves contested, the second one confirms."""
    sources = {source.path: source for source in given.sources}
    findings = [FindingAnswer.model_validate(found).finding() for found in given.findings]
    candidates = join_repeats({"reviewers": findings})
    groups = [{"members": [one.number], "severity": one.finding.severity.value} for one in candidates]
    yield {"when": {"agent": "synthesizer"}, "turns": [{"answer": {"groups": groups, "findings": []}}]}
    rulings = {one.number: _ruling(one, VERDICTS[one.number % len(VERDICTS)]) for one in candidates}
    contested = [one for one in candidates if is_contested(one, rulings[one.number])]
    confirmed = {one.number: _ruling(one, "confirmed") for one in contested}
    for tier, some, ruled in (("sonnet", candidates, rulings), ("opus", contested, confirmed)):
        for batch in batches_of(some, sources, ReviewFile().pack_tokens):
            verdicts = [asdict(ruled[one.number]) for one in batch.candidates]
            when = {"agent": "verifier", "tier": tier, "subtask": batch.name}
            yield {"when": when, "turns": [{"answer": {"verdicts": verdicts}}]}


def _ruling(one: Candidate, verdict: Verdict) -> Ruling:
    reason = "The value comes from outside, and nothing before this line checks it."
    return Ruling(one.number, verdict, reason, 0.9, quote=one.finding.evidence)


def _one_by_one(given: Material) -> Iterator[JSON]:
    """Claude Code's sessions, which have no labels, are told apart by the name in their prompt."""
    claude = {"headers": {"user-agent": "claude-cli"}}
    for found in given.findings:
        named = re.escape(f"The file is {found['file']}:")
        yield {"when": {**claude, "last": named}, "turns": [{"say": json.dumps([found])}]}
    yield {"when": claude, "times": "*", "turns": [{"say": "[]"}]}


def _is_own(path: Path) -> bool:
    return not any(part.startswith(".") or part in {"build", "dist", "__pycache__"} for part in path.parts)


def _source(path: Path, folder: Path) -> Source | None:
    """A file that a review reads, None for any other."""
    name, text = path.relative_to(folder).as_posix(), decode(path.read_bytes())
    if skip_by_name(name, path.stat().st_size) or skip_by_content(name, text) or text is None:
        return None
    return Source(name, lines_of(text))
