from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agentflow.report.reviews.neutral import block, code_span, fenced, inline

COMMONMARK = MarkdownIt("commonmark")
#: What GitHub's own passes over the rendered text look for: mentions, references, addresses.
NOTIFIES = re.compile(r"@\w|#\d|gh-\d|://|www\.", re.IGNORECASE)
#: Pieces from which an attack on the escaping would be built.
PIECES = ["`", "``", "\n", "\n\n", " ", "\\", "@a", "#1", "GH-1", "://", "www.", "http", "<b>", "</details>", "<!--", "![", "](x)", "[x]: y", "- ", "1. ", "---", "===", "# ", "> ", "~~~", "```", "*", "_", "|", "&lt;", "a", "    ", "\t", "\x1b[31m", "\u202e", "\u2028", "\x0c", "\ud83d"]  # fmt: skip
hostile_texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def tokens(markdown: str):
    for token in COMMONMARK.parse(markdown):
        yield token
        yield from token.children or ()


def words(markdown: str) -> str:
    """The rendered text outside code, as a reader sees it."""
    return "".join(token.content if token.type == "text" else "\n" for token in tokens(markdown))


@given(hostile_texts)
def test_prose_renders_as_words_and_code_and_nothing_else(text):
    allowed = {"paragraph_open", "paragraph_close", "inline", "text", "code_inline", "hardbreak", "text_special"}
    for markdown in (inline(text), block(text)):
        assert {token.type for token in tokens(markdown)} <= allowed
        assert not NOTIFIES.search(words(markdown)), markdown
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e\u2028\ud800-\udfff]", markdown)


@given(hostile_texts)
def test_a_line_of_prose_stays_one_line_also_in_a_list_or_a_heading(text):
    assert "\n" not in inline(text)
    kinds = [token.type for token in tokens(f"## x {inline(text)}\n\nafter")]
    blocks = ["heading_open", "heading_close", "paragraph_open", "paragraph_close"]
    assert [kind for kind in kinds if kind.endswith(("_open", "_close"))] == blocks


@given(hostile_texts)
def test_nothing_within_a_fence_closes_it(code):
    parsed = COMMONMARK.parse(fenced(code, "python"))
    assert [token.type for token in parsed] == ["fence"]
    assert parsed[0].info == "python"


@given(hostile_texts.filter(bool))
def test_nothing_within_a_code_span_ends_it(code):
    (paragraph,) = [token for token in COMMONMARK.parse(f"x {code_span(code)} y") if token.type == "inline"]
    assert [child.type for child in paragraph.children] == ["text", "code_inline", "text"]


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("off by one", "off by one"),
        ("use `range(n)` here", "use `range(n)` here"),
        ("a_b *c*", r"a\_b \*c\*"),
        ("@everyone", "@&#8203;everyone"),
        ("fixes #12", r"fixes \#&#8203;12"),
        ("![x](http://evil)", r"!\[x\](http:&#8203;//evil)"),
        ("</details>", "&lt;/details&gt;"),
        ("- item", r"\- item"),
        ("2. item", r"2\. item"),
        ("2.5 is x", "2.5 is x"),
        ("\x1b[31m", r"\\x1b\[31m"),
        ("a\nb", "a b"),
        ("::error::x", r"\::error::x"),
    ],
)
def test_words_keep_their_meaning(text, markdown):
    assert inline(text) == markdown


def test_code_keeps_its_lines_and_tabs_and_shows_what_is_unseen():
    assert fenced("if x:\n\treturn\r\n# \u202e\x0c", "py\n") == "```\nif x:\n\treturn\n# \\u202e\\x0c\n```"


def test_a_name_with_backticks_and_a_line_break_is_one_code_span():
    assert code_span("a`b\n.py") == "``a`b\\x0a.py``"
    assert code_span("`") == "`` ` ``"
    assert code_span("") == ""


def test_paragraphs_and_lines_are_kept():
    assert block("one\ntwo\n \nthree\r\n") == "one\\\ntwo\n\nthree"
