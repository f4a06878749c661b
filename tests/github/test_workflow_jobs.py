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


@pytest.fixture
def origin(world: Any) -> Path:
    """octo/cat with pull request 7, whose author branched off before two later commits; the base is `main`."""
    root = world.repository({"app.py": "import sys\n"})
    bare = world.folder / "srv/octo/cat.git"
    ada = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")

    def commit(**files: str) -> None:
        for name, text in files.items():
            (root / f"{name}.py").write_text(text)
        world.git(root, "add", "-A")
        world.git(root, *ada, "commit", "-qm", "Change")

    world.git(root, "switch", "-qc", "change")
    commit(app=APP)
    world.git(root, "update-ref", "refs/pull/7/head", "HEAD")
    world.git(root, "switch", "-q", "main")
    commit(one="1\n")
    commit(two="2\n")
    world.git(root, "branch", "-qD", "change")
    world.git(world.folder, "clone", "-q", "--mirror", str(root), str(bare))
    return bare


@pytest.fixture
def runner(world: Any, github: Any, origin: Path, stand_in: str) -> Callable[..., Runner]:
    """Gives the runner for a workflow. Its machine reaches GitHub by `gh`, and the model at `replay`."""
    tools = world.folder / "tools"
    tools.mkdir()
    (tools / "agents_gh").write_text(stand_in)
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
GROUPS = {"groups": [{"members": [1], "severity": "high"}], "findings": []}
VERDICTS = {"verdicts": [{"number": 1, "verdict": "confirmed", "reason": "Line 5.", "confidence": 0.95}]}


def scene(replay: Any, **answers: dict[str, Any]) -> Any:
    """A model whose agents give these answers, or faults."""
    rules = [
        {"when": {"agent": agent}, "times": "*", "turns": [answer if "fault" in answer else {"answer": answer}]}
        for agent, answer in answers.items()
    ]
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
