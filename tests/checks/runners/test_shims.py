import os
import subprocess

import pytest

from agentflow.checks.runners.runner import Invocation
from agentflow.checks.runners.shims import TEE, kept_output, shimmed


@pytest.fixture
def tool(tmp_path):
    """A program `tool` on PATH that shows its arguments and ends as `CODE` says."""
    program = tmp_path / "real" / "tool"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor word; do echo "<$word>"; done\necho oops >&2\nexit "${CODE:-0}"\n')
    program.chmod(0o755)
    return {"PATH": f"{program.parent}{os.pathsep}{os.defpath}"}


def run(invocation: Invocation, command: str, **env: str):
    return subprocess.run(
        ["/bin/sh", "-c", command], env={**invocation.env, **env}, capture_output=True, text=True, check=False
    )


def shim(tool, folder, body: str, program: str = "tool") -> Invocation:
    folder.mkdir(exist_ok=True)
    return shimmed(Invocation("x", tool, folder), folder, program, body)


def test_arguments_exit_code_and_streams_pass_through_unchanged(tool, tmp_path):
    ended = run(shim(tool, tmp_path / "a b'c", ""), """tool 'a b' "it's" '' '*' --x=1""", CODE="7")
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "<a b>\n<it's>\n<>\n<*>\n<--x=1>\n", "oops\n")


def test_a_body_may_add_arguments(tool, tmp_path):
    assert run(shim(tool, tmp_path / "f", 'set -- "$@" --report "$AF_FOLDER"'), "tool run").stdout.endswith("/f>\n")


def test_a_runner_that_is_started_by_a_reporting_runner_is_left_alone(tool, tmp_path):
    busy = 'export AGENTFLOW_REPORTING=1\nset -- "$@" --ours'
    inner = shim(tool, tmp_path / "inner", busy)
    outer = shim(inner.env, tmp_path / "outer", busy)
    assert run(outer, "tool").stdout == "<--ours>\n"


def test_without_the_program_nothing_is_put_on_the_path(tool, tmp_path):
    assert shim(tool, tmp_path / "f", "", program="no-such-program").env == tool


@pytest.mark.parametrize("code", [0, 101])
def test_kept_output_is_shown_as_well_and_the_exit_code_stays(tool, tmp_path, code):
    ended = run(shim(tool, tmp_path / "f", TEE), "tool test && tool again", CODE=str(code))
    assert ended.returncode == code
    assert ended.stdout == "<test>\noops\n" + ("<again>\noops\n" if code == 0 else "")
    assert sorted(kept_output(tmp_path / "f")) == sorted(ended.stdout.splitlines())


def test_kept_output_that_is_a_link_is_not_read(tmp_path):
    (tmp_path / "1.txt").symlink_to("/etc/passwd")
    assert kept_output(tmp_path) is None
