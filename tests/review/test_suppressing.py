from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.domain.findings import Category, Finding, Severity
from agentflow.review.source import Source
from agentflow.review.suppressing import Ignore, added_suppressions, ignores, suppression

CLAIM = Finding(
    rule="off-by-one",
    title="Reads past the end",
    message="Boom.",
    file="a.py",
    line=2,
    end_line=3,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.9,
    evidence="x",
)


def said(*lines, path="a.py", changed=None, **claim):
    return suppression(replace(CLAIM, file=path, **claim), ignores(Source(path, lines, changed)))


#: A file's name, and a comment that its language has.
COMMENTS = [
    ("a.py", "# agentflow: ignore[off-by-one] checked above"),
    ("a.py", "#agentflow:ignore[off-by-one]   checked above  "),
    ("a.py", "# Agentflow: Ignore[Off-By-One] checked above"),
    ("a.py", "# agentflow: ignore[leak, off-by-one] checked above"),
    ("a.py", "# agentflow: ignore[*] checked above"),
    ("a.py", "# noqa: E501  # agentflow: ignore[off-by-one] checked above"),
    ("a.py", "# agentflow: ignore[out-of-bounds] checked above"),
    ("a.c", "// agentflow: ignore[off-by-one] checked above"),
    ("a.c", "/* agentflow: ignore[off-by-one] checked above */"),
    ("a.java", "/** agentflow: ignore[off-by-one] checked above **/"),
    ("a.rs", "/// agentflow: ignore[off-by-one] checked above"),
    ("a.sql", "-- agentflow: ignore[off-by-one] checked above"),
    ("a.html", "<!-- agentflow: ignore[off-by-one] checked above -->"),
    ("a.md", "<!-- agentflow: ignore[off-by-one] checked above -->"),
    ("a.svelte", "<!-- agentflow: ignore[off-by-one] checked above -->"),
    ("a.clj", "; agentflow: ignore[off-by-one] checked above"),
    ("a.tex", "% agentflow: ignore[off-by-one] checked above"),
    ("a.erl", "%% agentflow: ignore[off-by-one] checked above"),
    ("a.vb", "' agentflow: ignore[off-by-one] checked above"),
    ("a.bat", "REM agentflow: ignore[off-by-one] checked above"),
    ("a.ml", "(* agentflow: ignore[off-by-one] checked above *)"),
    ("a.hs", "{- agentflow: ignore[off-by-one] checked above -}"),
    ("a.f90", "! agentflow: ignore[off-by-one] checked above"),
    ("a.fs", "(* agentflow: ignore[off-by-one] checked above *)"),
    ("a.ps1", "<# agentflow: ignore[off-by-one] checked above #>"),
    ("a.pl", "# agentflow: ignore[off-by-one] checked above"),
    ("Dockerfile", "# agentflow: ignore[off-by-one] checked above"),
    ("a.unheard-of", "# agentflow: ignore[off-by-one] checked above"),
]


@pytest.mark.parametrize(("path", "comment"), COMMENTS, ids=[f"{path}: {text[:9]}" for path, text in COMMENTS])
def test_a_comment_with_a_reason_is_honoured_as_its_language_writes_it(path, comment):
    assert said("a", comment, "b", "c", line=3, path=path) == "checked above"


@pytest.mark.parametrize("path", ["a.py", "a.js", "a.unheard-of"])
def test_a_comment_behind_code_speaks_of_its_own_line_only(path):
    comment = "# agentflow: ignore[*] because" if path != "a.js" else "// agentflow: ignore[*] because"
    assert said("a", f"b()  {comment}", "c", path=path) == "because"
    assert said(f"a()  {comment}", "b", "c", path=path) is None


