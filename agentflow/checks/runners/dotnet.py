"""dotnet test: the TRX report of its test platform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from agentflow.checks.junit import parse_xml
from agentflow.checks.runners.files import json_of, table
from agentflow.checks.runners.runner import Ended, Invocation, Report, Runner
from agentflow.checks.runners.shims import shimmed
from agentflow.checks.runners.tally import Tally
from agentflow.domain.evidence import Check, Obstacle

_SHIM = r"""
for af_word; do
    case "$af_word" in
        -t|--list-tests|--results-directory*|--help|-h|--) af_other=1 ;;
    esac
done
if [ "$1" = test ] && [ -z "$af_other" ]; then
    export AGENTFLOW_REPORTING=1
    set -- "$@" --logger trx --results-directory "$AF_FOLDER/$$"
fi
"""
_OUTCOMES = {"Passed": "passed", "NotExecuted": "skipped", "Inconclusive": "skipped", "Pending": "skipped"}


def _detect(folder: Path) -> Iterator[Check]:
    solutions = sorted([*folder.glob("*.sln"), *folder.glob("*.slnx")])
    if solutions:
        yield Check("dotnet test" if len(solutions) == 1 else f"dotnet test {solutions[0].name}", solutions[0].name)


def _reporting(invocation: Invocation, folder: Path) -> Invocation:
    """The newer platform (global.json says so) refuses the options of the older one."""
    wanted = table(json_of(invocation.worktree / "global.json"), "test").get("runner")
    return invocation if wanted else shimmed(invocation, folder, "dotnet", _SHIM)


def _read(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    tally, read_any = Tally(worktree), False
    for path in sorted(folder.glob("*/*.trx")):
        reader = _Trx()
        if parse_xml(path, reader.start, reader.end, reader.text):
            read_any = True
            for result in reader.results:
                test = reader.classes.get(result.get("testId", ""), "")
                name = result.get("testName", "").removeprefix(f"{test}.")
                outcome = _OUTCOMES.get(result.get("outcome", ""), "failed")
                tally.saw(f"{test}::{name}" if test else name, outcome, result["message"], result["account"])
    return tally.report() if read_any else None


class _Trx:
    """UnitTestResult elements, with message and stack trace, and the class of each test."""

    def __init__(self) -> None:
        self.results: list[dict[str, str]] = []
        self.classes: dict[str, str] = {}
        self._test = ""
        self._inside = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "UnitTestResult":
            self.results.append({**attributes, "message": "", "account": ""})
        elif tag == "UnitTest":
            self._test = attributes.get("id", "")
        elif tag == "TestMethod":
            self.classes[self._test] = attributes.get("className", "").partition(",")[0]
        self._inside = {"Message": "message", "StackTrace": "account"}.get(tag, "")

    def text(self, text: str) -> None:
        if self._inside and self.results:
            self.results[-1][self._inside] += text

    def end(self, _tag: str) -> None:
        self._inside = ""


def _obstacle(ended: Ended) -> Obstacle | None:
    output = ended.output
    if re.search(r"A compatible (?:installed )?\.NET SDK (?:for global\.json version .*)?was not found", output):
        return Obstacle("the .NET SDK that global.json names is not installed")
    if re.search(r"You must install or update \.NET to run this application", output):
        return Obstacle("the .NET runtime that the tests need is not installed")
    if re.search(r"error NU\d+|Unable to load the service index for source", output):
        return Obstacle("NuGet cannot get the packages", "dotnet restore")
    return None


RUNNER = Runner(
    name="dotnet",
    detect=_detect,
    runs=lambda line, _: bool(re.search(r"\bdotnet\s+test\b", line)),
    reporting=_reporting,
    read=_read,
    ran_nothing=lambda ended: "No test is available in" in ended.output,
    obstacle=_obstacle,
)
