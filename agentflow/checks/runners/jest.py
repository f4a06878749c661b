"""jest, also behind `react-scripts test`."""

from pathlib import Path

from agentflow.checks.runners import node
from agentflow.checks.runners.lines import with_files
from agentflow.checks.runners.runner import Ended, Invocation, Runner
from agentflow.checks.runners.shims import aside, dropping, lay_reporter, shimmed

_SHIM = rf"""
for af_word; do
    case "$af_word" in
        --json|--outputFile*|--listTests|--showConfig|--init|--version) af_other=1 ;;
        */.bin/jest|*/jest/bin/jest|*/jest/bin/jest.js|*/jest-cli/bin/jest.js) af_ours=1 ;;
        */.bin/react-scripts|*/react-scripts/bin/react-scripts.js) af_scripts=1 ;;
        test) [ -z "$af_scripts" ] || af_ours=1 ;;
    esac
done
if [ -n "$af_ours" ] && [ -z "$af_other" ]; then
    export AGENTFLOW_REPORTING=1
    {dropping("--bail|--bail=*|-b")}
    if [ -n "$af_dropped" ] || grep -qs bail package.json jest.config.*; then set -- "$@" --bail=0; fi
    {aside("--json", "--outputFile=$AF_FOLDER/$$.json")}
fi
"""


def _reporting(invocation: Invocation, folder: Path) -> Invocation:
    lay_reporter(folder, "aside.cjs")
    return shimmed(invocation, folder, "node", _SHIM)


def _ran_nothing(ended: Ended) -> bool:
    return "No tests found, exiting with code" in ended.output


RUNNER = Runner(
    name="jest",
    detect=node.offered("jest", "npx --no-install jest"),
    runs=node.runs("jest", "react-scripts"),
    reporting=_reporting,
    read=node.read_jest,
    ran_nothing=_ran_nothing,
    obstacle=node.obstacle,
    narrowed=with_files,
)
