"""mocha."""

from pathlib import Path

from agentflow.checks.runners import node
from agentflow.checks.runners.lines import with_files
from agentflow.checks.runners.runner import Ended, Invocation, Runner
from agentflow.checks.runners.shims import aside, dropping, lay_reporter, shimmed

#: mocha takes one reporter: ours is its own for people, which writes a file besides.
_SHIM = rf"""
for af_word; do
    case "$af_word" in
        init|--version|--help) af_other=1 ;;
        */.bin/mocha|*/.bin/_mocha|*/mocha/bin/mocha|*/mocha/bin/mocha.js|*/mocha/bin/_mocha) af_ours=1 ;;
    esac
done
if [ -n "$af_ours" ] && [ -z "$af_other" ]; then
    export AGENTFLOW_REPORTING=1
    {dropping("--bail|-b")}
    if [ -n "$af_dropped" ] || grep -qs bail package.json .mocharc*; then set -- "$@" --no-bail; fi
    {aside("--reporter", "$AF_FOLDER/mocha.cjs")}
fi
"""


def _reporting(invocation: Invocation, folder: Path) -> Invocation:
    for script in ("mocha.cjs", "aside.cjs"):
        lay_reporter(folder, script)
    return shimmed(invocation, folder, "node", _SHIM)


def _ran_nothing(ended: Ended) -> bool:
    return "Error: No test files found" in ended.output


RUNNER = Runner(
    name="mocha",
    detect=node.offered("mocha", "npx --no-install mocha"),
    runs=node.runs("_?mocha"),
    reporting=_reporting,
    read=node.read_lines,
    ran_nothing=_ran_nothing,
    obstacle=node.obstacle,
    narrowed=with_files,
)
