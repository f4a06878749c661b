"""The reusable workflows' jobs, carried out: their scripts and conditions as they stand, with GitHub's part played."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentflow.checks.sandbox import bubblewrap_works

FOLDER = Path(__file__).parents[2] / ".github/workflows"
#: What has to be installed from an index or by root: the test machine has it.
GIVEN = {"Install agentflow", "Install the sandbox"}
KEY = "sk-ant-api03-canary-51f0aa"
APP = "import sys\n\n\ndef mean(values):\n    return sum(values) / len(values)\n"

#: What the scripts themselves use of `gh`; all else goes to the stand-in that agentflow meets.
GH = """#!{python}
import json, os, runpy, sys, urllib.error, urllib.request
import jq

def answer(path, body=None):
    try:
        return json.load(urllib.request.urlopen("http://api.github.localhost/" + path, body and json.dumps(body).encode()))
    except urllib.error.HTTPError as refusal:
        sys.exit(f"gh: refused (HTTP {{refusal.status}})")

match sys.argv[1:]:
    case ["api", *flags, path, "--jq", program] if flags in ([], ["--paginate"]):
        print(*(jq.compile(program).input_value(answer(path)).all()), sep="\\n")
    case ["pr", "create", "--draft", *options]:
        given = dict(zip(options[::2], options[1::2], strict=True))
        print(answer("repos/octo/cat/pulls", given)["html_url"])
    case _:
        runpy.run_path({stand_in!r})
"""
JQ = """#!{python}
import json, sys
import jq

