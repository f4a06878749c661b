"""vitest."""

from agentflow.checks.runners import node
from agentflow.checks.runners.lines import with_files
from agentflow.checks.runners.runner import Ended, Runner
from agentflow.checks.runners.shims import dropping, shimmed

#: A reporter on the command line takes the place of the configured ones, so the one for people is named as well.
_SHIM = f"""
for af_word; do
    case "$af_word" in
        list|bench|init|--outputFile*) af_other=1 ;;
        --reporter*) af_chosen=1 ;;
        */.bin/vitest|*/vitest/vitest.mjs) af_ours=1 ;;
    esac
done
if [ -n "$af_ours" ] && [ -z "$af_other" ]; then
    export AGENTFLOW_REPORTING=1
    {dropping("--bail|--bail=*")}
    if [ -n "$af_dropped" ] || grep -qs bail vitest.config.* vite.config.*; then set -- "$@" --bail=0; fi
    [ -n "$af_chosen" ] || set -- "$@" --reporter=default
    set -- "$@" --reporter=json "--outputFile.json=$AF_FOLDER/$$.json"
fi
"""


def _ran_nothing(ended: Ended) -> bool:
    return "No test files found" in ended.output


RUNNER = Runner(
    name="vitest",
    detect=node.offered("vitest", "npx --no-install vitest run"),
    runs=node.runs("vitest"),
    reporting=lambda invocation, folder: shimmed(invocation, folder, "node", _SHIM),
    read=node.read_jest,
    ran_nothing=_ran_nothing,
    obstacle=node.obstacle,
    narrowed=with_files,
)
