from __future__ import annotations

import re

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.domain.findings import Dropped, Lowered, Severity, Verified, Why
from agentflow.domain.reviews import Mode, Skipped
from agentflow.report.reviews.text import review_text

#: Controls but the line break, bidirectional and invisible marks, surrogates.
STEERS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff]")


def verdict_of(review) -> str:
    return review_text(review).split("\n\n")[0]


def test_a_finding_is_told_with_its_place_code_and_standing(review, finding):
    told = review_text(review(finding(suggestion="for i in range(n):\n\tprint(items[i])\n")))
    assert told.startswith(
        """✗ 1 finding at or above high

src/a.py (1 finding)

  high  src/a.py:12  The loop reads past the end
      off-by-one, bug, confidence 0.92, confirmed, 3 sessions agree
      12 | for i in range(n + 1):
      13 |     print(items[i])
      With n items it reads item n, which is not there, and raises IndexError.
      suggestion:
      + for i in range(n):
      +     print(items[i])

2 files reviewed in 1 pack

run run-1, 1m05s, $0.0123 + 1 unpriced of $2.0000
"""
    )
    assert told.endswith(
        "next:\n  agentflow review --fix (with the same arguments)\n  agentflow runs show run-1 --json"
    )
    assert re.search(r"^total +2 ", told, re.MULTILINE)


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, "✗ 1 finding at or above high"),
        ({"fail_on": Severity.CRITICAL}, "✓ nothing at or above critical; 1 finding below it or unsure"),
        ({"fail_on": None}, "✓ 1 finding"),
        (
            {"failed": (Skipped("x", "529"), Skipped("y", "529")), "fail_on": Severity.CRITICAL},
            "nothing at or above critical; 1 finding below it or unsure\npartial: 2 files could not be reviewed",
        ),
        ({"status": RunStatus.STOPPED, "reason": "the budget is spent"}, "stopped: the budget is spent"),
        ({"status": RunStatus.INTERRUPTED}, "interrupted: the review has not come to its end"),
    ],
)
def test_the_verdict_comes_first(review, finding, changes, lines):
    assert verdict_of(review(finding(), **changes)) == lines


def test_a_review_that_failed_without_a_finding_says_why(review):
    assert verdict_of(review(status=RunStatus.FAILED, reason="no such file")) == "✗ failed: no such file"


def test_without_findings_there_is_nothing_to_fix(review, finding):
    told = review_text(review())
    assert told.startswith("✓ nothing at or above high\n\n2 files reviewed")
    assert "--fix" not in told
    assert "--fix" not in review_text(review(finding(verified=Verified.UNSURE)))


@pytest.mark.parametrize(
    ("changes", "told", "then"),
    [
        ({"mode": Mode.DIFF}, "nothing to review: nothing has changed since bbbbbbbbbbbb", "  agentflow review ."),
        ({"mode": Mode.DIFF, "pull_request": 7}, "nothing to review: nothing has changed since bbbbbbbbbbbb", ""),
        (
            {"mode": Mode.DIFF, "paths": ("a.py",)},
            "nothing to review: nothing that was named has changed since bbbbbbbbbbbb",
            "  agentflow review .",
        ),
        ({}, "nothing to review: there is no file", ""),
        (
            {"skipped": (Skipped("build/", "ignored by git"),)},
            "nothing to review: all of it is skipped\n\n1 skipped: 1 ignored by git",
            "",
        ),
    ],
)
def test_a_review_of_nothing_says_so_and_ticks_nothing(review, changes, told, then):
    text = review_text(review(reviewed=(), packs=0, **changes))
    assert text.startswith(told)
    assert "0 packs" not in text
    assert text.endswith(then)
    assert ("agentflow review ." in text) is bool(then)


@pytest.mark.parametrize(
    ("status", "command"), [(RunStatus.STOPPED, "resume"), (RunStatus.INTERRUPTED, "resume"), (RunStatus.RUNNING, "watch")]
)  # fmt: skip
def test_what_has_not_ended_can_go_on(review, status, command):
    assert review_text(review(status=status)).endswith(f"next:\n  agentflow {command} run-1")


def test_findings_are_grouped_by_file_with_the_worst_file_first(review, finding):
    told = review_text(
        review(
            finding(file="src/a.py", severity=Severity.MEDIUM, title="second"),
            finding(file="src/b.py", severity=Severity.CRITICAL, title="first"),
            finding(file="src/b.py", severity=Severity.LOW, title="third"),
        )
    )
    assert re.findall(r"^src/.*|^  (?:critical|medium|low) .*", told, re.MULTILINE) == [
        "src/b.py (2 findings)",
        "  critical  src/b.py:12  first",
        "  low  src/b.py:12  third",
        "src/a.py (1 finding)",
        "  medium  src/a.py:12  second",
    ]


