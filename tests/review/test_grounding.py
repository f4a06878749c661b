from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agentflow.domain.findings import Category, Finding, Severity
from agentflow.domain.reviews import Case, Excerpt, Part
from agentflow.review.grounding import ground
from agentflow.review.source import Source

CODE = """\
import os


def last(items):
    for item in items:
        if item is None:
            return  None
    return items[len(items)]


def first(items):
    for item in items:
        if item is None:
            return None
    return items[0]
""".splitlines()

CLAIM = Finding(
    rule="off-by-one",
    title="Reads past the end",
    message="last([1]) raises IndexError.",
    file="src/a.py",
    line=8,
    end_line=None,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.9,
    evidence="return items[len(items)]",
)

#: A reviewer of the change in `a.py` was shown the first lines of another file beside it.
OTHER = Source("lib/b.py", ("def total(items):", "    return sum(items) - 1", "", "def hidden():", "    return 2"), ())
EXCERPT = Excerpt(Part("lib/b.py", 1, 2, 9), (Case("src/a.py", 4, 8),))


def with_excerpt(**claim):
    changed = source(changed=((8, 8),))
    found = ground(
        [replace(CLAIM, **claim)],
        {changed.path: changed, OTHER.path: OTHER},
        [Part(changed.path, 1, len(CODE), 99)],
        [EXCERPT],
    )
    return [(one.file, one.line, one.elsewhere) for one in found.kept], [reason for _, reason in found.voided]


@pytest.mark.parametrize("file", ["lib/b.py", "b.py"])
def test_a_line_of_what_travelled_is_found_there_as_elsewhere(file):
    assert with_excerpt(file=file, line=2, evidence="return sum(items) - 1") == ([("lib/b.py", 2, True)], [])


def test_a_finding_that_quotes_only_what_travelled_is_found_there_whatever_file_it_names():
    assert with_excerpt(evidence="return sum(items) - 1") == ([("lib/b.py", 2, True)], [])


def test_a_finding_that_quotes_both_stays_with_the_change():
    both = "return items[len(items)]\nreturn sum(items) - 1"
    assert with_excerpt(evidence=both) == ([("src/a.py", 8, False)], [])


def test_what_was_not_shown_of_that_file_grounds_nothing():
    assert with_excerpt(file="lib/b.py", line=5, evidence="    return 2")[0] == []
    assert with_excerpt(evidence="def hidden():")[0] == []


UNREACHED = "it touches no changed line, and no change reaches it"


def source(lines=CODE, path="src/a.py", changed=None, removed=None):
    return Source(path, tuple(lines), changed, removed or {})


def grounded(claim, *sources, parts=None):
    return ground([claim], {s.path: s for s in sources or (source(),)}, parts)


def kept(claim, *sources, parts=None):
    result = grounded(claim, *sources, parts=parts)
    assert result.voided == ()
    return result.kept[0]


def why(claim, *sources, parts=None):
    result = grounded(claim, *sources, parts=parts)
    assert result.kept == ()
    assert result.voided[0][0] == claim
    return result.voided[0][1]


def test_a_true_finding_stays_as_it_is():
    assert kept(CLAIM) == CLAIM


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"file": "src/b.py"}, "it names a file that was not shown"),
        (
            {"line": 0, "evidence": "for item in items:"},
            "its evidence stands in several places, and its line is in none of them",
        ),
        (
            {"line": 99, "evidence": "for item in items:"},
            "its evidence stands in several places, and its line is in none of them",
        ),
        ({"evidence": " \n"}, "it gives no evidence"),
        ({"evidence": "```\n```"}, "its evidence does not occur in the file"),
        ({"evidence": "return items[len(items) - 1]"}, "its evidence does not occur in the file"),
        ({"evidence": "return items[len(items)]\ndef last(items):"}, "its evidence does not occur in the file"),
        ({"evidence": "os"}, "its evidence does not occur in the file"),
    ],
)
def test_a_finding_that_cites_what_is_not_there_is_void(wrong, reason):
    assert why(replace(CLAIM, **wrong)) == reason


def test_a_finding_in_an_emptied_file_is_void():
    assert why(replace(CLAIM, line=1), source([])) == "its evidence does not occur in the file"


