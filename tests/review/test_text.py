import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.review.text import decode, lines_of, tokens


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        ("naïve\n".encode(), "naïve\n"),
        (codecs.BOM_UTF8 + b"x = 1\n", "x = 1\n"),
        ("größe".encode("utf-16"), "größe"),
        (codecs.BOM_UTF16_BE + "größe".encode("utf-16-be"), "größe"),
        ("größe".encode("utf-32"), "größe"),
        (b"# caf\xe9 \x80 \x93quoted\x94", "# café € “quoted”"),
        (b"caf\xe9 \x81", "café \x81"),
        ("\x1b[31m in UTF-8 é\x01".encode(), "\x1b[31m in UTF-8 é\x01"),
    ],
)
def test_text_is_read_in_whatever_encoding_it_has(content, text):
    assert decode(content) == text


@pytest.mark.parametrize(
    "content",
    [
        b"\x7fELF\x02\x01\x01\0",
        "no mark".encode("utf-16-le"),
        codecs.BOM_UTF16_LE + b"odd",
        codecs.BOM_UTF8 + b"a\0b",
        codecs.BOM_UTF8 + b"\xff",
        b"\x89PNG\r\n\x1a\n",
        b"\x1f\x8b\x08 compressed \xff",
    ],
)
def test_what_is_no_text_is_binary(content):
    assert decode(content) is None


@given(st.binary())
def test_any_bytes_are_text_or_binary(content):
    text = decode(content)
    assert text is None or "\0" not in text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ()),
        ("\n", ("",)),
        ("a", ("a",)),
        ("a\nb\n", ("a", "b")),
        ("a\r\nb\r\n\r\n", ("a", "b", "")),
        ("old\rmac\n", ("old\rmac",)),
        ("a\x0cb\u2028c\x85d\n", ("a\x0cb\u2028c\x85d",)),
    ],
)
def test_lines_are_those_that_git_counts(text, lines):
    assert lines_of(text) == lines


def test_tokens_are_a_quarter_of_the_bytes_rounded_up():
    assert [tokens(text) for text in ("", "a", "abcd", "abcde", "文文")] == [0, 1, 1, 2, 2]
