from __future__ import annotations

import pytest

from agentflow.review.line_hashes import line_hashes
from agentflow.review.source import Source
from agentflow.review.text import lines_of

GREETINGS = " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n"
HASHES = (
    *("e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1", "e20e36e16fcb0cc8:1", "b3edc88f2938467e:1"),
    *("c8e28b0b4002a3a0:1", "c129715d7a2bc9a3:1"),
)


@pytest.mark.parametrize(
    ("text", "hashes"),
    [
        ("", ("c129715d7a2bc9a3:1",)),
        (" a\nb\n  \t\tc\n d", ("271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1")),
        (GREETINGS, HASHES),
        (GREETINGS.replace("\n", "\r\n"), HASHES),
        (
            "Lorem ipsum dolor sit amet.\n" * 10,
            (
                *(f"a7f2ff13bc495cf2:{n}" for n in range(1, 7)),
                *("a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1", "55ec222b86bcae53:1", "cc97dc7b1d7d8f7b:1"),
                "c129715d7a2bc9a3:1",
            ),
        ),
    ],
)
def test_lines_are_hashed_as_the_upload_action_of_code_scanning_does(text, hashes):
    """The figures are those of github/codeql-action, src/fingerprints.test.ts."""
    assert line_hashes(Source("a", lines_of(text), unended=not text.endswith("\n"))) == hashes
