"""pre-commit (and prek) and lint-staged: made for what is about to be committed, given the files of the change here."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from agentflow.checks.runners.lines import calls
from agentflow.checks.runners.node import runs
from agentflow.checks.runners.runner import Ended, Invocation, Runner
from agentflow.checks.runners.shims import shimmed
from agentflow.domain.evidence import Obstacle

_PRE_COMMIT = """
for af_word; do
    case "$af_word" in
        run) af_ours=1 ;;
        --all-files|-a|--files|--files=*|--from-ref*|--to-ref*|--source*|--origin*|-s|-o|--last-commit|--help|-h)
            af_other=1 ;;
        --directory*|-d) af_other=1 ;;
    esac
done
if [ -n "$af_ours" ] && [ -z "$af_other" ]; then set -- "$@" --from-ref {base} --to-ref {head}; fi
"""
_LINT_STAGED = """
for af_word; do
    case "$af_word" in
        --diff*|--version|--help) af_other=1 ;;
        */.bin/lint-staged|*/lint-staged/bin/lint-staged.js|*/lint-staged/bin/lint-staged) af_ours=1 ;;
    esac
done
if [ -n "$af_ours" ] && [ -z "$af_other" ]; then set -- "$@" --diff={base}...{head}; fi
"""


def _pre_commit(invocation: Invocation, folder: Path) -> Invocation:
    for program in ("pre-commit", "prek"):
        invocation = _given(invocation, folder, program, _PRE_COMMIT)
    return invocation


def _given(invocation: Invocation, folder: Path, program: str, body: str) -> Invocation:
    if invocation.change is None:
        return invocation
    base, head = map(shlex.quote, invocation.change)
    return shimmed(invocation, folder, program, body.format(base=base, head=head))


def _obstacle(ended: Ended) -> Obstacle | None:
    if found := re.search(r"InvalidConfigError: \n?.*?(\S+\.yaml is not a file)", ended.output, re.DOTALL):
        return Obstacle(f"pre-commit has nothing to go by: {found[1]}")
    if re.search(r"CalledProcessError: command: \('[^']*git', 'fetch'|unable to access 'https?://", ended.output):
        return Obstacle("pre-commit cannot get its hooks")
    return None


PRE_COMMIT = Runner(
    name="pre-commit",
    detect=lambda _: (),
    runs=calls("pre-commit", "prek"),
    reporting=_pre_commit,
    obstacle=_obstacle,
)
LINT_STAGED = Runner(
    name="lint-staged",
    detect=lambda _: (),
    runs=runs("lint-staged"),
    reporting=lambda invocation, folder: _given(invocation, folder, "node", _LINT_STAGED),
)