@pytest.mark.parametrize("spelling", ["src/a.py", "./src/a.py", "a/src/a.py", "b/src/a.py"])
def test_a_file_is_known_by_the_names_diffs_and_shells_give_it(spelling):
    assert kept(replace(CLAIM, file=spelling)).file == "src/a.py"


def test_a_folder_named_like_the_sides_of_a_diff_keeps_its_name():
    assert kept(replace(CLAIM, file="a/x.py"), source(path="x.py"), source(path="a/x.py")).file == "a/x.py"


def test_the_name_that_was_shown_stands_for_the_real_one():
    path = "sr\x1bc/[/red]\n\u202e.py"
    assert kept(replace(CLAIM, file="sr\\x1bc/[/red]\\x0a\\u202e.py"), source(path=path)).file == path
    assert kept(replace(CLAIM, file="\\x3c\\x22.py"), source(path='<".py')).file == '<".py'


def test_a_file_that_this_reviewer_was_not_shown_is_unknown():
    both = (source(), source(path="src/b.py"))
    assert kept(CLAIM, *both, parts=[Part("src/a.py", 1, 15, 90)]) == CLAIM
    assert why(CLAIM, *both, parts=[Part("src/b.py", 1, 15, 90)]) == "it names a file that was not shown"


@pytest.mark.parametrize(
    "evidence",
    [
        "    return items[len(items)]",
        "return   items[len(items)]",
        "8 |     return items[len(items)]",
        "8:     return items[len(items)]",
        "   8 +     return items[len(items)]",
        "8+    return items[len(items)]",
        "8     return items[len(items)]",
        "return items[\n    len(items)\n]",
        "+   8     return items[len(items)]",
        "- return items[len(items)]",
        "8\treturn items[len(items)]",
        "`return items[len(items)]`",
        "items[len(items)]",
        "return items[len(ite...",
        "```python\n    return items[len(items)]\n```",
        "...\nreturn items[len(items)]\n...",
        "def last(items):\n    ...\n    return items[len(items)]",
        "def last(items):\n    # …\n    return items[len(items)]",
        "4 | def last(items):\n...\n8 |     return items[len(items)]",
        "def last(items):\n    return items[len(items)]",
        "            return None\n\n    return items[len(items)]",
        "7 |             return None\n8 |     return items[len(items)]\n9 |",
    ],
)
def test_evidence_may_be_copied_in_many_ways(evidence):
    placed = kept(replace(CLAIM, evidence=evidence))
    assert (placed.line, placed.last_line) == (8, 8)


def test_a_miscounted_line_moves_to_the_nearest_place_that_holds_the_evidence():
    claim = replace(CLAIM, evidence="if item is None:\n    return None")
    assert [kept(replace(claim, line=line)).line for line in (1, 6, 7, 9, 11, 13, 15)] == [6, 6, 7, 6, 13, 13, 13]


def test_a_moved_span_keeps_its_length_within_the_evidence():
    claim = replace(CLAIM, line=1, evidence="for item in items:\n    if item is None:\n return None")
    spans = [kept(replace(claim, end_line=end)) for end in (None, 1, 2, 3, 4)]
    assert [(s.line, s.end_line) for s in spans] == [(5, None), (5, None), (5, 6), (5, 7), (5, 7)]


def test_a_moved_finding_keeps_its_suggestion_only_if_it_still_replaces_the_same_number_of_lines():
    two = replace(CLAIM, line=1, evidence="if item is None:\n    return None", suggestion="pass")
    assert kept(replace(two, end_line=2)).suggestion == "        pass"
    assert kept(replace(two, end_line=None)).suggestion is None
    assert kept(replace(two, end_line=3)).suggestion is None
    assert kept(replace(two, line=6, suggestion="if not item:")).suggestion == "        if not item:"


def test_a_suggestion_that_breaks_the_file_is_none():
    assert kept(replace(CLAIM, suggestion="    return items[-1]")).suggestion == "    return items[-1]"
    broken = kept(replace(CLAIM, suggestion="    return items[-1"))
    assert (broken.suggestion, broken.title) == (None, CLAIM.title)


