"""What is written for people and other programs, whatever models and repositories said; and patches as git gives them."""

from __future__ import annotations

import difflib
import json
import unicodedata
from pathlib import Path

import jsonschema
from hypothesis import strategies as st

from agentflow.domain.attempts import RunStatus
from agentflow.domain.findings import Category, Finding, ReviewedFinding, Severity, Verified
from agentflow.domain.reviews import Mode, Remembered, ReviewOutcome, ReviewSpec, Skipped
from agentflow.git.diffs import _hunks
from agentflow.report.documents import schema
from agentflow.report.reviews.formats import FORMATS
from agentflow.report.reviews.loading import Review
from agentflow.report.reviews.markdown import LIMIT
from agentflow.review.selecting import select
from agentflow.store.records import RunRecord

SARIF = Path(__file__).parents[1] / "report" / "reviews" / "schemas" / "sarif-2.1.0-rtm.5.json"
#: As texts of others reach a report: surrogates stand for bytes of names that are no UTF-8.
WORDS = (
    "`code` <b>",
    "::error file=x::y",
    "%0A::warning::",
    "a\r\nb",
    "x](http://y)",
    "@all #1",
    "```\n~~~",
    "\x1b[2Jx",
)


def reviews(fuzz) -> st.SearchStrategy[Review]:
    text = fuzz.text | st.sampled_from(WORDS)
    finding = st.builds(
        Finding,
        rule=text,
        title=text,
        message=text,
        file=text.filter(bool),
        line=st.integers(1, 10**6),
        end_line=st.none(),
        severity=st.sampled_from(Severity),
        category=st.sampled_from(Category),
        confidence=st.floats(0, 1),
        evidence=text,
        suggestion=st.none() | text,
    )
    reviewed = st.builds(
        ReviewedFinding,
        finding=finding,
        fingerprint=st.integers(0, 2**128 - 1).map("{:032x}".format),
        verified=st.sampled_from(Verified),
        agreement=st.integers(1, 9),
        code=text,
        suppression=st.none() | text,
        known=st.booleans(),
    )
    unread = st.lists(st.builds(Skipped, file=text, reason=text), max_size=2).map(tuple)
    outcome = st.builds(
        ReviewOutcome,
        reviewed=st.lists(text, max_size=2).map(tuple),
        skipped=unread,
        failed=unread,
        notes=st.lists(text, max_size=2).map(tuple),
    )
    return st.builds(_review, st.lists(reviewed, max_size=4), outcome, st.sampled_from(RunStatus))


def _review(findings: list[ReviewedFinding], outcome: ReviewOutcome, status: RunStatus) -> Review:
    spec = ReviewSpec(mode=Mode.FILES, base="b" * 40, head="b" * 40, remembered=(Remembered("a" * 32),))
    run = RunRecord(
        id="run-1",
        workflow="review",
        repo_root=Path("/repo"),
        common_dir=Path("/repo/.git"),
        goal="review",
        status=status,
        base="b" * 40,
        branch="",
        budget_usd=None,
        spec={},
        created_at=0.0,
        finished_at=1.0,
    )
    return Review(run, status, spec, outcome, select(findings, spec), ())


def test_every_form_of_a_review_holds_to_its_grammar(fuzz):
    sarif = jsonschema.Draft4Validator(json.loads(SARIF.read_text(encoding="utf-8")))
    document = jsonschema.validators.validator_for(schema("review-1"))(schema("review-1"))

    def read(review):
        told = {name: write(review) for name, write in FORMATS.items()}
        assert all(text.encode() or name in {"github", "rdjsonl"} for name, text in told.items())
        sarif.validate(json.loads(told["sarif"]))
        document.validate(json.loads(told["json"]))
        assert json.loads(told["rdjson"])["source"] == {"name": "agentflow"}
        assert all(json.loads(line)["source"] == {"name": "agentflow"} for line in told["rdjsonl"].splitlines())
        assert len(told["markdown"]) < LIMIT
        assert all(line.startswith("::") for line in told["github"].splitlines())
        steering = [c for c in told["text"] if unicodedata.category(c) in {"Cc", "Cs"} and c != "\n"]
        assert not steering

    fuzz.hold(reviews(fuzz), read)


def test_the_lines_of_a_patch_are_those_that_differ(fuzz):
    line = st.sampled_from(
        ["", "a", "b", "@@ -1 +1 @@", "--- a", "+++ b", "\\ No newline", "diff --git a b", "\r", "x\x0cy\x85z"]
    )
    lines = st.lists(
        line | st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=8), max_size=12
    )

    def read(given):
        old, new = ([f"{line}\n" for line in side] for side in given)
        patch = "".join(difflib.unified_diff(old, new, "a", "b", n=3, lineterm="\n"))
        found = _hunks(f"diff --git a/f b/f\nindex 1..2\n{patch}")
        changed = [number for first, last in found.changed for number in range(first, last + 1)]
        matcher = difflib.SequenceMatcher(None, old, new)
        blocks = [code for code in matcher.get_opcodes() if code[0] != "equal"]
        assert changed == [n + 1 for _, _, _, start, end in blocks for n in range(start, end)]
        removed = [text for number in sorted(found.removed) for text in found.removed[number]]
        assert removed == [text[:-1] for _, start, end, _, _ in blocks for text in old[start:end]]

    fuzz.hold(st.tuples(lines, lines), read)