def test_what_is_not_shown_is_counted_with_the_way_to_see_it(review, finding):
    told = review_text(
        review(
            finding(),
            finding(severity=Severity.LOW),
            finding(confidence=0.5),
            finding(known=True),
            finding(suppression="generated\x1b[2J"),
            finding(suppression="reviewed"),
            max_findings=1,
            refuted=4,
            merged=3,
            voided=2,
        )
    )
    (section,) = [section for section in told.split("\n\n") if section.startswith("not shown:")]
    assert section.splitlines() == [
        "not shown:",
        "  1 cut by --max-findings 1; --json lists them",
        "  1 below confidence 0.8; --json lists them, --min-confidence 0 shows them",
        "  1 known from the baseline",
        "  2 suppressed in the code",
        "  4 refuted on reading the code again",
        "  3 merged with another that says the same",
        "  2 void: cited what is not in the code",
        "    src/a.py:12  off-by-one: generated",
        "    src/a.py:12  off-by-one: reviewed",
        "    high  src/a.py:12  The loop reads past the end: confidence 0.50, confirmed, 3 sessions agree",
    ]


@pytest.mark.parametrize(
    ("listed", "shown"),
    [
        ((), {"void high"}),
        ((Why.VOID,), {"void high", "void low"}),
        (tuple(Why), {"void high", "void low", "refuted medium"}),
    ],
)
def test_grave_findings_that_were_dropped_are_listed_and_others_when_asked_for(review, finding, listed, shown):
    some = {
        f"{why} {severity}": Dropped(
            why, finding(title=f"{why} {severity}", severity=severity).finding, "Reason.", "opus"
        )
        for why, severity in ((Why.VOID, Severity.HIGH), (Why.VOID, Severity.LOW), (Why.REFUTED, Severity.MEDIUM))
    }
    told = review_text(review(dropped=tuple(some.values()), voided=2, refuted=1, listed=listed))
    assert {title for title in some if f"src/a.py:12  {title}: Reason. (opus)" in told} == shown
    assert "dropped at or above high: 1 void (by opus)" in told
    hints = {why for why in Why if f"--show {why} lists them" in told}
    assert hints == {title.split()[0] for title in set(some) - shown}


def test_a_severity_below_the_reported_one_says_why_and_who_else_was_there_is_named(review, finding):
    other = Dropped(Why.MERGED, finding(title="Another", line=14).finding, "said too", "synthesis", "f" * 32)
    lowered = Lowered("f" * 32, Severity.CRITICAL, Severity.HIGH, "It is rare.")
    told = review_text(review(finding(), dropped=(other,), lowered=(lowered,)))
    assert "\n      reported as critical, lowered by two readers: It is rare.\n" in told
    assert "\n      also: Another (line 14)\n" in told


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_unsure_is_told_at_the_head_and_there_is_no_tick(review, finding, number):
    some = [finding(verified=Verified.UNSURE), finding(confidence=0.5)][:number]
    warned, failed = (review_text(review(*some, unsure_fails=fails)) for fails in (False, True))
    words = ("1 finding at or above high is" if number == 1 else "2 findings at or above high are") + " unsure"
    assert f"? {words}; --unsure fail makes that fail" in warned.splitlines()[:2]
    assert "✓" not in warned
    assert failed.startswith(f"✗ {number} unsure finding")


def test_coverage_names_every_file_that_failed_and_counts_what_was_skipped(review):
    skipped = [Skipped(f"{n}.bin", "binary") for n in range(3)] + [Skipped(f"{n}", f"reason {n}") for n in range(9)]
    lost = [Skipped(f"lost{n}.py", "HTTP 529") for n in range(30)]
    told = review_text(review(skipped=tuple(skipped), failed=tuple(lost), kept_answers=2, packs=5, notes=("a note",)))
    assert "2 files reviewed in 5 packs, 2 answered by an earlier review\n12 skipped: 3 binary, 1 reason 0," in told
    assert "1 reason 4, 4 for other reasons\n" in told
    assert told.count(": HTTP 529\n") == 30
    assert "note: a note\n" in told


def test_long_code_and_long_prose_fit_a_screen(review, finding):
    code = "\n".join(["x" * 500, *("y" for _ in range(7))])
    told = review_text(review(finding(code=code, end_line=112, message="word " * 100)))
    assert max(map(len, told.splitlines())) < 180
    assert "… 96 more lines" in told


def test_lines_keep_their_numbers_when_the_code_has_a_form_feed(review, finding):
    told = review_text(review(finding(code="a\x0cb\r\nc")))
    assert "12 | a\\x0cb\n      13 | c\n" in told


def test_nothing_in_names_code_or_words_steers_the_terminal(hostile_review):
    told = review_text(hostile_review)
    assert not STEERS.search(told)
    assert "[/red]" in told
    assert not [line for line in told.splitlines() if line.startswith("✓")]


def test_no_line_is_a_command_to_the_runner_of_a_job(review, finding):
    words = dict.fromkeys(
        ("title", "message", "code", "file", "suggestion"), "::error::a\n  ::add-mask::b ##[add-mask]c"
    )
    told = review_text(review(finding(**words)))
    assert not re.search(r"^\s*::|##\[", told, re.MULTILINE)
    assert "\n      : :error::a\n        : :add-mask::b ## [add-mask]c\n" in told
