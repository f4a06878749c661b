"""Files are changed in the encoding they have: no byte but the ones that were asked for differs."""

from __future__ import annotations

import pytest

from agentflow.models.encodings import read, replaced

SAMPLES = {
    "latin-1": "# café\nVALUE = 1\n",
    "windows-1252": "# “café”\nVALUE = 1\n",
    "gb18030": "# 中文注释\nVALUE = 1\n",
    "shift_jis": "# 日本語の表\nVALUE = 1\n",
    "euc-kr": "# 한국어\nVALUE = 1\n",
    "windows-1251": "# привет\nVALUE = 1\n",
    "utf-16-be": "\ufeff# é\nVALUE = 1\n",
    "utf-16-le": "\ufeff# é\nVALUE = 1\n",
    "utf-8": "\ufeff# é\nVALUE = 1\n",
}


@pytest.mark.parametrize("encoding", SAMPLES)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_ascii_edit_needs_no_encoding_named_and_leaves_the_rest_alone(encoding, end):
    text = SAMPLES[encoding].replace("\n", end)
    changed = replaced(text.encode(encoding), "VALUE = 1\n", "VALUE = 2\n# two\n")
    assert changed.decode(encoding) == text.replace(f"VALUE = 1{end}", f"VALUE = 2{end}# two{end}")


@pytest.mark.parametrize(
    ("encoding", "old", "new"), [("gb18030", "中文", "汉字"), ("shift_jis", "日本", "英"), ("latin-1", "é", "è")]
)
def test_other_words_are_changed_in_the_encoding_that_is_named(encoding, old, new):
    text = SAMPLES[encoding]
    assert replaced(text.encode(encoding), old, new, encoding).decode(encoding) == text.replace(old, new)


@pytest.mark.parametrize(
    "head",
    [
        "# -*- coding: {} -*-\n",
        '<meta charset="{}">\n',
        "# vim: set fileencoding={} :\n",
        '@charset "x"; /* charset={} */\n',
    ],
)
def test_what_a_file_says_of_itself_is_believed_where_it_can_be(head):
    text = head.format("shift_jis") + SAMPLES["shift_jis"]
    assert read(text.encode("shift_jis")) == (text, "shift_jis")


@pytest.mark.parametrize(
    ("data", "old", "new", "encoding", "told"),
    [
        (SAMPLES["gb18030"].encode("gb18030"), "中", "x", "", "'# 中文注释' as gb18030"),
        (SAMPLES["gb18030"].encode("gb18030"), "中", "x", "ascii", "the file is not ascii"),
        (SAMPLES["gb18030"].encode("gb18030"), "中", "x", "klingon", "the file is not klingon"),
        (b"a a", "a", "b", "", "2 times"),
        (b"a", "b", "c", "", "0 times"),
        (b"a", "", "c", "", "empty"),
        ("é".encode("latin-1"), "é", "中", "latin-1", "has no character '中'"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(data, old, new, encoding, told):
    with pytest.raises(ValueError, match=told):
        replaced(data, old, new, encoding)
