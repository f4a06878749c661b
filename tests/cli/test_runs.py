from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from agentflow.domain.attempts import RunStatus, SubtaskStatus
from agentflow.report.documents import schema
from agentflow.store.records import RunRecord, SubtaskRecord


def test_a_repository_lists_its_own_runs(world, repository, ledger, a_run):
    ledger.create_run(a_run)
    ledger.put_subtask(a_run.id, SubtaskRecord("a", 0, "A", SubtaskStatus.MERGED))
    ledger.create_run(replace(a_run, id="elsewhere", common_dir=Path("/elsewhere/.git"), repo_root=Path("/elsewhere")))
    (repository / "sub").mkdir()
    ended = world.agentflow(repository / "sub", "runs", "list")
    assert ended.code == 0
    assert ended.out == (
        "run                   kind  status     result         cost  goal\n"
        "20261123-100000-aaaa  run   succeeded  1/1 merged  $0.0000  refactor auth\n"
    )


def test_all_runs_are_listed_with_their_repositories_even_outside_of_one(world, ledger, a_run):
    ledger.create_run(replace(a_run, repo_root=Path("/r")))
    ended = world.agentflow(world.folder, "runs", "list", "--all")
    (_, line) = ended.out.splitlines()
    assert line == "20261123-100000-aaaa  run   succeeded          $0.0000  /r          refactor auth"


def test_the_list_as_json_is_one_valid_document(world, repository, ledger, a_run):
    ledger.create_run(a_run)
    ended = world.agentflow(repository, "runs", "list", "--json")
    Draft202012Validator(schema("runs-1")).validate(ended.json)
    assert [run["run_id"] for run in ended.json["runs"]] == [a_run.id]
    assert ended.err == ""


def test_a_review_is_listed_with_its_findings(world, repository, ledger, a_review):
    ledger.create_run(replace(a_review, id="unfinished", spec={"review": a_review.spec["review"]}, created_at=1.0))
    assert world.agentflow(repository, "runs", "list").out == (
        "run              kind    status  result        cost  goal\n"
        "20261124-review  review  failed  1 finding  $0.0000  review a.py\n"
        "unfinished       review  failed             $0.0000  review a.py\n"
    )
    document = world.agentflow(repository, "runs", "list", "--json").json
    Draft202012Validator(schema("runs-1")).validate(document)
    assert [(run["workflow"], run["findings"]) for run in document["runs"]] == [("review", 1), ("review", None)]


def test_a_review_is_shown_as_its_report(world, repository, a_review):
    ended = world.agentflow(repository, "runs", "show")
    assert ended.code == 0
    assert "The constant is never read" in ended.out
    assert "merged" not in ended.out


def test_a_review_as_json_is_the_review_document(world, repository, a_review):
    ended = world.agentflow(repository, "runs", "show", a_review.id, "--json")
    Draft202012Validator(schema("review-1")).validate(ended.json)
    assert [finding["rule"] for finding in ended.json["findings"]] == ["constant"]


def test_no_runs_is_an_empty_answer_and_a_word_for_people(world, repository):
    ended = world.agentflow(repository, "runs", "list")
    assert (ended.code, ended.out) == (0, "")
    assert "no runs yet" in ended.err
    assert world.agentflow(repository, "runs", "list", "--json").json["runs"] == []


def test_outside_a_repository_the_list_says_what_is_missing(world):
    ended = world.agentflow(world.folder, "runs", "list")
    assert (ended.code, ended.out) == (4, "")
    assert "not in a git repository" in ended.err


def test_a_run_is_shown_by_default_the_latest(world, repository, ledger, a_run):
    ledger.create_run(replace(a_run, id="20261122-old", created_at=1.0))
    ledger.create_run(a_run)
    ended = world.agentflow(repository, "runs", "show")
    assert ended.code == 0
    assert ended.out.startswith("✓ succeeded: refactor auth\nrun 20261123-100000-aaaa, ")
    assert world.agentflow(repository, "runs", "show", "20261122").out.splitlines()[1].startswith("run 20261122-old, ")


def test_a_run_as_json_is_one_valid_document(world, repository, ledger, a_run):
    ledger.create_run(a_run)
    ended = world.agentflow(repository, "runs", "show", "--json")
    Draft202012Validator(schema("run-1")).validate(ended.json)
    assert (ended.json["run_id"], ended.err) == (a_run.id, "")


def test_an_unknown_run_is_a_usage_error_with_a_near_name(world, repository, ledger, a_run):
    ledger.create_run(a_run)
    ended = world.agentflow(repository, "runs", "show", "20261123-100000-aaab")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: no run '20261123-100000-aaab'\n\nhint: did you mean 20261123-100000-aaaa?\n"
    )  # fmt: skip


def test_a_failure_with_json_is_one_error_document(world, repository):
    ended = world.agentflow(repository, "runs", "show", "nothing", "--json")
    Draft202012Validator(schema("error-1")).validate(ended.json)
    assert (ended.code, ended.json["error"]["kind"]) == (2, "usage")


