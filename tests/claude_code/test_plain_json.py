from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.claude_code.plain_json import parsed, parsed_dict

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_it_reads_what_json_writes(value, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert parsed(text.encode("utf-8", "surrogatepass") if ascii_only else text.encode("utf-8", "replace")) == (
        json.loads(text) if ascii_only else json.loads(text.encode("utf-8", "replace"))
    )


@pytest.mark.parametrize("text", [b"", b"  ", b"{", b"{}{}", b"[1,]", b"nul", b'{"a" 1}', b"\xff", b"'a'"])
def test_what_is_no_document_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  the message is nobody's contract
        parsed(text)


def test_it_does_so_in_a_process_that_has_no_json_yet():
    code = """
import sys
from agentflow.claude_code.plain_json import parsed
assert parsed(b'{"a": [1]}') == {"a": [1]}
assert "json" not in sys.modules
for text in (b"{", b"{}{}", b"[1,]", b'{"a" 1}', b'"', b"nul"):
    sys.modules.pop("json", None), sys.modules.pop("json.decoder", None)
    try:
        parsed(text)
    except ValueError:
        continue
    sys.exit(f"took {text!r}")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("text", [b"[]", b"null", b'"a"', b"3"])
def test_only_an_object_is_an_event(text):
    with pytest.raises(ValueError, match="no JSON object"):
        parsed_dict(text)


def test_space_around_an_object_is_no_matter():
    assert parsed_dict(b' \n{"a": [1, 2.5, NaN]}\r\n ')["a"][:2] == [1, 2.5]
