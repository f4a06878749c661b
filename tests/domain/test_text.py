import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.domain.text import printable, shown


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("src/main.py", "src/main.py"),
        ("naïve 文件.py", "naïve 文件.py"),
        ("a\nb", "a\\x0ab"),
        ("a\tb", "a\\x09b"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("[/red]", "[/red]"),
        ("gpj\u202eexe.py", "gpj\\u202eexe.py"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("a\u2028b\x85c", "a\\u2028b\\x85c"),
        ("tag\U000e0041", "tag\\U000e0041"),
    ],
)
def test_what_is_unseen_or_steers_a_screen_is_written_out(name, written):
    assert shown(name) == written


@given(st.text(st.characters(exclude_categories=[])))
def test_a_shown_name_is_one_line_that_any_stream_can_hold(name):
    text = shown(name)
    assert len(text.splitlines()) <= 1
    assert text.encode().decode() == text
    assert not {unicodedata.bidirectional(char) for char in text} & {"LRO", "RLO", "LRE", "RLE", "PDF", "LRI", "RLI"}


@given(st.text())
def test_showing_a_name_twice_changes_nothing_more(name):
    assert shown(shown(name)) == shown(name)


def test_a_name_that_is_not_utf_8_becomes_storable():
    assert printable(b"caf\xe9.py".decode("utf-8", "surrogateescape")) == "caf\\xe9.py"
