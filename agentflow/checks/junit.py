"""JUnit XML, read as untrusted data: tests wrote it, or could have."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from agentflow.domain.evidence import TestOutcomes

MAX_BYTES = 64 * 1024 * 1024
#: Characters kept of what one test case says.
MAX_TEXT = 20_000
REPORT_NAME = "junit.xml"


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
    """A report's bytes. Raises OSError or ValueError unless it is a regular file of bounded size, and no link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(MAX_BYTES + 1) or b""
    if len(data) > MAX_BYTES:
        raise ValueError(f"{path} is larger than {MAX_BYTES} bytes")
    return data


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


def with_report(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment in which any command that runs pytest leaves its report in `folder`.

    The cache moves there too (`-p no:cacheprovider` would break commands that use `--lf` or `--ff`), so one run of a
    check cannot change what the next one runs. A command that names its own --junitxml keeps it and has no report
    here; of several pytest runs in one command the last one's report is kept.
    """
    options = ["--junitxml", str(folder / REPORT_NAME), "-o", "junit_family=xunit1", "-o", f"cache_dir={folder}/cache"]
    addopts = f"{env.get('PYTEST_ADDOPTS', '')} {shlex.join(options)}".strip()
    return {**env, "PYTEST_ADDOPTS": addopts}


def read_report(folder: Path, root: Path) -> TestOutcomes | None:
    """What pytest's tests under `root` did; None without a report that can be read to its end.

    A test with any failure or error, in set-up and teardown too, has failed; so has a file that could not be
    collected, by its path. A strict xpass is a failure in pytest's own report.
    """
    report = _Report(root)
    return report.outcomes() if parse_xml(folder / REPORT_NAME, report.start, report.end) else None


class _Report:
    """Collects the outcome of each test case; a test that appears twice keeps its worst."""

    _WORST_LAST = ("passed", "xfailed", "skipped", "failed")

    def __init__(self, root: Path) -> None:
        self._root = root
        self._outcomes: dict[str, str] = {}
        self._modules: dict[str, tuple[str, ...]] = {}
        self._case = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "testcase":
            self._case = self._node_id(attributes)
            self._saw("passed")
        elif tag in {"failure", "error"} and self._case:
            self._saw("failed")
        elif tag == "skipped" and self._case:
            self._saw("xfailed" if attributes.get("type") == "pytest.xfail" else "skipped")

    def end(self, tag: str) -> None:
        if tag == "testcase":
            self._case = ""

    def outcomes(self) -> TestOutcomes:
        ids = {word: tuple(i for i, seen in self._outcomes.items() if seen == word) for word in self._WORST_LAST}
        return TestOutcomes(**ids)

    def _saw(self, outcome: str) -> None:
        known = self._outcomes.get(self._case, outcome)
        self._outcomes[self._case] = max(known, outcome, key=self._WORST_LAST.index)

    def _node_id(self, attributes: Mapping[str, str]) -> str:
        """xunit1 writes `tests/test_a.py::TestX::test_y` as classname `tests.test_a.TestX` and name `test_y`.

        A file that could not be collected is a case without a classname, its dotted path as the name.
        """
        classname, name = attributes.get("classname", ""), attributes.get("name", "")
        if classname not in self._modules:
            self._modules[classname] = self._split(classname, attributes.get("file", ""))
        parts = (*self._modules[classname], name) if classname else self._split(name, attributes.get("file", ""))
        return "::".join(parts)

    def _split(self, dotted: str, file: str) -> tuple[str, ...]:
        """The path of the module, then the classes in it.

        The `file` attribute is where the test is *defined*, for an inherited test another module's path; it only
        helps when no module of the dotted name exists.
        """
        parts = dotted.split(".")
        for length in range(len(parts), 0, -1):
            path = "/".join(parts[:length]) + ".py"
            if os.path.isfile(self._root / path):  # noqa: PTH113  Path.is_file raises on overlong names
                return (path, *parts[length:])
        module = file.removesuffix(".py").replace("/", ".")
        if module and (dotted == module or dotted.startswith(f"{module}.")):
            return (file, *filter(None, dotted[len(module) + 1 :].split(".")))
        return (dotted,)
