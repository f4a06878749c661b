"""Without a sandbox, what a model wrote can reach the git directory: what that means for a run."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.cli

ARMS = """
common=$(cd "$(git rev-parse --git-common-dir)" && pwd)
printf '#!/bin/sh\\n' > "$common/hooks/post-checkout" && chmod +x "$common/hooks/post-checkout"
mkdir -p "$common/modules/sub/hooks" && printf '[core]\\n\\tfsmonitor = evil\\n' > "$common/modules/sub/config"
git config diff.external evil
"""
MOVES = """
main=$(dirname "$(cd "$(git rev-parse --git-common-dir)" && pwd)")
unset GIT_DIR GIT_WORK_TREE GIT_COMMON_DIR GIT_INDEX_FILE
cd "$main" && echo staged > staged.txt && git add staged.txt
made=$(git -c user.name=A -c user.email=a@example.org commit-tree -m "$(date +%s%N)" 'HEAD^{tree}')
git update-ref refs/heads/side "$made"
"""


def carried_out(errand, what, *args):
    """A subtask whose check is a script that the agent writes, and that the agent runs as well."""
    rule = errand.writes("first")
    script = {"tool": "Write", "input": {"file_path": "{cwd}/suite.sh", "content": f"{what}\nexit 0\n"}}
    rule["turns"][0]["calls"].append(script)
    rule["turns"].insert(1, {"calls": [{"tool": "Bash", "input": {"command": "sh suite.sh"}}], "usage": errand.USAGE})
    server = errand.serve(rule)
    subtask = errand.subtask("first", files=["first.txt", "suite.sh"], checks=["sh suite.sh"])
    plan = errand.plan_file(subtask)
    errand.world.env["AGENTFLOW_SANDBOX"] = "off"
    return server, errand.run("run", "--plan", plan, "--yes", *args, server=server)


@pytest.mark.long
def test_what_could_run_code_later_stops_the_run_which_goes_on_when_a_person_says_so(world, errand):
    server, ended = carried_out(errand, ARMS)
    assert ended.code == 4, ended.err
    for what in (
        "hooks/post-checkout is new",
        "diff.external in config is new",
        "core.fsmonitor in modules/sub/config",
    ):
        assert what in ended.err
    assert "first/1 ran without a sandbox" in ended.err
    assert (errand.root / ".git" / "hooks" / "post-checkout").exists()

    again = errand.run("resume", "--yes", server=server)

    assert (again.code, again.json["status"]) == (0, "succeeded"), again.err


def test_refs_and_the_index_that_change_are_told_and_stop_nothing(world, errand):
    _, ended = carried_out(errand, MOVES)
    assert ended.code == 0, ended.err
    told = [line for line in ended.err.splitlines() if "changed in the git directory while" in line]
    assert any("while first/1 ran" in line for line in told)
    assert any("while the check 'sh suite.sh' ran" in line for line in told)
    assert all("refs/heads/side was" in line for line in told)
    assert any("the index differs" in line for line in told)