program, files = sys.argv[2], sys.argv[3:]
values = jq.compile(program).input_text(open(files[0]).read()).all()
print(*(value if isinstance(value, str) else json.dumps(value) for value in values), sep="\\n", end="\\n" if values else "")
"""


class Runner:
    """Does a workflow's jobs as GitHub's runner does. What actions would do is done here, or kept in `uploads`."""

    def __init__(self, folder: Path, env: dict[str, str], origin: Path, file: str) -> None:
        self.jobs = yaml.safe_load((FOLDER / file).read_text())
        declared = self.jobs[True]["workflow_call"]["inputs"]
        self.jobs = self.jobs["jobs"]
        self.inputs = {name: told["default"] for name, told in declared.items()}
        self.event: dict[str, Any] = {}
        self.event_name = ""
        self.needs: dict[str, Any] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.summary = ""
        self.log = ""
        self._folder, self._env, self._origin = folder, env, origin

    def wants(self, job: str) -> bool:
        """Whether the job's condition holds."""
        return bool(self._holds(self.jobs[job].get("if", "true"), {}))

    def do(self, job: str) -> int:
        """Do the steps in order until one fails; its exit code. The job's outputs are there for those after it."""
        self.work = self._folder / job / "work"
        self.temp = self._folder / job / "temp"
        self.work.mkdir(parents=True)
        (self.temp / "agentflow/bin").mkdir(parents=True)
        shim = self.temp / "agentflow/bin/agentflow"
        shim.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m agentflow "$@"\n')
        shim.chmod(0o755)
        outputs: dict[str, Any] = {}
        code = 0
        for step in self.jobs[job]["steps"]:
            if step.get("name") in GIVEN or not self._holds(step.get("if", "true"), outputs):
                continue
            code = self._action(step, outputs) if "uses" in step else self._script(step, outputs)
            if code:
                break
        told = {name: self._filled(text, outputs) for name, text in self.jobs[job].get("outputs", {}).items()}
        self.needs[job] = {"outputs": told}
        return code

    def _script(self, step: dict[str, Any], outputs: dict[str, Any]) -> int:
        files = {name: self.temp / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        event = self.temp / "event.json"
        event.write_text(json.dumps(self.event))
        env = {
            **self._env,
            **{name: str(file) for name, file in files.items()},
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": "octo/cat",
            "GITHUB_SERVER_URL": f"file://{self._origin.parents[1]}",
            "GITHUB_RUN_ID": "99",
            "GITHUB_RUN_ATTEMPT": "1",
            "RUNNER_TEMP": str(self.temp),
            **{name: self._filled(str(text), outputs) for name, text in step.get("env", {}).items()},
        }
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(shell, cwd=self.work, env=env, capture_output=True, text=True, check=False, timeout=170)
        self.log += done.stdout + done.stderr
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        told = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        outputs[step.get("id", "")] = {"outputs": told}
        return done.returncode

    def _action(self, step: dict[str, Any], outputs: dict[str, Any]) -> int:
        given = {name: self._filled(str(text), outputs) for name, text in step.get("with", {}).items()}
        match step["uses"].split("@")[0]:
            case "actions/checkout":
                self._check_out(given.get("ref") or "main")
            case "actions/upload-artifact":
                shutil.copy(given["path"], self._kept(given["name"]))
            case "actions/download-artifact":
                for file in self._kept(given["name"]).iterdir():
                    shutil.copy(file, given.get("path", self.work))
            case "github/codeql-action/upload-sarif":
                report = json.loads((self.work / given["sarif_file"]).read_text())
                self.uploads[given["category"]] = {**given, "report": report}
        return 0

    def _check_out(self, ref: str) -> None:
        for words in (
            ["init", "--quiet"],
            ["fetch", "--quiet", "--depth=1", f"file://{self._origin}", ref],
            ["checkout", "--quiet", "--detach", "FETCH_HEAD"],
        ):
            subprocess.run(["git", *words], cwd=self.work, env=self._env, check=True)

    def _kept(self, name: str) -> Path:
        folder = self._folder / "artifacts" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _holds(self, condition: str, outputs: dict[str, Any]) -> Any:
        """GitHub's condition as one of Python's: words, comparisons, && and ||."""
        named = re.sub(r"'[^']*'|[a-z_]+(?:[.][\w-]+)+", lambda found: self._word(found[0], outputs), condition)
        python = named.replace("!cancelled()", "True").replace("&&", "and").replace("||", "or")
        return eval(" ".join(re.sub(r"\btrue\b", "True", python).split()))

    def _word(self, text: str, outputs: dict[str, Any]) -> str:
        return text if text.startswith("'") else repr(self._value(text, outputs))

    def _filled(self, text: str, outputs: dict[str, Any]) -> str:
        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: str(self._value(found[1], outputs)), text)

    def _value(self, name: str, outputs: dict[str, Any]) -> Any:
        github = {"event": self.event, "event_name": self.event_name, "repository": "octo/cat", "token": "ghs_canary"}
        github |= {"server_url": "https://github.com", "run_id": "99"}
        secrets = {"anthropic_api_key": KEY}
        found: Any = {"github": github, "inputs": self.inputs, "secrets": secrets, "steps": outputs}
        found |= {"needs": self.needs, "runner": {"temp": str(self.temp) if hasattr(self, "temp") else ""}}
        for part in name.split("."):
            found = found.get(part, "") if isinstance(found, dict) else ""
        return found


def commit_to(world: Any, origin: Path, files: dict[str, str], ref: str = "refs/heads/main") -> None:
    """Put a commit on top of `main` there, as `ref`."""
    root = world.folder / "upstream"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    world.git(root, "add", "-A")
    world.git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "Change")
    world.git(root, "push", "-q", str(origin), f"HEAD:{ref}")
    if ref != "refs/heads/main":
        world.git(root, "reset", "-q", "--hard", "HEAD~")


@pytest.fixture
def origin(world: Any) -> Path:
    """octo/cat with pull request 7, whose author branched off before two later commits; the base is `main`."""
    root = world.repository({"app.py": "import sys\n"}, "upstream")
    bare = world.folder / "srv/octo/cat.git"
    world.git(world.folder, "clone", "-q", "--bare", str(root), str(bare))
    commit_to(world, bare, {"app.py": APP}, "refs/pull/7/head")
    commit_to(world, bare, {"one.py": "1\n"})
    commit_to(world, bare, {"two.py": "2\n"})
    return bare


