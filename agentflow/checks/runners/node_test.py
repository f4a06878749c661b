"""node:test, the runner that comes with Node.js (`node --test`)."""

import re
from pathlib import Path

from agentflow.checks.runners import node
from agentflow.checks.runners.lines import with_files
from agentflow.checks.runners.package_scripts import expanded
from agentflow.checks.runners.runner import Invocation, Runner
from agentflow.checks.runners.shims import lay_reporter, shimmed

#: Options of Node come before the files. A line with a reporter of its own keeps it, and has no report here.
_SHIM = r"""
for af_word; do
    case "$af_word" in
        --test-reporter*|--watch*) af_other=1 ;;
        --test) af_ours=1 ;;
    esac
done
if [ -n "$af_ours" ] && [ -z "$af_other" ]; then
    export AGENTFLOW_REPORTING=1
    set -- --test-reporter=spec --test-reporter-destination=stdout \
        "--test-reporter=$AF_FOLDER/node_test.mjs" "--test-reporter-destination=$AF_FOLDER/$$.jsonl" "$@"
fi
"""
_CALL = re.compile(r"\bnode\b[^;&|\n]*\s--test(?=$|[\s;&|=])")


def _runs(line: str, worktree: Path) -> bool:
    return bool(_CALL.search(expanded(line, worktree)))


def _reporting(invocation: Invocation, folder: Path) -> Invocation:
    lay_reporter(folder, "node_test.mjs")
    return shimmed(invocation, folder, "node", _SHIM)


RUNNER = Runner(
    name="node-test",
    detect=lambda _: (),
    runs=_runs,
    reporting=_reporting,
    read=node.read_lines,
    ran_nothing=lambda ended: bool(re.search(r"^(?:# |\u2139 )tests 0$", ended.output, re.MULTILINE)),
    obstacle=node.obstacle,
    narrowed=with_files,
)
