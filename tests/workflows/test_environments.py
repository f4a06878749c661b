"""The environment of checks on the real command: found before the plan, offered, and the same for the worker."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.cli

NODE = {
    "package.json": json.dumps({"scripts": {"test": "mocha"}, "devDependencies": {"mocha": "1"}}),
    ".gitignore": "node_modules\n",
}
NOTE = {"files": ["note.txt"], "checks": []}
#: Nobody is asked where the run stops; where it does not, the planner breaks down.
NOBODY = {"when": {"agent": "planner"}, "times": "*", "turns": [{"fault": {"status": 400, "message": "No."}}]}


def test_a_check_whose_runner_is_missing_stops_the_run_before_a_model_is_asked(world, scene):
    root, server = world.repository(NODE), scene(NOBODY)
    ended = world.agentflow(root, "run", "Say it's done", "--yes", "--json", replay=server)
    assert (ended.code, server.requests, ended.json["status"]) == (4, [], "stopped")
    assert "the check `npm test` cannot run here" in ended.json["reason"]
    assert "mocha" in ended.json["reason"]
    again = """agentflow run --setup 'npm install --no-package-lock' 'Say it'"'"'s done'"""
    assert f"most likely: {again}" in ended.err
    assert "--allow-broken-baseline" in ended.err


def test_a_broken_baseline_may_be_allowed_and_is_said(world, script, scene):
    plan = script.plan(script.subtask("note", **NOTE))
    root, server = world.repository(NODE), scene(script.rule("planner", {"answer": plan}))
    ended = world.agentflow(root, "plan", "Note it", "--check", "./missing", "--allow-broken-baseline", replay=server)
    assert (ended.code, len(server.requests)) == (0, 1), ended.err
    assert "the check `./missing` cannot run here" in ended.err
    assert "the work will be unproven" in ended.err


@pytest.mark.long
def test_an_ignored_file_that_the_code_imports_is_named_with_its_line(world, scene):
    files = {
        "thing/__init__.py": "from thing import _built\n",
        "test_thing.py": "import thing\n\n\ndef test_thing(): pass\n",
        ".gitignore": "_built.py\n",
    }
    root, server = world.repository(files), scene(NOBODY)
    (root / "thing/_built.py").write_text("made = True\n")
    ended = world.agentflow(root, "run", "Go on", "--yes", "--json", replay=server)
    assert (ended.code, server.requests) == (4, []), ended.err
    assert "printf '%s\\n' /thing/_built.py >> .worktreeinclude" in ended.err.replace("\n", "")
    (root / ".worktreeinclude").write_text("/thing/_built.py\n")
    world.agentflow(root, "run", "Go on", "--yes", "--json", replay=server)
    assert server.requests


@pytest.mark.long
def test_the_likely_set_up_is_offered_on_a_terminal_and_remembered(world, script, scene):
    make = "setup:\n\tmkdir -p bin && printf 'exit 0\\n' > bin/check && chmod +x bin/check\n"
    plan = script.plan(script.subtask("note", **NOTE))
    root, server = (
        world.repository({"Makefile": make, ".gitignore": "bin\n"}),
        scene(script.rule("planner", {"answer": plan}, times=2)),
    )
    person, terminal = pty.openpty()
    process = world.start(root, "plan", "Note it", "--check", "bin/check", replay=server, stdin=terminal)
    os.write(person, b"remember\n")
    out, err = process.communicate(timeout=300)
    os.close(terminal)
    os.close(person)
    assert process.returncode == 0, err
    assert "make setup" in err
    assert "id: note" in out
    assert str(root) in (world.folder / "config" / "repositories.yaml").read_text()
    again = world.agentflow(root, "plan", "Note it", "--check", "bin/check", replay=server)
    assert (again.code, len(server.requests)) == (0, 2), again.err
    assert list(root.glob("bin")) == []


@pytest.mark.long
def test_a_worker_finds_in_its_shell_what_the_checks_find(world, script, scene, plan_file, ledger):
    """All of it below a hidden home: the checkout with its virtualenv, agentflow's cache and state."""
    check = "python check.py"
    files = {
        "check.py": "import users_tool, thing\nassert thing.value == 2, 'wrong value'\nprint('all', 'well')\n",
        "src/thing.py": "value = 1\n",
        ".gitignore": ".venv\n",
    }
    root = world.repository(files, name="home/repo")
    world.env |= {f"AGENTFLOW_{name}_DIR": f"{world.folder}/home/.{name.lower()}" for name in ("STATE", "CACHE")}
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    (site,) = (root / ".venv").glob("lib/python*/site-packages")
    (site / "users_tool.py").touch()
    (site / "editable.pth").write_text(f"{root}/src\n")
    server = scene(
        script.work(
            "two", "haiku",
            script.call("Bash", command=check), script.edit("src/thing.py", "1", "2"), script.call("Bash", command=check),
        )
    )  # fmt: skip
    plan = plan_file(script.plan(script.subtask("two", ["src/*.py"], [check])))
    ended = world.agentflow(
        root, "run", "--plan", str(plan), "--yes", "--json", "--check", "true",
        "--setup", "python -c 'import users_tool'", replay=server,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    first, second = (
        str(request.tool_results)
        for request in server.requests
        if "wrong value" in str(request.tool_results) or "all well" in str(request.tool_results)
    )
    assert "wrong value" in first
    assert "all well" in second
    assert (ended.json["subtasks"][0]["status"], server.unmatched) == ("merged", [])
    assert not Path(root, "src", "__pycache__").exists()


@pytest.mark.long
def test_an_npm_project_needs_no_flag_where_its_packages_are_installed(world, script, scene, plan_file):
    tool = """#!/usr/bin/env node
        if (!require('fs').existsSync('dist/made.js')) console.log(`no such file: '${process.cwd()}/dist/made.js'`)
        process.exit(require('own').value === 2 ? 0 : 1)"""
    package = {"scripts": {"test": "tool"}, "workspaces": ["packages/*"], "dependencies": {"own": "*"}}
    files = {
        "package.json": json.dumps(package),
        "packages/own/package.json": '{"name": "own"}',
        "packages/own/index.js": "exports.value = 1\n",
        ".gitignore": "node_modules\ndist\n",
    }
    root = world.repository(files)
    world.no_clone = "its packages are in the checkout only, and no registry has them"
    (root / "dist").mkdir()
    (root / "dist/made.js").touch()
    (root / "node_modules/.bin").mkdir(parents=True)
    (root / "node_modules/.bin/tool").write_text(tool)
    (root / "node_modules/.bin/tool").chmod(0o755)
    (root / "node_modules/own").symlink_to(root / "packages/own")
    index = "packages/own/index.js"
    server = scene(script.work("two", "haiku", script.call("Bash", command="npm test"), script.edit(index, "1", "2")))
    plan = plan_file(script.plan(script.subtask("two", ["packages/own/*"], ["npm test"])))
    ended = world.agentflow(root, "run", "--plan", str(plan), "--yes", "--json", replay=server)
    assert (ended.code, server.unmatched) == (0, []), ended.err
    assert ended.json["subtasks"][0]["status"] == "merged"
    assert "`npm test` misses dist/made.js, which a build made in your checkout" in ended.err
    assert "to have it made: agentflow run --setup 'npm install" in ended.err
