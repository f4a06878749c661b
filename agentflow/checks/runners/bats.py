"""Bats, tests of shell scripts (its reports: since 1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agentflow.checks.junit import read_cases
from agentflow.checks.runners.files import walk
from agentflow.checks.runners.lines import calls, with_files
from agentflow.checks.runners.runner import Ended, Report, Runner
from agentflow.checks.runners.shims import shimmed
from agentflow.checks.runners.tally import Tally
from agentflow.domain.evidence import Check

_SHIM = r"""
for af_word; do
    case "$af_word" in
        --report-formatter*|-o|--output*|-c|--count|-v|--version|-h|--help) af_other=1 ;;
    esac
done
if [ -z "$af_other" ] && "$AF_REAL" --help | grep -q -e --report-formatter; then
    export AGENTFLOW_REPORTING=1
    mkdir -p "$AF_FOLDER/$$"
    set -- --report-formatter junit --output "$AF_FOLDER/$$" "$@"
fi
"""


def _detect(folder: Path) -> Iterator[Check]:
    for name in ("test", "tests"):
        places = walk(folder / name)
        found = next((place / file for place, files in places for file in files if file.endswith(".bats")), None)
        if found:
            yield Check(f"bats -r {name}", str(found.relative_to(folder)))
            return


def _read(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    """The report names files by the end of their path only."""
    tally, read_any = Tally(worktree), False
    for path in sorted(folder.glob("*/*.xml")):
        cases = read_cases(path)
        read_any = read_any or cases is not None
        for case in cases or ():
            tally.saw(f"{tally.placed(case.get('classname'))}::{case.get('name')}", case.outcome, "", case.account)
    return tally.report() if read_any else None


RUNNER = Runner(
    name="bats",
    detect=_detect,
    runs=calls("bats"),
    reporting=lambda invocation, folder: shimmed(invocation, folder, "bats", _SHIM),
    read=_read,
    ran_nothing=lambda ended: ended.output.strip() == "1..0",
    narrowed=with_files,
)
