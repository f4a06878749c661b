from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from agentflow.domain.reviews import Skipped
from agentflow.report.reviews.markdown import LIMIT, review_markdown

COMMONMARK = MarkdownIt("commonmark")
OURS = ["<details><summary>Bill</summary>\n", "</details>\n"]
#: What GitHub's own passes over the rendered text look for: mentions, references, addresses.
NOTIFIES = re.compile(r"@\w|#\d|://|www\.")


def tokens(markdown: str):
    for token in COMMONMARK.parse(markdown):
        yield token
        yield from token.children or ()


def test_a_finding_is_told_with_its_place_code_and_suggestion(review, finding):
    told = review_markdown(review(finding(suggestion="for i in range(n):", message="Uses `range(n + 1)`.\n\nOne off.")))
    assert told.startswith(
        """## ✗ 1 finding at or above high

### high: The loop reads past the end

`src/a.py` line 12 · off-by-one, bug, confidence 0.92, confirmed, 3 sessions agree

```py
for i in range(n + 1):
\tprint(items[i])
```

Uses `range(n + 1)`.

One off.

Suggestion:

```py
for i in range(n):
```

**Coverage**

- 2 files reviewed in 1 pack
- run run-1, 1m05s, \\$0.0123 + 1 unpriced of \\$2.0000

<details><summary>Bill</summary>
"""
    )


def test_what_is_missing_is_told(review, finding):
    told = review_markdown(
        review(
            finding(suppression="generated"),
            finding(confidence=0.1),
            failed=(Skipped("a`b.py", "HTTP 529 *"),),
            notes=("large.py was read in 3 parts",),
        )
    )
    assert told.startswith("## nothing at or above high\n\n**partial: 1 file could not be reviewed**\n\n")
    assert "**Could not be reviewed**\n\n- ``a`b.py``: HTTP 529 \\*\n" in told
    assert "- 1 below confidence 0.8; --json lists them" in told
    assert "**Suppressed in the code**\n\n- `src/a.py` line 12, off-by-one: generated\n" in told
    assert "**Notes**\n\n- large.py was read in 3 parts\n" in told


def test_hostile_words_add_no_markup_no_mention_and_no_address(hostile_review):
    told = review_markdown(hostile_review)
    rendered = list(tokens(told))
    assert [token.content for token in rendered if token.type.startswith("html")] == OURS
    assert not {"image", "link_open"} & {token.type for token in rendered}
    assert not NOTIFIES.search("\n".join(token.content for token in rendered if token.type == "text"))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e\u2066\ud800-\udfff]", told)
    assert sum(token.type == "heading_open" for token in rendered) == 2


@pytest.mark.parametrize("length", [10, 3_000, 200_000])
def test_it_stays_below_the_limit_and_says_what_is_left_out(review, finding, length):
    words = dict.fromkeys(("rule", "title", "message", "suggestion", "code", "file"), "@" * length)
    told = review_markdown(
        review(
            *(finding(**words) for _ in range(300)),
            *(finding(**words, suppression="<" * length) for _ in range(300)),
            failed=tuple(Skipped("`" * length, "&" * length) for _ in range(300)),
            notes=("\x1b" * length,) * 300,
        )
    )
    assert len(told) < LIMIT
    assert len(told) > LIMIT * 0.4
    shown = told.count("### high")
    assert f"{300 - shown} findings left out for length" in told
    assert "… " in told


def test_everything_that_fits_is_there(review, finding):
    told = review_markdown(review(*(finding(line=n) for n in range(1, 41))))
    assert told.count("### high") == 40
    assert "left out" not in told
