"""JUnit XML, read as untrusted data: tests wrote it, or could have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from agentflow.checks.interpreter import read_plain

MAX_BYTES = 64 * 1024 * 1024
#: Characters kept of what one test case says.
MAX_TEXT = 20_000


@dataclass(slots=True)
class Case:
    """One `testcase` of a report. `outcome` is passed, skipped or failed; `account` is the failure's text.

    `suite` holds the attributes of the innermost suite around it, `attributes` its own, `output` what it printed.
    """

    attributes: dict[str, str]
    suite: dict[str, str]
    outcome: str = "passed"
    message: str = ""
    account: str = ""
    output: str = ""

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")


def read_cases(path: Path) -> list[Case] | None:
    """The test cases of one report; None where it cannot be read to its end. See `parse_xml` for what is refused."""
    reader = _Cases()
    return reader.cases if parse_xml(path, reader.start, reader.end, reader.text) else None


def parse_xml(
    path: Path,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None] | None = None,
) -> bool:
    """Whether the file could be read to its end; the handlers are called on the way.

    Only a regular file of at most 64 MiB is read, never through a link. A DOCTYPE is refused: no test runner writes
    one, and entities are how XML explodes.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(read_untrusted(path), True)
    except (OSError, ValueError, expat.ExpatError):
        return False
    return True


def read_untrusted(path: Path) -> bytes:
    """A report's bytes. Raises OSError or ValueError unless it is a regular file of at most 64 MiB, and no link."""
    return read_plain(path, MAX_BYTES)


def _refuse(*_: object) -> None:
    raise ValueError("a JUnit report has no DOCTYPE")


@dataclass
class _Cases:
    cases: list[Case] = field(default_factory=list)
    _suites: list[dict[str, str]] = field(default_factory=list)
    _case: Case | None = None
    _inside: str = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "testsuite":
            self._suites.append(attributes)
        elif tag == "testcase":
            self._case = Case(attributes, self._suites[-1] if self._suites else {})
            self.cases.append(self._case)
        elif self._case and tag == "system-out":
            self._inside = tag
        elif self._case and tag in {"failure", "error", "skipped"}:
            self._inside = tag
            if self._case.outcome != "failed":
                self._case.outcome = "skipped" if tag == "skipped" else "failed"
                self._case.message = attributes.get("message", "") or attributes.get("type", "")

    def text(self, text: str) -> None:
        if self._case is None or not self._inside:
            return
        if self._inside == "system-out":
            self._case.output = (self._case.output + text)[-MAX_TEXT:]
        elif len(self._case.account) < MAX_TEXT:
            self._case.account += text

    def end(self, tag: str) -> None:
        if tag == "testsuite" and self._suites:
            self._suites.pop()
        elif tag == "testcase":
            self._case = None
        elif tag == self._inside:
            self._inside = ""
