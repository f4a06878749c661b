"""The review at the end of a run, in its summary and in its document."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import pytest

from agentflow.domain.attempts import RunStatus, SubtaskStatus
from agentflow.domain.calls import CallKind
from agentflow.domain.codec import encode
from agentflow.domain.findings import Category, Finding, ReviewedFinding, Severity, Verified
from agentflow.domain.reviews import Mending, Mode, ReviewOutcome, ReviewSpec, Skipped
from agentflow.domain.tiers import Tier
from agentflow.report.documents import run_document, schema
from agentflow.report.summary import summary_text
from agentflow.store.records import SubtaskRecord

SPEC = ReviewSpec(Mode.DIFF, "b" * 40, "d" * 40)
CLAIM = Finding(
    rule="off-by-one",
    title="Reads past the end",
    message="last([1]) raises IndexError.",
    file="src/a.py",
    line=12,
    end_line=None,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.9,
    evidence="return items[len(items)]",
)


def reviewed(fingerprint="f1", verified=Verified.CONFIRMED, suppression=None, **claim):
    return ReviewedFinding(replace(CLAIM, **claim), fingerprint, verified, suppression=suppression)


@pytest.fixture
def told(ledger, a_run):
    """The summary's section about the review, and the run's document, which has to be valid."""

    def tell(*findings, outcome=None, mending=None, mended=None, status=RunStatus.SUCCEEDED):
        outcome = outcome or ReviewOutcome(reviewed=("src/a.py",), packs=1)
        spec = {"review": encode(SPEC), "outcome": encode(outcome), "mending": encode(mending or Mending())}
        ledger.create_run(replace(a_run, spec=spec, status=status))
        for position, (name, fate) in enumerate((mended or {}).items()):
            ledger.put_subtask("run-1", SubtaskRecord(name, position, "Mend", fate))
        ledger.put_findings("run-1", findings)
        document = run_document(ledger, "run-1")
        jsonschema.validate(document, schema("run-1"))
        sections = summary_text(ledger, "run-1").split("\n\n")
        (section,) = (section for section in sections if section.startswith("review: "))
        return section.splitlines(), document["review"], sections[-1].split()

    return tell


def test_a_review_that_finds_nothing_says_so_and_what_it_read(told):
    section, review, steps = told()
    assert section == ["review: no findings", "  1 file reviewed in 1 pack"]
    assert (review["findings"], review["mended"], review["files_reviewed"]) == ([], [], ["src/a.py"])
    assert "--json" not in steps


@pytest.mark.parametrize(
    ("fate", "lines"),
    [
        (SubtaskStatus.MERGED, ["review: nothing left", "  1 finding handed back, 1 mended"]),
        (SubtaskStatus.UNPROVEN, ["review: nothing left", "  1 finding handed back, 1 mended"]),
        (SubtaskStatus.FAILED, ["review: 1 finding left", "  1 finding handed back, 0 mended"]),
        (SubtaskStatus.RUNNING, ["review: 1 finding left", "  1 finding handed back, 0 mended"]),
    ],
)
def test_what_was_handed_back_is_left_until_it_is_on_the_branch(told, fate, lines):
    section, review, _ = told(reviewed(), mending=Mending({"fix-a-1": ("f1",)}), mended={"fix-a-1": fate})
    assert section[:2] == lines
    left = [f"  high  src/a.py:12  Reads past the end (fix-a-1 {fate})"] if "1 finding left" in section[0] else []
    assert [line for line in section if "src/a.py:12" in line] == left
    assert review["mended"] == ["fix-a-1"]


def test_what_is_left_is_listed_worst_first_with_how_far_to_trust_it(told):
    section, _, steps = told(
        reviewed("f1", severity=Severity.LOW, line=3),
        reviewed("f2", verified=Verified.UNSURE),
        reviewed("f3", verified=Verified.UNVERIFIED, severity=Severity.CRITICAL),
    )
    assert section[0] == "review: 3 findings left"
    assert section[2:] == [
        "  critical  src/a.py:12  Reads past the end (unverified)",
        "  high  src/a.py:12  Reads past the end (unsure)",
        "  low  src/a.py:3  Reads past the end",
    ]
    assert "--json" in steps


def test_a_partial_review_says_so_first_and_how_to_complete_it(told):
    lost = ReviewOutcome(("src/b.py",), failed=(Skipped("src/a.py", "HTTP 529"),), notes=("not verified",), packs=2)
    section, review, steps = told(outcome=lost)
    assert section == [
        "review: partial, 1 file could not be reviewed; no findings",
        "  1 file reviewed in 2 packs",
        "  ✗ src/a.py: HTTP 529",
        "  note: not verified",
    ]
    assert (review["partial"], review["files_failed"]) == (True, [{"file": "src/a.py", "reason": "HTTP 529"}])
    assert f"{'b' * 12}..agentflow/run-1" in steps


def test_nothing_that_was_found_is_passed_over_in_silence(told):
    section, review, _ = told(
        reviewed("f1", confidence=0.5),
        reviewed("f2", suppression="as agreed"),
        mending=Mending({}, ("-odd.py:2: x is not mended: no write scope can name the file",)),
    )
    assert section[2:] == [
        "  note: -odd.py:2: x is not mended: no write scope can name the file",
        "  1 not told: below confidence 0.8",
        "  high  src/a.py:12  Reads past the end: confidence 0.50, confirmed",
        "  ignored in the code: src/a.py:12  off-by-one: as agreed",
    ]
    assert review["notes"] == ["-odd.py:2: x is not mended: no write scope can name the file"]


def test_a_long_list_is_cut_and_counted(told):
    section, review, _ = told(*(reviewed(f"f{n}", line=n) for n in range(1, 31)))
    assert (section[0], section[-1], len(section)) == ("review: 30 findings left", "  … 10 more findings", 23)
    assert len(review["findings"]) == 30


def test_a_review_under_way_is_not_finished(ledger, a_run):
    ledger.create_run(replace(a_run, spec={"review": encode(SPEC)}, status=RunStatus.STOPPED))
    assert "\n\nreview: not finished\n\n" in summary_text(ledger, "run-1")
    assert run_document(ledger, "run-1")["review"] is None


def test_a_run_that_asked_for_a_review_and_did_not_come_to_it_tells_of_none(ledger, a_run):
    ledger.create_run(replace(a_run, spec={"review_at_end": True}, status=RunStatus.FAILED))
    assert "review" not in summary_text(ledger, "run-1")
    assert run_document(ledger, "run-1")["review"] is None


def test_a_subtask_named_like_a_pack_is_not_billed_for_its_reviewer(ledger, a_run, an_attempt, spend):
    ledger.create_run(a_run)
    ledger.put_subtask("run-1", SubtaskRecord("pack-1", 0, "Pack", SubtaskStatus.MERGED, Tier.HAIKU))
    ledger.put_attempt("run-1", replace(an_attempt, subtask="pack-1"), 1.0)
    spend(CallKind.EXECUTE, Tier.HAIKU, 0.01, "pack-1")
    spend(CallKind.REVIEW, Tier.HAIKU, 0.5, "pack-1")
    document = run_document(ledger, "run-1")
    assert (document["subtasks"][0]["attempts"][0]["cost_usd"], document["cost_usd"]) == (0.01, 0.51)
    assert "✓ Pack: merged, proven, haiku ✓, $0.0100" in summary_text(ledger, "run-1")


def test_hostile_words_of_reviewers_stay_on_their_lines(told, hostile, steers):
    nasty = hostile + "\nerror: forged"
    lost = ReviewOutcome(failed=(Skipped(hostile, nasty),), notes=(nasty,), packs=1)
    section, _, _ = told(
        reviewed("f1", file=hostile, title=nasty),
        reviewed("f2", file=hostile, rule=nasty, suppression=nasty),
        outcome=lost,
        mending=Mending({}, (nasty,)),
    )
    assert not steers("\n".join(section))
    assert not [line for line in section if line.startswith("error: forged")]