@pytest.fixture
def runner(world: Any, github: Any, origin: Path, stand_in_text: str) -> Callable[..., Runner]:
    """Gives the runner for a workflow. Its machine reaches GitHub by `gh`, and the model at `replay`."""
    tools = world.folder / "tools"
    tools.mkdir()
    (tools / "agents_gh").write_text(stand_in_text)
    for name, text in {"gh": GH, "jq": JQ}.items():
        (tools / name).write_text(text.format(python=sys.executable, stand_in=str(tools / "agents_gh")))
        (tools / name).chmod(0o755)
    settings = world.folder / "gitconfig"
    settings.write_text(f'[url "file://{origin}"]\n\tinsteadOf = http://github.localhost/octo/cat.git\n')
    env = {name: value for name, value in world.env.items() if name != "ANTHROPIC_API_KEY"} | {
        "PATH": f"{tools}{os.pathsep}{world.env['PATH']}",
        "GIT_CONFIG_GLOBAL": str(settings),
        "http_proxy": os.environ["http_proxy"],
        "no_proxy": "127.0.0.1",
        "GH_HOST": "github.localhost",
    }

    def start(file: str, replay: Any = None) -> Runner:
        where = {"ANTHROPIC_BASE_URL": replay.base_url} if replay else {}
        return Runner(world.folder / "runner", env | where, origin, file)

    return start


FINDING = {
    "rule": "division-by-zero",
    "title": "An empty list divides by zero",
    "message": "mean([]) divides by 0.",
    "file": "app.py",
    "line": 5,
    "end_line": None,
    "severity": "high",
    "category": "bug",
    "confidence": 0.9,
    "evidence": "return sum(values) / len(values)",
    "suggestion": None,
    "elsewhere": False,
}
DEAR = {"input_tokens": 50_000, "output_tokens": 4_000}
GROUPS = {"groups": [{"members": [1], "severity": "high"}], "findings": []}
VERDICTS = {"verdicts": [{"number": 1, "verdict": "confirmed", "reason": "Line 5.", "confidence": 0.95}]}


def scene(replay: Any, **answers: dict[str, Any]) -> Any:
    """A model whose agents give these answers, whole turns of a scenario among them."""
    turns = {agent: one if one.keys() & {"answer", "fault"} else {"answer": one} for agent, one in answers.items()}
    rules = [{"when": {"agent": agent}, "times": "*", "turns": [turn]} for agent, turn in turns.items()]
    return replay(json.dumps({"name": "pull request", "rules": rules}))


def opened(world: Any, github: Any, origin: Path, started: Runner, source: str = "octo/cat") -> None:
    """Somebody opens pull request 7 from a branch in `source`."""
    github.base = world.git(origin, "rev-parse", "main")
    github.head = world.git(origin, "rev-parse", "refs/pull/7/head")
    sides = {"base": {"sha": github.base}, "head": {"repo": {"full_name": source}}}
    started.event = {"action": "opened", "pull_request": {"number": 7, **sides}, "sender": {"login": "mallory"}}
    started.event_name = "pull_request"


def test_a_finding_is_posted_annotated_summed_up_and_uploaded_and_fails_the_job(world, github, origin, runner, replay):
    model = scene(replay, reviewer={"findings": [FINDING]}, synthesizer=GROUPS, verifier=VERDICTS)
    job = runner("agentflow-review.yml", model)
    opened(world, github, origin, job)
    assert job.wants("review")
    assert job.do("review") == 1, job.log
    assert model.unmatched == []
    assert len(github.reviews) == 1
    assert [(comment["path"], comment["line"]) for comment in github.comments] == [("app.py", 5)]
    assert "::error file=app.py,line=5," in job.log
    assert "An empty list divides by zero" in job.summary
    assert job.needs["review"]["outputs"] == {"verdict": "findings", "head": github.head}
    assert (job.work / "app.py").read_text() == "import sys\n"
    assert job.wants("code-scanning")
    assert job.do("code-scanning") == 0
    upload = job.uploads["agentflow"]
    assert (upload["ref"], upload["sha"]) == ("refs/pull/7/head", github.head)
    assert [result["ruleId"] for result in upload["report"]["runs"][0]["results"]] == ["division-by-zero"]
    assert KEY not in job.log + job.summary


