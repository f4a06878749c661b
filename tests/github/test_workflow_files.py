"""What the workflows promise, read from their files: who may do what, and whose words go where."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentflow import __version__

ROOT = Path(__file__).parents[2]
REVIEW = ROOT / ".github/workflows/agentflow-review.yml"
RUN = ROOT / ".github/workflows/agentflow-run.yml"
BOTH = pytest.mark.parametrize("path", [REVIEW, RUN], ids=lambda path: path.stem)
ALL = sorted((ROOT / ".github/workflows").glob("*.yml"))
EACH = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
RELEASE = ROOT / ".github/workflows/release.yml"
GUIDE = ROOT / "docs/github.md"
ZIZMOR = Path(sys.executable).with_name("zizmor")

#: All that each job may do.
GRANTED = {
    "review": {"contents": "read", "pull-requests": "write"},
    "code-scanning": {"actions": "read", "contents": "read", "security-events": "write"},
    "ask": {"issues": "read"},
    "work": {"contents": "read"},
    "propose": {"contents": "write", "pull-requests": "write"},
    "test": {"contents": "read"},
    "matrix": {"contents": "read"},
    "dependencies": {"contents": "read"},
    "build": {"contents": "read"},
    "publish": {"id-token": "write"},
}
#: The one step of a workflow that has the key.
KEYED = {REVIEW: ("review", "Review"), RUN: ("work", "Run")}


def load(path: Path) -> dict[str, Any]:
    """The workflow; YAML's `on` is a truth value to this parser."""
    workflow: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {("on" if key is True else key): value for key, value in workflow.items()}


def steps(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for job, told in load(path)["jobs"].items():
        for step in told["steps"]:
            yield job, step


def examples() -> list[dict[Any, Any]]:
    """The workflows that the guide gives to copy."""
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)]


@BOTH
def test_nothing_happens_unless_the_workflow_is_called(path):
    assert set(load(path)["on"]) == {"workflow_call"}


@EACH
@pytest.mark.security("T17")
def test_each_job_has_the_permissions_it_needs_and_no_others(path):
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        name: GRANTED[name] for name in workflow["jobs"]
    }


@EACH
def test_each_job_ends_after_a_time(path):
    assert all(job["timeout-minutes"] <= 120 for job in load(path)["jobs"].values())


@EACH
def test_scripts_hold_no_expressions_so_nobodys_words_become_commands(path):
    assert not [step for _, step in steps(path) if "${{" in step.get("run", "")]


@BOTH
def test_words_of_strangers_reach_no_step_but_as_a_number_a_commit_or_a_login(path):
    given = " ".join(str({**step.get("env", {}), **step.get("with", {})}) for _, step in steps(path))
    named = set(re.findall(r"github\.event[\w.]*|github\.\w*ref\w*", given))
    assert named <= {
        "github.event.pull_request.number",
        "github.event.pull_request.base.sha",
        "github.event.issue.number",
        "github.event.sender.login",
        "github.event.repository.default_branch",
    }


@EACH
def test_actions_are_pinned_to_commits_with_their_version_beside(path):
    used = re.findall(r"uses: *(.*)", path.read_text())
    assert used
    assert not [words for words in used if not re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", words)]


def test_an_action_has_the_same_pin_wherever_it_is_used():
    used = re.findall(r"uses: *([\w/-]+)@(\S+)", "".join(path.read_text() for path in ALL))
    assert len(set(used)) == len({name for name, _ in used})


@BOTH
def test_checkouts_are_of_the_base_and_leave_no_token_behind(path):
    given = [step["with"] for _, step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert given
    assert all(one["persist-credentials"] is False for one in given)
    assert {one.get("ref", "") for one in given} <= {"", "${{ github.event.pull_request.base.sha }}"}
    assert all("ref" in one for one in given) or path is RUN


@BOTH
def test_the_key_is_in_the_one_step_that_calls_agentflow(path):
    assert path.read_text().count("${{ secrets.") == 1
    held = [(job, step["name"]) for job, step in steps(path) if "secrets." in str(step)]
    assert held == [KEYED[path]]


@BOTH
def test_no_job_holds_both_the_key_and_a_token_that_may_push(path):
    keyed = {job for job, step in steps(path) if "secrets." in str(step)}
    assert all(load(path)["jobs"][job]["permissions"]["contents"] == "read" for job in keyed)


def test_the_job_that_runs_what_models_wrote_hands_its_token_to_no_step():
    assert not [step for job, step in steps(RUN) if job == "work" and "github.token" in str(step)]


@BOTH
def test_the_version_that_is_installed_is_this_one(path):
    assert load(path)["on"]["workflow_call"]["inputs"]["version"]["default"] == __version__


@pytest.mark.skipif(not ZIZMOR.exists(), reason="no zizmor")
@EACH
def test_an_auditor_of_workflows_finds_nothing(path):
    done = subprocess.run([ZIZMOR, "--offline", "--no-config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_examples_grant_what_the_jobs_need_and_nothing_else():
    called = {job["uses"].split("@")[0].rpartition("/")[2]: job for one in examples() for job in one["jobs"].values()}
    for path in (REVIEW, RUN):
        needed: dict[str, str] = {}
        for job in load(path)["jobs"].values():
            for name, access in job["permissions"].items():
                needed[name] = max(access, needed.get(name, ""))
        assert called[path.name]["permissions"] == needed


def test_the_examples_give_inputs_that_there_are():
    for example in examples():
        for job in example["jobs"].values():
            declared = load(ROOT / ".github/workflows" / job["uses"].split("@")[0].rpartition("/")[2])["on"]
            assert job.get("with", {}).keys() <= declared["workflow_call"]["inputs"].keys()
            assert job["secrets"].keys() == declared["workflow_call"]["secrets"].keys()


@EACH
@pytest.mark.security("T17")
def test_no_checkout_leaves_a_token_behind_and_none_is_of_a_strangers_commit(path):
    given = [step.get("with", {}) for _, step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(one.get("persist-credentials") is False for one in given)
    assert not [one for one in given if "head" in str(one.get("ref", ""))]


@pytest.mark.security("T18")
def test_nobody_holds_a_key_to_the_package_index_and_what_publishes_runs_nothing_of_the_repository():
    release = load(RELEASE)
    assert "secrets." not in RELEASE.read_text()
    assert set(release["on"]) == {"push"}
    assert release["on"]["push"].keys() == {"tags"}
    publish = release["jobs"]["publish"]
    assert [step["uses"].partition("@")[0] for step in publish["steps"]] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]
    assert publish["environment"] == "pypi"
    assert publish["steps"][-1]["with"]["attestations"] is True


@pytest.mark.security("T18", "L8")
def test_what_is_developed_and_tested_with_is_pinned_to_the_last_package():
    lines = (ROOT / "constraints/newest.txt").read_text().splitlines()
    assert not [line for line in lines if not re.fullmatch(r"[\w.\[\]-]+==[\w.+!]+( ; .+)?", line)]
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["test"]]
    wanted += [one for one in project["dependency-groups"]["dev"] if isinstance(one, str)]
    names = {re.match(r"[\w-]+", one)[0].lower() for one in wanted}
    assert names - pinned == set()


def test_new_versions_of_packages_and_actions_are_proposed_when_they_are_not_brand_new():
    told = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    assert {one["package-ecosystem"] for one in told} == {"github-actions", "pip"}
    assert all(one["cooldown"]["default-days"] >= 7 for one in told)
