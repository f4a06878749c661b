"""Hostile input by rule: near-valid documents with odd values in them, and texts with a few characters changed.

`make test` tries MOST_TESTED examples of each, `make test-long` 500, the same ones each time; `make fuzz EXAMPLES=…`
tries as many new ones as it is told, and there each example is measured.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentflow.errors import AgentflowError

MOST_TESTED, MOST_LONG = 40, 500
#: What one example may take, in CPU seconds and in memory: the campaign asserts it, no test does.
MAX_S, MAX_BYTES = 2.0, 200_000_000

SPECIMENS = (
    "",
    " ",
    "\n",
    "\0",
    "\ud800",
    "\u202e",
    "\U000e0041",
    "\x1b[31m",
    "a" * 3000,
    "../..",
    "/etc/passwd",
    "-rf",
    "~",
    "[a](b)",
    "{a,b}",
    "**/*",
    "$(id)",
    "`id`",
    "</untrusted>",
    "::error::x",
    "null",
    "1e999",
    "9" * 5000,
)
NUMBERS = (0, -1, 1, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, 1e-320, float("nan"), float("inf"), -float("inf"))
#: What grammars are made of: YAML, JSON, Markdown, shell, globs, escapes.
MARKS = [
    *"{}[]()<>|&;:,'\"`\\#*?!-=%@~$^/ \t\n\r\0",
    "\x1b",
    "\u2028",
    "\ufeff",
    "---\n",
    "```",
    "<<: ",
    "!!python",
    "\ud800",
]


TEXT = st.text(max_size=40) | st.sampled_from(SPECIMENS)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(NUMBERS) | TEXT

PLAIN = {
    "integer": st.integers(1, 60) | st.sampled_from(NUMBERS),
    "number": st.floats(0, 1) | st.sampled_from(NUMBERS),
    "boolean": st.booleans(),
    "string": TEXT,
    "null": st.none(),
}


class Fuzz:
    """Strategies, and the promise that what they give is held to."""

    text = TEXT
    scalar = SCALAR
    tree = st.recursive(
        SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
    )

    def __init__(self, examples: int, report: Callable[[str], None] | None) -> None:
        self._examples = examples
        self._report = report

    def near(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        """Data that a JSON schema accepts, with now and then a value or key that it does not."""
        right = self._right(schema)
        return st.integers(0, 9).flatmap(lambda n: self.tree if n == 0 else right)

    def _right(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        if "const" in schema or "enum" in schema:
            return st.sampled_from(schema.get("enum") or [schema["const"]])
        if choices := schema.get("anyOf"):
            return st.one_of(*map(self.near, choices))
        if schema.get("type") == "object":
            return self._object(schema)
        if schema.get("type") == "array":
            return st.lists(self.near(schema.get("items", {})), max_size=4)
        return PLAIN.get(str(schema.get("type")), self.tree)

    def _object(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        fields = {name: self.near(inner) for name, inner in schema.get("properties", {}).items()}
        optional = {name: fields.pop(name) for name in list(fields) if name not in schema.get("required", ())}
        extra = st.just({}) | st.dictionaries(TEXT, self.tree, max_size=1)
        known = st.fixed_dictionaries(fields, optional=optional)
        return st.builds(lambda one, more: {**more, **one}, known, extra)

    def changed(self, *texts: str) -> st.SearchStrategy[str]:
        """One of these texts with up to six pieces taken out, doubled, or replaced by marks."""
        piece = st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from([*MARKS, *SPECIMENS]) | st.none())
        return st.builds(_changed, st.sampled_from(texts), st.lists(piece, max_size=6))

    def hold(self, given_: st.SearchStrategy[Any], read: Callable[[Any], object]) -> None:
        """Only our own errors escape `read`, whatever it is given."""
        slowest, peak = 0.0, 0
        is_campaign = self._report is not None

        @settings(
            max_examples=self._examples,
            suppress_health_check=list(HealthCheck),
            deadline=None,
            derandomize=not is_campaign,
        )
        @given(given_)
        def holds(example: Any) -> None:
            nonlocal slowest, peak
            stood_at = _memory_begins() if is_campaign else 0
            gc.disable()  # a collection of all that thousands of examples left behind is not this one's
            started = time.process_time()
            with contextlib.suppress(AgentflowError):
                read(example)
            slowest = max(slowest, time.process_time() - started)
            gc.enable()
            if is_campaign:
                peak = max(peak, _memory("VmHWM") - stood_at)

        holds()
        if self._report:
            self._report(f"{self._examples} examples, slowest {slowest:.2f} s, peak {peak / 1e6:.0f} MB")
            assert slowest < MAX_S
            assert peak < MAX_BYTES


def _memory_begins() -> int:
    """Bytes in use now; the high-water mark begins anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return _memory("VmRSS")


def _memory(mark: str) -> int:
    """Bytes of this process, as Linux counts them; the campaign runs there."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{mark}:")), 0)


def _changed(text: str, pieces: list[tuple[float, int, str | None]]) -> str:
    for place, length, instead in pieces:
        at = int(place * len(text))
        middle = text[at : at + length] * 2 if instead is None else instead
        text = text[:at] + middle + text[at + length :]
    return text


@pytest.fixture(params=[MOST_TESTED, pytest.param(MOST_LONG, marks=pytest.mark.long)], ids="{} examples".format)
def fuzz(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Any:
    wanted = os.environ.get("EXAMPLES")
    if not wanted:
        yield Fuzz(request.param, None)
        return

    def report(line: str) -> None:
        with capsys.disabled():
            sys.stderr.write(f"{request.node.originalname}: {line}\n")

    yield Fuzz(int(wanted), report)