def test_the_settings_are_those_of_the_base_branch_as_it_is_now(world, github, origin, runner, replay):
    commit_to(world, origin, {".agentflow/config.yaml": 'review: {exclude: ["app.py"]}\n'})
    model = scene(replay, reviewer={"findings": [FINDING]})
    job = runner("agentflow-review.yml", model)
    opened(world, github, origin, job)
    assert job.do("review") == 0, job.log
    assert model.requests == []
    assert job.needs["review"]["outputs"]["verdict"] == "clean"
    assert len(github.reviews) == 1


@pytest.mark.parametrize(
    ("answers", "budget", "verdict", "words"),
    [
        ({"reviewer": {"fault": {"status": 401, "times": "*"}}}, "1.00", "error", "could not do its work"),
        pytest.param(
            *({"reviewer": {"fault": {"drop": "connect", "times": "*"}}}, "1.00", "unavailable", "was unavailable"),
            marks=pytest.mark.long,
        ),
        pytest.param(
            *({"reviewer": {"answer": {"findings": [FINDING]}, "usage": DEAR}}, "0.01", "limit", "a limit was reached"),
            marks=pytest.mark.long,
        ),
    ],
)
def test_an_ending_without_a_verdict_posts_and_uploads_nothing_and_says_so(
    world, github, origin, runner, replay, answers, budget, verdict, words
):
    job = runner("agentflow-review.yml", scene(replay, **answers))
    opened(world, github, origin, job)
    job.inputs["budget"] = budget
    assert job.do("review") not in {0, 1}
    assert job.needs["review"]["outputs"]["verdict"] == verdict
    assert words in job.log
    assert "This says nothing about the code." in job.summary
    assert github.writes == []
    assert not job.wants("code-scanning")


def test_a_pull_request_from_a_fork_is_reviewed_when_somebody_with_write_access_labels_it(
    world, github, origin, runner, replay
):
    job = runner("agentflow-review.yml", scene(replay, reviewer={"findings": []}))
    opened(world, github, origin, job, source="mallory/cat")
    assert not job.wants("review")
    job.event_name = "pull_request_target"
    assert not job.wants("review")
    job.event |= {"action": "labeled", "label": {"name": "agentflow-review"}, "sender": {"login": "ada"}}
    assert job.wants("review")
    github.facts["collaborators/ada/permission"] = {"permission": "write"}
    assert job.do("review") == 0, job.log
    assert len(github.reviews) == 1


@pytest.mark.parametrize("facts", [{"collaborators/mallory/permission": {"permission": "read"}}, {}])
def test_a_label_set_without_write_access_starts_no_review(world, github, origin, runner, facts):
    job = runner("agentflow-review.yml")
    opened(world, github, origin, job, source="mallory/cat")
    job.event |= {"action": "labeled", "label": {"name": "agentflow-review"}}
    job.event_name = "pull_request_target"
    github.facts |= facts
    assert job.do("review") == 1
    assert not (job.work / ".git").exists()
    assert github.reviews == []


