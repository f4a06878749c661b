"""CTest, CMake's test runner (its reports: since 3.21)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from agentflow.checks.junit import read_cases
from agentflow.checks.runners.files import text_of
from agentflow.checks.runners.lines import calls
from agentflow.checks.runners.runner import Ended, Report, Runner
from agentflow.checks.runners.shims import dropping, shimmed
from agentflow.checks.runners.tally import Tally
from agentflow.domain.evidence import Check, Obstacle

_SHIM = f"""
for af_word; do
    case "$af_word" in
        --output-junit*|-N|--show-only*|-S*|-D*|-M|--version|--help) af_other=1 ;;
    esac
done
if [ -z "$af_other" ] && "$AF_REAL" --help | grep -q -e --output-junit; then
    export AGENTFLOW_REPORTING=1
    {dropping("--stop-on-failure")}
    set -- "$@" --output-junit "$AF_FOLDER/$$.xml"
fi
"""
_HAS_TESTS = re.compile(r"^\s*(?:enable_testing\s*\(|include\s*\(\s*CTest)", re.MULTILINE | re.IGNORECASE)
_MISSING = re.compile(
    r"Could NOT find (\S+) \(missing|Could not find a package configuration file provided by \"(\S+)\""
)
_BUILD = "cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure"


def _detect(folder: Path) -> Iterator[Check]:
    if _HAS_TESTS.search(text_of(folder / "CMakeLists.txt")):
        yield Check(_BUILD, "CMakeLists.txt")


def _read(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    """CTest's tests have names, and no files."""
    tally, read_any = Tally(worktree), False
    for path in sorted(folder.glob("*.xml")):
        cases = read_cases(path)
        read_any = read_any or cases is not None
        for case in cases or ():
            is_missing = case.message.startswith("Unable to find executable")
            tally.saw(case.get("name"), "failed" if is_missing else case.outcome, case.message, case.output)
    return tally.report() if read_any else None


def _obstacle(ended: Ended) -> Obstacle | None:
    output = ended.output
    if found := re.search(r"(CMAKE_\w+_COMPILER)(?: could be found|:\n| not set, after EnableLanguage)", output):
        return Obstacle(f"there is no compiler: CMake finds no {found[1]}")
    if found := _MISSING.search(output):
        return Obstacle(f"CMake does not find {found[1] or found[2]}, which the build needs")
    if found := re.search(r"CMake (\S+) or higher is required\.\s+You are running version (\S+)", output):
        return Obstacle(f"the CMake version does not fit: {found[1]} is needed, {found[2]} is there")
    return None


RUNNER = Runner(
    name="ctest",
    detect=_detect,
    runs=calls("ctest"),
    reporting=lambda invocation, folder: shimmed(invocation, folder, "ctest", _SHIM),
    read=_read,
    ran_nothing=lambda ended: "No tests were found!!!" in ended.output,
    obstacle=_obstacle,
)
