from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.config.yaml import MAX_BYTES, MAX_NODES, dump_yaml, load_yaml, read_yaml
from agentflow.errors import UsageError

NINE_LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_yaml(text, "f.yaml")
    return caught.value.message


def test_a_mapping_loads_with_the_line_of_every_value():
    document = load_yaml("a: 1\nb:\n  - x\n  - c: y\n", "f.yaml")
    assert document == {"a": 1, "b": ["x", {"c": "y"}]}
    assert [document.line(place) for place in [("a",), ("b", 0), ("b", 1, "c"), ("b", 1, "missing")]] == [1, 3, 4, 4]


@pytest.mark.parametrize("word", ["no", "on", "yes", "off", "012", "12:30", "0x1f", "1_000", ".inf", "2026-11-22", "="])
def test_words_that_yaml_1_1_turns_into_something_else_stay_text(word: str):
    assert load_yaml(f"key: {word}", "f.yaml") == {"key": word}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_plain_numbers_booleans_and_null_are_values(written: str, value: object):
    loaded = load_yaml(f"key: {written}", "f.yaml")["key"]
    assert (loaded, type(loaded)) == (value, type(value))


@pytest.mark.parametrize("quoted", ["'7'", '"true"', "'null'", '"1.5"'])
def test_quoted_scalars_are_always_text(quoted: str):
    assert load_yaml(f"key: {quoted}", "f.yaml") == {"key": quoted[1:-1]}


def test_a_number_too_large_to_be_meant_stays_text():
    assert load_yaml(f"a: {'9' * 5000}\nb: 1e999", "f.yaml") == {"a": "9" * 5000, "b": "1e999"}


def test_keys_are_text_as_written():
    assert load_yaml("on: 1\n1: 2\ntrue: 3", "f.yaml") == {"on": 1, "1": 2, "true": 3}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_document_is_an_empty_mapping(text: str):
    assert load_yaml(text, "f.yaml") == {}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: 1\nmodel: opus\nmodel: haiku\n", "f.yaml:3: duplicate key 'model', first on line 2"),
        ("a: 1\nb: {c: 1, c: 2}", "f.yaml:2: duplicate key 'c'"),
        (NINE_LAUGHS, "f.yaml:1: anchors and aliases"),
        ("a: &a [*a]", "f.yaml:1: anchors and aliases"),
        ("b: 1\na: *x", "f.yaml:2: anchors and aliases"),
        ("a: &x 1", "f.yaml:1: anchors and aliases"),
        ("&x a: 1", "f.yaml:1: anchors and aliases"),
        ("<<: {a: 1}", "f.yaml:1: merge keys"),
        ("a: !!python/object:os.system x", "f.yaml:1: tags"),
        ("a: !!str 1", "f.yaml:1: tags"),
        ("!x {a: 1}", "f.yaml:1: tags"),
        ("a: 1\n---\nb: 2", "f.yaml:2: a second document"),
        ("- a\n- b", "f.yaml:1: the file must be a mapping"),
        ("text", "f.yaml:1: the file must be a mapping"),
        ("null", "f.yaml:1: the file must be a mapping"),
        ("? [a]\n: b", "f.yaml:1: a key must be plain text"),
        ("a: " + "[" * 3000 + "]" * 3000, "f.yaml:1: nested deeper than 32"),
        ("{a: " * 3000 + "}" * 3000, "f.yaml:1: nested deeper than 32"),
        ("a: [" + "1," * MAX_NODES + "]", f"f.yaml:1: more than {MAX_NODES} values"),
        ("a: " + "x" * MAX_BYTES, "f.yaml: larger than 256 KiB"),
        ("a: 1\nb: x\0y", "f.yaml:2: control character '\\x00'"),
        ("a: x\x1b[31m", "f.yaml:1: control character '\\x1b'"),
        ('a: 1\nb: "\\0"', "f.yaml:2: control character '\\x00'"),
        ('"\\e": 1', "f.yaml:1: control character '\\x1b'"),
        ("a: \ud800", "f.yaml:1: control character '\\ud800'"),
        ('a: "\\ud800"', "f.yaml:1: not YAML"),
        ("a: 1\nb: [", "not YAML"),
        ("a: 1\n\tb: 2", "f.yaml:2: not YAML"),
        ("a: b: c", "f.yaml:1: not YAML"),
    ],
)
def test_what_the_loader_refuses_is_refused_with_its_line(text: str, error: str):
    assert error in refusal(text)


def test_text_quoted_to_look_like_a_merge_key_or_alias_is_text():
    assert load_yaml("'<<': '*x'\nb: '!y'", "f.yaml") == {"<<": "*x", "b": "!y"}


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(UsageError, match=re.escape(f"{path}:2: not UTF-8")):
        read_yaml(path)


def test_a_byte_order_mark_is_ignored(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(path) == {"a": 1}


def test_a_huge_file_is_not_read_whole(tmp_path):
    path = tmp_path / "f.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match="larger than 256 KiB"):
        read_yaml(path)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_what_is_no_file_is_a_clear_error(tmp_path, name: str):
    with pytest.raises(UsageError, match="no such file"):
        read_yaml(tmp_path / name)


@settings(deadline=None)
@given(st.text() | st.text(alphabet="ab:-[]{}&*!|>'\"\\#?,%@\n\t 0<~.x", max_size=60))
def test_only_usage_errors_escape_the_loader(text: str):
    with contextlib.suppress(UsageError):
        assert isinstance(load_yaml(text, "f.yaml"), dict)


printable = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t"))
texts = printable | st.sampled_from(["no", "1e3", "012", "null", "~", "<<", "=", "- a", "*x", " \n a", "a\n\n", "\n"])
plain = (
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
trees = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)


@settings(deadline=None)
@given(st.dictionaries(texts, trees, max_size=4))
def test_dumped_data_loads_back_unchanged(data):
    assert load_yaml(dump_yaml(data), "f.yaml") == data
