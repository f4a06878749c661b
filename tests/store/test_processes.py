from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.store.processes import _mark_from_ps, is_live, present_status, process_mark


@pytest.fixture
def ended_pid():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_process_keeps_its_mark():
    assert process_mark(os.getpid()) == process_mark(os.getpid()) is not None


def test_two_processes_have_different_marks():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = process_mark(child.pid)
    child.communicate(b"\n")
    assert mark not in {None, process_mark(os.getpid())}


def test_an_ended_process_has_no_mark(ended_pid):
    assert process_mark(ended_pid) is None


def test_a_zombie_has_no_mark():
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    while process_mark(child.pid) is not None:
        pass
    assert child.returncode is None
    child.communicate()


@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps")
def test_where_proc_is_missing_ps_tells_the_start(ended_pid):
    assert _mark_from_ps(os.getpid()) == _mark_from_ps(os.getpid()) is not None
    assert _mark_from_ps(ended_pid) is None


def test_a_number_given_again_is_not_the_same_process(a_run):
    assert not is_live(a_run(pid=os.getpid(), pid_mark="an earlier boot:123"))


@pytest.mark.parametrize("status", [s for s in RunStatus if s is not RunStatus.RUNNING])
def test_only_a_running_run_can_turn_out_interrupted(a_run, status):
    assert present_status(a_run(status=status)) is status


def test_a_running_run_without_its_process_is_interrupted(a_run, ledger, ended_pid):
    ledger.create_run(a_run("alive", pid=os.getpid()))
    ledger.create_run(a_run("dead", pid=ended_pid))
    ledger.create_run(a_run("never"))
    assert {run.id: present_status(run) for run in ledger.runs()} == {
        "alive": RunStatus.RUNNING,
        "dead": RunStatus.INTERRUPTED,
        "never": RunStatus.INTERRUPTED,
    }