def test_a_damaged_ledger_is_an_error_with_a_hint_and_no_traceback(world, repository):
    (world.folder / "state").mkdir()
    (world.folder / "state" / "ledger.db").write_bytes(b"garbage" * 1000)
    ended = world.agentflow(repository, "runs", "list")
    assert ended.code == 3
    assert "hint: move the file away" in ended.err
    assert "Traceback" not in ended.err


@pytest.fixture
def a_dead_run(world, repository, ledger, a_run) -> RunRecord:
    """Killed at work: a branch, an attempt's commit, a worktree and a folder are left."""
    world.git(repository, "branch", a_run.branch)
    world.git(repository, "update-ref", f"refs/agentflow/{a_run.id}/store/1", "HEAD")
    world.git(repository, "worktree", "add", "-q", "--detach", str(worktrees(world, a_run) / "store-1"))
    (world.folder / "state" / "runs" / a_run.id / "logs").mkdir(parents=True)
    ledger.create_run(replace(a_run, status=RunStatus.INTERRUPTED))
    return a_run


def worktrees(world, run: RunRecord) -> Path:
    return world.folder / "cache" / "worktrees" / run.id


def test_removing_a_run_takes_rows_folders_and_worktrees_and_keeps_every_commit(
    world, repository, ledger, a_dead_run, a_run
):
    ledger.create_run(replace(a_run, id="another"))
    ended = world.agentflow(repository, "runs", "rm", "2026")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        f"removed run {a_run.id}; kept in {repository}: branch {a_run.branch}, "
        f"the commits of its attempts, 1 under refs/agentflow/{a_run.id}/\n"
    )
    assert [run.id for run in ledger.runs()] == ["another"]
    assert not (world.folder / "state" / "runs" / a_run.id).exists()
    assert not worktrees(world, a_run).exists()
    assert len(world.git(repository, "worktree", "list").splitlines()) == 1
    assert world.git(repository, "for-each-ref", "--format=%(refname)").splitlines() == [
        f"refs/agentflow/{a_run.id}/store/1",
        f"refs/heads/{a_run.branch}",
        "refs/heads/main",
    ]


def test_only_asked_to_removing_a_run_takes_the_commits_of_its_attempts_too(world, repository, a_dead_run):
    ended = world.agentflow(repository, "runs", "rm", a_dead_run.id, "--refs")
    assert ended.err == f"removed run {a_dead_run.id}; kept in {repository}: branch {a_dead_run.branch}\n"
    assert "refs/agentflow" not in world.git(repository, "for-each-ref")


def test_removing_a_review_takes_the_commit_it_froze_without_asking(world, repository, ledger, a_review):
    ended = world.agentflow(repository, "runs", "rm", a_review.id)
    assert (ended.code, ended.err) == (0, f"removed run {a_review.id}\n")
    assert "refs/agentflow" not in world.git(repository, "for-each-ref")
    assert (ledger.runs(), ledger.findings(a_review.id)) == ([], [])


def test_a_run_of_a_repository_that_is_gone_can_be_removed(world, repository, ledger, a_dead_run):
    shutil.rmtree(repository)
    ended = world.agentflow(world.folder, "runs", "rm", a_dead_run.id)
    assert (ended.code, ended.err) == (0, f"removed run {a_dead_run.id}\n")
    assert ledger.runs() == []
    assert not worktrees(world, a_dead_run).exists()


def test_a_live_run_is_not_removed_nor_any_other_named_with_it(world, repository, ledger, a_run):
    ledger.create_run(a_run)
    ledger.create_run(replace(a_run, id="live", status=RunStatus.RUNNING, pid=os.getpid()))
    ended = world.agentflow(repository, "runs", "rm", a_run.id, "live")
    assert ended.code == 4
    assert f"error: run live is active (process {os.getpid()})" in ended.err
    assert {run.id for run in ledger.runs()} == {"live", a_run.id}


def test_one_unknown_name_removes_nothing(world, repository, ledger, a_run):
    ledger.create_run(a_run)
    assert world.agentflow(repository, "runs", "rm", a_run.id, "unknown").code == 2
    assert len(ledger.runs()) == 1


def test_status_commands_load_neither_the_engine_nor_the_model_libraries(world, repository, ledger, a_run):
    ledger.create_run(a_run)
    code = (
        "import sys\n"
        "from agentflow.cli.app import app\n"
        "for args in (['runs', 'list'], ['runs', 'show', '--json'], ['watch']):\n"
        "    app(args, standalone_mode=False)\n"
        "print([m for m in ('dbos', 'claude_agent_sdk', 'anthropic') if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, env=world.env, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_json_output_is_parseable_with_nothing_around_it(world, repository, ledger, a_run):
    ledger.create_run(a_run)
    for args in (("runs", "list"), ("runs", "list", "--all"), ("runs", "show"), ("runs", "show", "nothing")):
        ended = world.agentflow(repository, *args, "--json")
        assert json.loads(ended.out)["schema"].startswith("agentflow/")


def test_a_finished_review_is_told_again_instead_of_resumed(world, repository, a_review):
    ended = world.agentflow(repository, "resume", a_review.id, "--json")
    Draft202012Validator(schema("review-1")).validate(ended.json)
    assert ended.code == 0
    assert ended.err.startswith(f"run {a_review.id} is finished: failed\n")
    assert "The constant is never read" in ended.err
