from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from agentflow.errors import EnvironmentError_, UpstreamError
from agentflow.github.gh import gh


def _run(cwd: Path, *args: str, **options: object):
    return asyncio.run(gh(cwd, *args, **options))


def test_arguments_and_standard_input_reach_gh_as_they_are(fake_gh, tmp_path):
    fake_gh("printf '%s|' \"$@\"; cat")
    output = _run(tmp_path, "api", "a b; $(id)", "*", stdin=b"{}")
    assert output.stdout == "api|a b; $(id)|*|{}"


def test_gh_runs_in_the_folder_with_prompts_colours_and_debugging_off(fake_gh, tmp_path, monkeypatch):
    monkeypatch.setenv("GH_DEBUG", "api")
    monkeypatch.setenv("GH_TOKEN", "gho_for_tests")
    fake_gh('pwd -P; echo "$GH_PROMPT_DISABLED $NO_COLOR $GH_PAGER $GH_NO_UPDATE_NOTIFIER $GH_TOKEN [$GH_DEBUG]"')
    where, settings = _run(tmp_path, "api").stdout.splitlines()
    assert where == str(tmp_path.resolve())
    assert settings == "1 1 cat 1 gho_for_tests []"


def test_a_machine_without_gh_is_told_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentError_, match="gh was not found on PATH") as told:
        _run(tmp_path, "api")
    assert "https://cli.github.com" in told.value.hint
    assert "gh auth login" in told.value.hint


def test_exit_code_4_means_that_a_login_is_needed(fake_gh, tmp_path):
    fake_gh("echo 'please run: gh auth login' >&2; exit 4")
    with pytest.raises(EnvironmentError_, match="gh is not logged in") as told:
        _run(tmp_path, "api")
    assert told.value.hint == "gh auth login"


def test_other_exit_codes_are_for_the_caller_to_judge(fake_gh, tmp_path):
    fake_gh("echo 'gh: Not Found (HTTP 404)' >&2; exit 1")
    output = _run(tmp_path, "api")
    assert (output.returncode, output.complaint) == (1, "Not Found (HTTP 404)")


def test_a_gh_that_hangs_is_killed_with_all_it_started(fake_gh, tmp_path):
    pids = tmp_path / "pids"
    fake_gh(f"sleep 60 & echo $! $$ > '{pids}'; wait")
    with pytest.raises(UpstreamError, match=r"gh api gave no answer within 0\.5 s"):
        _run(tmp_path, "api", timeout=0.5)
    assert not any(_runs(pid) for pid in pids.read_text().split())


def _runs(pid: str) -> bool:
    """A killed process whose parent is gone may stay a zombie for a while."""
    try:
        os.kill(int(pid), 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