@pytest.fixture
def labelled(runner, replay, github):
    """Gives the runner for a run from issue 12 with these words, whose label ada set, who may `permission`."""

    def start(title: str, body: str, permission: str = "write", model: Any = None) -> Runner:
        job = runner("agentflow-run.yml", model)
        issue = {"number": 12, "title": title, "body": body}
        repository = {"default_branch": "main"}
        job.event = {"action": "labeled", "label": {"name": "agentflow"}, "issue": issue, "repository": repository}
        job.event_name = "issues"
        set_by = [("mallory", "agentflow"), ("ada", "agentflow"), ("mallory", "bug")]
        github.facts["issues/12/events"] = [
            {"event": "labeled", "label": {"name": label}, "actor": {"login": login}} for login, label in set_by
        ]
        github.facts["collaborators/ada/permission"] = {"permission": permission}
        github.facts["collaborators/mallory/permission"] = {"permission": "read"}
        return job

    return start


@pytest.mark.cli
@pytest.mark.skipif(not bubblewrap_works(), reason="no bubblewrap")
def test_a_labelled_issue_becomes_a_draft_whose_branch_passed_its_checks(world, github, origin, labelled, errand):
    model = errand.serve(errand.plans("a"), errand.writes("a"))
    job = labelled("--budget 1000 write a", "$(touch pwned) `touch pwned`\n::set-output name=x::y", model=model)
    assert job.wants("ask")
    assert job.do("ask") == 0, job.log
    assert job.do("work") == 0, job.log
    assert model.unmatched == []
    planner = json.dumps(model.requests[0].body)
    assert "Issue 12: --budget 1000 write a" in planner
    assert "$(touch pwned) `touch pwned`" in planner
    assert not list(world.folder.rglob("pwned"))
    assert json.loads((job.temp / "run.json").read_text())["budget_usd"] == 2.0
    assert job.do("propose") == 0, job.log
    branch = "agentflow/issue-12-99-1"
    assert world.git(origin, "show", f"{branch}:a.txt") == "good"
    assert world.git(origin, "rev-parse", f"{branch}~1") == world.git(origin, "rev-parse", "main")
    (draft,) = github.drafts
    assert (draft["--base"], draft["--head"], draft["--repo"]) == ("main", branch, "octo/cat")
    assert "write a" not in json.dumps(draft)
    assert KEY not in job.log + job.summary


@pytest.mark.parametrize("permission", ["read", "none"])
def test_a_label_set_without_write_access_starts_no_run(origin, labelled, permission):
    job = labelled("Write a", "", permission)
    assert job.do("ask") == 1
    assert "without write access" in job.log


def test_another_label_starts_no_run(origin, labelled):
    job = labelled("Write a", "")
    job.event["label"]["name"] = "bug"
    assert not job.wants("ask")


def test_a_run_that_stops_says_why_and_proposes_nothing(world, origin, labelled, replay):
    job = labelled("Write a", "", model=scene(replay, planner={"fault": {"status": 401, "times": "*"}}))
    assert job.do("work") not in {0, 1}
    assert "could not do its work" in job.log
    assert not (world.folder / "runner/artifacts").exists()


@pytest.mark.parametrize("file", [".github/workflows/ci.yml", ".github/actions/a/action.yml"])
def test_a_result_that_changes_what_github_runs_is_not_pushed(world, github, origin, labelled, file):
    job = labelled("Write a", "")
    commit_to(world, origin, {file: "on: push\n"}, "refs/heads/agentflow/result")
    kept = world.folder / "runner/artifacts/agentflow-run"
    kept.mkdir(parents=True)
    world.git(origin, "bundle", "create", "-q", str(kept / "branch.bundle"), "main..agentflow/result")
    assert job.do("propose") == 1
    assert "changes .github" in job.log
    assert github.drafts == []
    assert world.git(origin, "branch", "--list", "agentflow/issue-*") == ""


def test_a_partial_review_fails_the_job_as_such_and_spares_code_scanning(world, github, origin, runner, replay):
    job = runner("agentflow-review.yml", scene(replay, reviewer={"findings": "none"}))
    opened(world, github, origin, job)
    assert job.do("review") == 1, job.log
    assert job.needs["review"]["outputs"]["verdict"] == "partial"
    assert "A part could not be reviewed" in job.log
    assert "Findings of severity" not in job.log
    assert not job.wants("code-scanning")
