"""`agentflow review`: what its streams, its reports and `agentflow runs` say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from agentflow.report.documents import schema

OFFICIAL = Path(__file__).parents[1] / "report" / "reviews" / "schemas"
SEVERITIES = ("critical", "high", "medium", "low")


def official(name):
    return json.loads((OFFICIAL / name).read_text(encoding="utf-8"))


def defect(n):
    """A defect on line `n`, unlike its neighbours."""
    sort = {"severity": SEVERITIES[n % 4], "category": "bug", "confidence": 0.9, "suggestion": None, "elsewhere": False}
    words = {"rule": f"rule-{n}", "title": f"one{n} two{n}", "message": f"x{n} divides by zero."}
    return {**words, "file": "a.py", "line": n, "end_line": None, "evidence": f"x{n} = 1 / 0", **sort}


@pytest.fixture
def scene(replay):
    """A server whose reviewers report defects on lines 1 to `count`, all of which are confirmed."""

    def start(count):
        verdict = {"verdict": "confirmed", "reason": "1 / 0.", "confidence": 0.95}
        answers = {
            "reviewer": {"findings": [defect(n) for n in range(1, count + 1)]},
            "synthesizer": {"groups": [], "findings": []},
            "verifier": {"verdicts": [{"number": n, **verdict} for n in range(1, count + 1)]},
        }
        rules = [{"when": {"agent": name}, "times": "*", "turns": [{"answer": a}]} for name, a in answers.items()]
        return replay(json.dumps({"name": "review", "rules": rules}))

    return start


@pytest.mark.cli
@pytest.mark.long
def test_two_hundred_findings_are_told_in_every_form_and_by_the_runs_commands(world, scene):
    root = world.repository({"a.py": "".join(f"x{n} = 1 / 0\n" for n in range(1, 201))})
    server = scene(200)
    files = {form: world.folder / f"told.{form}" for form in ("json", "sarif", "rdjson", "md", "txt")}
    saving = [word for file in files.values() for word in ("--save", str(file))]
    ended = world.agentflow(root, "review", "a.py", "--format", "github", *saving, replay=server)
    assert (ended.code, server.unmatched) == (1, []), ended.err
    saved = {form: file.read_text(encoding="utf-8") for form, file in files.items()}
    annotations = ended.out.splitlines()
    levels = [re.match(r"::(\w+) ?", line)[1] for line in annotations]
    assert [levels.count(level) for level in ("error", "warning", "notice")] == [10, 10, 10]
    assert levels[:10] == ["error"] * 10
    assert all("title=critical" in line for line in annotations[:10])
    assert annotations[-1].startswith("::notice::171 more findings are not annotated")

    document, log, diagnostics = (json.loads(saved[form]) for form in ("json", "sarif", "rdjson"))
    jsonschema.validate(document, schema("review-1"))
    jsonschema.Draft4Validator(official("sarif-2.1.0-rtm.5.json")).validate(log)
    jsonschema.Draft202012Validator(official("rdjson.json")).validate(diagnostics)
    prints = [found["fingerprint"] for found in document["findings"]]
    (run,) = log["runs"]
    assert len(set(prints)) == document["failing"] + 100 == 200
    assert [result["partialFingerprints"]["agentflow/v2"] for result in run["results"]] == prints
    assert len(diagnostics["diagnostics"]) == 200
    assert saved["md"].startswith("## ✗ 100 findings at or above high\n")
    assert len(saved["md"]) < 65_536
    assert saved["txt"].startswith("✗ 100 findings at or above high\n\na.py (200 findings)\n")

    listed = world.agentflow(root, "runs", "list").out
    shown = world.agentflow(root, "runs", "show", document["run_id"])
    assert (document["run_id"] in listed, "review a.py" in listed) == (True, True)
    assert shown.out == saved["txt"]
    assert world.agentflow(root, "runs", "show", document["run_id"], "--json").json == document


@pytest.mark.parametrize("form", ["sarif", "rdjson", "markdown"])
def test_stdout_holds_the_chosen_form_and_nothing_else(world, scene, form):
    root = world.repository({"a.py": "a = 1\n"})
    ended = world.agentflow(root, "review", "--format", form, replay=scene(1))
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    if form == "markdown":
        assert ended.out.startswith("## nothing to review")
    else:
        assert ended.json
    assert "review the changes since" in ended.err


def test_a_quiet_review_says_its_result_only(world, scene):
    root = world.repository({"a.py": "x1 = 1 / 0\n"})
    server = scene(1)
    ended = world.agentflow(root, "review", "a.py", "--quiet", replay=server)
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith("✗ 1 finding at or above high\n\na.py (1 finding)\n")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--save", "told.xyz"], "no form of a review fits the name 'told.xyz'"),
        (["--save", "nowhere/told.md"], "the report 'nowhere/told.md' cannot be written: there is no such folder"),
        (["--pr", "3", "a.py"], "--pr stands alone"),
    ],
)
def test_reports_that_cannot_be_are_refused_before_anything_is_spent(world, args, told):
    root = world.repository({"a.py": "a = 1\n"})
    ended = world.agentflow(root, "review", *args)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {told}")
    assert world.events() == []
