"""What a worker leaves in its worktree and its commit: it is committed, proved, merged, shown and applied as data."""

from __future__ import annotations

from typing import Any

import pytest

from agentflow.checks.sandbox import bubblewrap_works

pytestmark = [
    pytest.mark.cli,
    pytest.mark.long,
    pytest.mark.skipif(not bubblewrap_works(), reason="no sandbox works here"),
]

#: What goes into the commit, as shell text in the worktree. `T` is a folder that only programs run outside can write.
COMMITTED = {
    "a filter for every file": "printf '* filter=evil diff=evil merge=evil\\n' > .gitattributes",
    "attributes in a folder": "mkdir -p sub; printf '* filter=evil working-tree-encoding=none ident\\n' > sub/.gitattributes; echo x > sub/f",
    "a submodule with a command": "printf '[submodule \"m\"]\\n\\tpath = m\\n\\turl = ext::touch $T/ext\\n\\tupdate = !touch $T/update\\n' > .gitmodules",
    "settings of git-lfs": "printf '[lfs]\\n\\turl = file://$T\\n[lfs \"customtransfer.x\"]\\n\\tpath = touch $T/lfs\\n' > .lfsconfig",
    "a folder that is a bare repository": 'git init -q --bare inner.git; git -C inner.git config core.fsmonitor "touch $T/bare;"',
    "a link to the home": "ln -s $UH home-link",
    "a link to a file of the home": "ln -s $UH/.bashrc rc-link",
    "a link to itself": "ln -s loop loop",
    "a link to the git directory": "ln -s $GIT git-link",
    "a link named hooks": "ln -s $UH hooks",
    "a mail map that is a link": "ln -s $UH/.ssh/id_ed25519 .mailmap",
    "names like options": "echo x > ./--output=x; echo x > ./-rf; echo x > './--upload-pack=touch x'; echo x > ./-c",
    "names like pathspecs": "echo x > ':(top)x'; echo x > ':!x'; echo x > '@{-1}'; echo x > '*'",
    "names that break lines": "echo x > \"$(printf 'a\\nb')\"; echo x > \"$(printf 'esc\\033[31m')\"",
    "a program for every name agentflow starts": "mkdir -p bin; for n in git python python3 sh bwrap setsid; do printf '#!/bin/sh\\ntouch %s/%s\\n' $T $n > bin/$n; chmod +x bin/$n; cp bin/$n .; done",
    "code for every Python": "for n in sitecustomize usercustomize conftest agentflow json asyncio; do echo \"open('$T/$n', 'w')\" > $n.py; done",
    "set user id": "cp /bin/true suid; chmod 6755 suid",
}
#: What agentflow does not take along, or finds there when the worker has gone.
LEFT = {
    "a repository in a folder": "git init -q inner; git -C inner config core.fsmonitor \"touch $T/inner;\"; printf '#!/bin/sh\\ntouch $T/h\\n' > inner/.git/hooks/post-checkout; chmod +x inner/.git/hooks/*; echo x > inner/f",
    "git's folder in other spellings": "for n in .GIT git~1 .git. '.git '; do mkdir -p \"$n\"; printf '[core]\\n\\tfsmonitor = touch %s/case;\\n' $T > \"$n/config\"; done",
    "a pipe and a socket": "mkfifo pipe; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'",
    "a repository of its own in place of the worktree's": 'rm -f .git; git init -q .; git config core.fsmonitor "touch $T/own;"; git config core.hooksPath $PWD/bin; git config filter.evil.clean "touch $T/clean; cat"',
    "a pointer to a repository of its own": "git init -q inner2; rm -rf .git; echo 'gitdir: inner2/.git' > .git; git config core.fsmonitor \"touch $T/pointer;\"",
    "a link as pointer": "rm -rf .git; ln -s inner/.git .git",
}


@pytest.fixture
def workers(world, errand, host):
    """Runs a plan of workers that each run a shell line and write a file; where programs run outside would be seen."""
    traps = world.folder / "traps"
    traps.mkdir()

    def run(*more: dict[str, Any], **lines: str) -> Any:
        head = "".join(f"export {name}='{value}'\n" for name, value in (("T", traps), *host.variables.items()))
        rules = list(more)
        for name, line in lines.items():
            works = errand.writes(name)
            script = {
                "tool": "Write",
                "input": {
                    "file_path": f"{{cwd}}/{name}.sh",
                    "content": (head + line).replace("{", "{{").replace("}", "}}"),
                },
            }
            works["turns"][1:1] = [
                {"calls": [script]},
                {"calls": [{"tool": "Bash", "input": {"command": f"bash {name}.sh"}}]},
            ]
            rules.append(works)
        server = errand.serve(*rules)
        plan = errand.plan_file(*(errand.subtask(name, files=["**"]) for name in lines))
        ended = world.agentflow(errand.root, "run", "--plan", plan, "--yes", "--json", replay=server)
        assert "Traceback" not in ended.err
        return ended

    run.traps = traps
    return run


def test_nothing_that_is_committed_runs_or_leads_outside_when_it_is_merged_shown_and_applied(
    world, errand, host, workers
):
    ended = workers(first="\n".join(COMMITTED.values()))
    assert (ended.code, ended.json["status"]) == (0, "succeeded"), ended.err
    for command in ("diff", "status", "apply"):
        assert world.agentflow(errand.root, command).code == 0
    assert (errand.root / "first.txt").exists()
    assert list(workers.traps.iterdir()) == []
    assert [name for name in host.strange_changes() if not name.startswith(f"{errand.root}/")] == []


def test_a_folder_on_one_side_and_a_link_out_on_the_other_lead_nobody_outside(errand, host, workers):
    through = {"tool": "Write", "input": {"file_path": "{cwd}/shared/.bashrc", "content": "x"}}
    answer = {"answer": {"status": "blocked", "summary": "They exclude each other."}}
    resolver = {"when": {"agent": "resolver"}, "times": "*", "turns": [{"calls": [through]}, answer]}
    ended = workers(
        resolver, first="mkdir shared; echo mine > shared/.bashrc; echo x > shared/new", second="ln -s $UH shared"
    )
    assert ended.code in {0, 1, 7}, ended.err
    assert "merged" in {subtask["status"] for subtask in ended.json["subtasks"]}
    assert host.strange_changes() == []


@pytest.mark.parametrize("what", LEFT)
def test_nothing_that_a_worker_leaves_in_its_worktree_runs_or_leads_outside(errand, host, workers, what):
    ended = workers(first=LEFT[what])
    assert list(workers.traps.iterdir()) == []
    assert host.strange_changes() == []
    assert ended.code in {0, 1, 4}, ended.err