@pytest.mark.parametrize(
    "comment",
    [
        "# agentflow: ignore[off-by-one]",
        "# agentflow: ignore[*]   ",
        "# agentflow: ignore[leak] of another rule",
        "# agentflow: ignore[] nothing",
        "# agentflow: ignore off-by-one",
        "# agentflow: ignore[off] a part of the rule's name",
        "# see `agentflow: ignore[*] reason` in the manual",
        "agentflow: ignore[off-by-one] in no comment",
    ],
)
def test_without_a_reason_a_rule_and_a_comment_nothing_is_ignored(comment):
    assert said("a", f"b  {comment}", "c") is None
    assert said(comment, "b", "c") is None


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("a.py", ("x = (", "    '# agentflow: ignore[*] in a string'", ")")),
        ("a.py", ('"""', "# agentflow: ignore[*] in a doc string", '"""')),
        ("a.js", ("x = `", "// agentflow: ignore[*] in a template", "`")),
        ("a.sh", ("cat <<'E'", "# agentflow: ignore[*] in a heredoc", "E")),
        ("a.go", ("x := `", "// agentflow: ignore[*] in a raw string", "`")),
        ("a.html", ("<p>", "// agentflow: ignore[*] as text", "</p>")),
        ("a.yaml", ("x: ", "  '# agentflow: ignore[*] in a scalar'", "y: 1")),
    ],
)
def test_what_stands_in_a_string_is_no_comment(path, lines):
    assert said(*lines, path=path) is None
    assert said(*lines, path=path, line=3, end_line=None) is None


def test_comments_of_several_lines_speak_from_the_line_that_says_it():
    java = ("/**", " * Reads.", " * agentflow: ignore[*] checked above", " */", "void read() {}")
    assert said(*java, path="a.java", line=5, end_line=None) == "checked above"
    assert said(*java, "x", path="a.java", line=6, end_line=None) is None


def test_a_comment_in_markup_of_javascript_speaks_of_the_line_below():
    markup = ("x = <a>", "  {/* agentflow: ignore[*] escaped above */}", "  {text}", "</a>")
    assert said(*markup, path="a.jsx", line=3, end_line=None) == "escaped above"


def test_decorators_may_stand_between_the_comment_and_the_definition():
    lines = ("# agentflow: ignore[*] on purpose", "@cached", "@app.get('/')", "def read():", "    return 1")
    assert said(*lines, line=4, end_line=None) == "on purpose"
    assert said(*lines, line=5, end_line=None) is None


def test_comments_on_other_lines_do_not_count():
    comment = "# agentflow: ignore[*] far away"
    assert said(comment, "a", "b", "c", line=3, end_line=None) is None
    assert said("a", "b", "c", comment) is None


def test_the_first_line_has_no_line_above():
    assert said("a", "b  # agentflow: ignore[*] because", line=1, end_line=None) is None
    assert said("a  # agentflow: ignore[*] because", line=1, end_line=None) == "because"


def test_one_for_the_file_speaks_of_all_of_it():
    lines = ("a", "# agentflow: ignore-file[off-by-one] generated by hand", "b", "c")
    assert said(*lines, line=1, end_line=None) == said(*lines, line=4, end_line=None) == "generated by hand"
    assert said(*lines, line=4, end_line=None, rule="leak") is None


@pytest.mark.parametrize("words", ["ignore[*]", "ignore[off-by-one]", "ignore-file[*]"])
def test_what_the_change_itself_adds_silences_nothing_and_is_a_finding(words):
    lines = ("a", f"# agentflow: {words} trust me", "b", "c")
    assert said(*lines, line=3, changed=((1, 1),)) == "trust me"
    assert said(*lines, line=3, changed=((1, 2),)) is None
    (found,) = added_suppressions(Source("a.py", lines, ((1, 2),)))
    assert (found.rule, found.line, found.severity) == ("suppression-added", 2, Severity.LOW)
    assert found.message.endswith("Its reason: trust me")
    assert added_suppressions(Source("a.py", lines)) == ()


def test_a_comment_without_a_reason_can_be_told_of():
    lines = ("a", "b()  # agentflow: ignore[x, Y]", "# agentflow: ignore[*] fine")
    assert ignores(Source("a.py", lines)) == (
        Ignore(2, 2, 2, ("x", "y"), ""),
        Ignore(3, 3, 4, ("*",), "fine"),
    )