def test_a_cited_line_that_holds_a_part_of_the_evidence_is_not_given_up_for_an_exact_one_elsewhere():
    lines = ["return x  # or not", "pass", "return x"]
    assert kept(replace(CLAIM, line=1, evidence="return x"), source(lines)).line == 1
    assert kept(replace(CLAIM, line=2, evidence="return x"), source(lines)).line == 3


def test_evidence_quotes_lines_as_they_were_shown_or_as_they_are():
    line = "say('\x1b[31m\u202e', '<untrusted>')"
    for evidence in (line, "say('\\x1b[31m\\u202e', '<\\untrusted>')", "say('\\x1b[31m\\u202e', '"):
        assert kept(replace(CLAIM, line=1, evidence=evidence), source(["", line])).line == 2


def test_lines_joined_into_one_are_found_on_all_of_theirs():
    lines = ["def joined(", "    a,", "    b,", "):", "    pass"]
    placed = kept(replace(CLAIM, line=5, end_line=5, evidence="1 def joined( a, b, ):"), source(lines))
    assert placed.line == 1
    assert why(replace(CLAIM, line=5, evidence="joined(a"), source(lines)) == "its evidence does not occur in the file"


def test_a_defect_between_files_may_be_proved_with_lines_of_both():
    other = source(["def index(items):", "    return items.size"], path="src/b.py")
    claim = replace(
        CLAIM, line=4, evidence="src/b.py:\n2     return items.size\nsrc/a.py:\n8     return items[len(items)]"
    )
    assert kept(claim, source(), other).line == 8
    assert why(claim, source()) == "its evidence does not occur in the file"
    assert (
        why(replace(claim, evidence="return items.size"), source(), other) == "its evidence does not occur in the file"
    )


def test_an_ellipsis_may_be_the_evidence_itself():
    assert kept(replace(CLAIM, line=1, evidence="..."), source(["def f():", "    ..."])).line == 2


def test_in_a_diff_a_finding_must_touch_the_change():
    touched, missed = source(changed=((7, 8),)), source(changed=((11, 15),))
    assert kept(CLAIM, touched) == CLAIM
    assert why(CLAIM, missed) == UNREACHED
    assert kept(replace(CLAIM, elsewhere=True), missed) == replace(CLAIM, elsewhere=True)


def test_in_a_diff_a_miscounted_line_moves_to_changed_lines_first():
    claim = replace(CLAIM, line=8, evidence="if item is None:")
    assert kept(claim, source(changed=((13, 13),))).line == 13
    assert kept(claim, source(changed=((6, 6),))).line == 6
    assert kept(replace(claim, elsewhere=True), source(changed=((13, 13),))).line == 6


def test_evidence_that_reaches_into_the_change_takes_the_finding_there():
    claim = replace(CLAIM, line=5, evidence="for item in items:\nif item is None:\nreturn None\n")
    assert kept(claim, source(changed=((7, 7),))).line == 7


REMOVED = ["def delete(user, name):", "    path = root / name", "    path.unlink()", "    log(name)"]
CHECK = ("    if not user.admin:", "        raise Forbidden")


def test_a_removed_line_is_evidence_beside_its_place():
    diff = source(REMOVED, changed=(), removed={3: CHECK})
    claim = replace(CLAIM, evidence="-    if not user.admin:\n-        raise Forbidden")
    assert [kept(replace(claim, line=line), diff).line for line in (1, 2, 3, 4)] == [3, 3, 3, 3]
    assert kept(replace(claim, line=2, end_line=4), diff).line == 2


def test_removed_and_present_lines_may_be_quoted_together():
    diff = source(REMOVED, changed=(), removed={3: CHECK})
    claim = replace(
        CLAIM, line=1, evidence="path = root / name\n- if not user.admin:\n-  raise Forbidden\npath.unlink()"
    )
    placed = kept(claim, diff)
    assert placed.line in {2, 3}


def test_what_was_removed_at_the_end_counts_as_the_last_line():
    diff = source(REMOVED, changed=(), removed={5: CHECK})
    assert kept(replace(CLAIM, line=1, evidence="if not user.admin:"), diff).line == 4


def test_a_line_beside_a_pure_removal_is_under_review_and_one_beside_a_replacement_is_not():
    claim = replace(CLAIM, line=2, evidence="path = root / name")
    assert kept(claim, source(REMOVED, changed=(), removed={3: CHECK})).line == 2
    assert why(claim, source(REMOVED, changed=((3, 3),), removed={3: CHECK})) == UNREACHED
    head = kept(replace(claim, line=1, evidence="def delete"), source(REMOVED, changed=(), removed={3: CHECK}))
    assert (head.line, head.elsewhere) == (1, True)


def test_removed_lines_prove_nothing_in_a_review_of_whole_files():
    assert why(replace(CLAIM, line=2, evidence="if not user.admin:"), source(REMOVED))


def test_absurdly_long_texts_are_cut_and_half_suggestions_dropped():
    lines = ["x" * 80] * 400
    claim = replace(
        CLAIM,
        title="t" * 999,
        message="m" * 9999,
        evidence="\n".join(lines),
        rule="Off By/One! " * 20,
        suggestion="s" * 4001,
    )
    placed = kept(claim, source(lines))
    assert len(placed.title) == 200
    assert len(placed.message) == 4000
    assert placed.evidence == "\n".join(lines[:24])
    assert placed.rule.startswith("off-by-one-off-by-one")
    assert len(placed.rule) <= 60
    assert placed.suggestion is None
    assert kept(replace(claim, evidence="y" * 3000), source(["y" * 3000] * 8)).evidence == "y" * 2000


def test_a_rule_without_any_letter_is_named_by_its_category():
    assert kept(replace(CLAIM, rule="…")).rule == "bug"


def test_findings_keep_their_order():
    claims = [replace(CLAIM, title=str(n), file="src/a.py" if n % 2 else "nowhere") for n in range(6)]
    result = ground(claims, {"src/a.py": source()})
    assert [f.title for f in result.kept] == ["1", "3", "5"]
    assert [f.title for f, _ in result.voided] == ["0", "2", "4"]


def test_of_very_many_places_the_nearest_is_found():
    lines = ["return x"] * 3000
    assert kept(replace(CLAIM, line=2000, evidence="return x\n" * 200), source(lines)).line == 2000
    lines[1999] = "pass"
    placed = kept(replace(CLAIM, line=2000, evidence="return x"), source(lines))
    assert placed.line in {1999, 2001}


LINE = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cs"]), max_size=12
) | st.sampled_from(["}", "...", "```", "  return x", "+ y", "12 z", "# …", "- y", "3"])


@given(st.lists(LINE, min_size=1, max_size=30), st.data())
def test_whatever_quotes_real_lines_is_kept_and_ends_on_them(lines, data):
    number = st.integers(1, len(lines))
    first, last = sorted((data.draw(number), data.draw(number)))
    quoted = lines[first - 1 : last]
    assume(any(line.split() for line in quoted))
    line, end = sorted((data.draw(number), data.draw(number)))
    claim = replace(CLAIM, line=line, end_line=data.draw(st.sampled_from([None, end])), evidence="\n".join(quoted))
    placed = kept(claim, source(lines))
    held = [" ".join(line.split()) for line in quoted]
    cited = [" ".join(line.split()) for line in lines[placed.line - 1 : placed.last_line]]
    assert any(part and part in line for line in cited for part in (*held, *map(bare, held)))


def bare(line):
    """A line as it is when what looks like a number or a mark in front belonged to the reviewer."""
    return line.lstrip("0123456789+-|:` ")


@given(st.lists(st.sampled_from(["a = 1", "b = 2", "c = 3", "d = 4"]), min_size=1, max_size=12), st.data())
def test_quoted_to_the_letter_a_single_line_ends_where_its_evidence_begins_or_continues(lines, data):
    first = data.draw(st.integers(1, len(lines)))
    quoted = lines[first - 1 : first + 2]
    claim = replace(CLAIM, line=data.draw(st.integers(1, len(lines))), evidence="\n".join(quoted))
    placed = kept(claim, source(lines))
    starts = [n for n in range(len(lines)) if lines[n : n + len(quoted)] == quoted]
    assert any(start < placed.line <= start + len(quoted) for start in starts)
