"""`agentflow review` end to end: what becomes of findings, from a reviewer's words to the report."""

from __future__ import annotations

import json

import pytest

from agentflow.review.line_hashes import line_hashes
from agentflow.review.source import Source

MORE = "import mean\n\n\ndef total(a):\n    return a.total\n\n\ndef half(b):\n    return b / 2\n"


def more(line: int, evidence: str, **about: object) -> dict[str, object]:
    return {"file": "src/more.py", "line": line, "evidence": evidence, **about}


def test_findings_are_grounded_joined_and_checked_before_they_are_told(world, reviewing):
    """In the report stay: what the code bears out, once each, and unless a second reading refutes it."""
    finding = reviewing.finding
    reported = (
        finding(),
        finding(confidence=0.7, title="A repeat"),
        finding(
            line=1, evidence="def mean(values):", rule="unchecked", title="The same in other words", category="api"
        ),
        finding(line=99, title="A line that is not there"),
        finding(evidence="return 42", title="No such code"),
        finding(file="/etc/passwd", line=1, evidence="root:x:0:0", title="No file of the review"),
        finding(**more(5, "return a.total"), title="Refuted", severity="low"),
        finding(**more(9, "return b / 2"), title="Unsure"),
        reviewing.injection(line=1),
    )
    across = finding(**more(4, "def total(a):"), title="Between two files", rule="contract")
    graded = {(2, 1): "high", (3,): "low", (4,): "high", (5,): "critical"}
    groups = [{"members": list(members), "severity": severity} for members, severity in graded.items()]
    server = reviewing.scene(
        reviewing.reports(*reported),
        reviewing.answers("synthesizer", {"groups": groups, "findings": [across]}),
        reviewing.rules_on(
            {1: "confirmed", 2: "refuted", 3: "unsure", 4: "refuted", 5: "confirmed", 77: "refuted"}, tier="sonnet"
        ),
        reviewing.rules_on({3: "unsure", 4: "confirmed"}, tier="opus"),
    )
    root = world.repository({"src/mean.py": reviewing.MEAN, "src/more.py": MORE, "src/run.py": reviewing.RUN})
    ended = reviewing.review(root, "src", "--json", replay=server)
    told = ended.json
    assert [(f["title"], f["severity"], f["line"], f["verified"], f["agreement"]) for f in told["findings"]] == [
        ("A name is run by the shell", "critical", 5, "confirmed", 2),
        ("An empty list divides by zero", "high", 2, "confirmed", 2),
        ("Between two files", "high", 4, "confirmed", 2),
        ("Unsure", "high", 9, "unsure", 1),
    ]
    assert [told["counts"][name] for name in ("voided", "merged", "refuted")] == [2, 3, 1]
    assert {one["title"]: one["reason"] for one in told["void"]} == {
        "No such code": "its evidence does not occur in the file",
        "No file of the review": "it names a file that was not shown",
    }
    assert [(one["title"], one["by"]) for one in told["refuted"]] == [("Refuted", "sonnet")]
    assert len(told["merged"]) == 3
    assert (ended.code, told["failing"]) == (1, 3)
    (second,) = (request for request in server.requests if request.labels["tier"] == "opus")
    assert '"title": "Unsure"' in second.last_text
    assert '"title": "Between two files"' not in second.last_text
    assert "\n5     os.system('ls ' + name)\n</untrusted>" in second.last_text


@pytest.mark.long
def test_known_and_ignored_findings_are_not_told_again_wherever_they_move(world, reviewing):
    ignored = reviewing.RUN.replace("+ name)", "+ name)  # agentflow: ignore[command-injection] names are ours")
    root = world.repository({"src/mean.py": reviewing.MEAN, "src/run.py": ignored})
    moved = reviewing.finding(line=42)
    new = reviewing.finding(line=7, evidence="n7 = 1 / 0", title="Seven divides by zero", rule="seven")
    server = reviewing.scene(
        reviewing.reports(reviewing.finding(), reviewing.injection()),
        reviewing.reports(moved, new, reviewing.injection()),
        reviewing.answers("synthesizer", {"groups": [], "findings": []}, "*"),
        reviewing.rules_on(dict.fromkeys((1, 2, 3), "confirmed"), "*"),
    )
    earlier = world.folder / "earlier.json", world.folder / "earlier.sarif"
    saved = [word for path in earlier for word in ("--save", str(path))]
    first = reviewing.review(root, "src", *saved, replay=server)
    assert first.code == 1
    assert "src/run.py:5  command-injection: names are ours" in first.out
    hashes = line_hashes(Source("src/mean.py", tuple(reviewing.MEAN.splitlines())))
    results = json.loads(earlier[1].read_text())["runs"][0]["results"]
    assert hashes[1] in {result["partialFingerprints"]["primaryLocationLineHash"] for result in results}
    (root / "src/mean.py").write_text("".join(f"n{n} = 1 / 0\n" for n in range(1, 41)) + reviewing.MEAN)
    for path in earlier:
        ended = reviewing.review(root, "src", "--baseline", str(path), "--json", replay=server)
        told = ended.json
        assert [found["title"] for found in told["findings"]] == ["Seven divides by zero"]
        assert [(found["title"], found["line"]) for found in told["known"]] == [("An empty list divides by zero", 42)]
        assert [found["suppression"] for found in told["suppressed"]] == ["names are ours"]
        assert (ended.code, told["failing"]) == (1, 1)


def test_a_change_cannot_silence_its_own_review(world, reviewing):
    root = world.repository({"src/run.py": reviewing.RUN})
    ignored = reviewing.RUN.replace("+ name)", "+ name)  # agentflow: ignore[*] names are ours")
    world.git(root, "switch", "-qc", "feature")
    (root / "src/run.py").write_text(ignored)
    server = reviewing.scene(
        reviewing.reports(reviewing.injection(evidence="os.system('ls ' + name)")),
        reviewing.answers("synthesizer", {"groups": [], "findings": []}, "*"),
        reviewing.rules_on({1: "confirmed"}, "*"),
    )
    ended = reviewing.review(root, "--json", replay=server)
    told = ended.json
    assert [(found["rule"], found["severity"]) for found in told["findings"]] == [
        ("command-injection", "critical"),
        ("suppression-added", "low"),
    ]
    assert (ended.code, told["suppressed"]) == (1, [])


@pytest.mark.long
def test_what_is_shown_and_what_fails_is_for_the_caller_to_say(world, reviewing):
    root = world.repository({"src/mean.py": reviewing.MEAN, "src/run.py": reviewing.RUN})
    groups = [{"members": [1], "severity": "high"}, {"members": [2], "severity": "medium"}]
    server = reviewing.scene(
        reviewing.reports(reviewing.finding(), reviewing.injection()),
        reviewing.answers("synthesizer", {"groups": groups, "findings": []}, "*"),
        reviewing.rules_on({1: "confirmed", 2: "confirmed"}, "*"),
    )

    def review(*args):
        ended = reviewing.review(root, "src", "--json", *args, replay=server)
        told = ended.json
        return ended.code, len(told["findings"]), told["failing"], told["counts"]["cut"], told["counts"]["doubtful"]

    assert review("--fail-on", "never") == (0, 2, 0, 0, 0)
    assert review("--fail-on", "medium", "--max-findings", "1") == (1, 2, 2, 1, 0)
    assert review("--min-confidence", "0.99") == (0, 0, 0, 0, 2)
    assert len([request for request in server.requests if request.labels["agent"] == "reviewer"]) == 1


def test_a_refutation_alone_and_void_evidence_are_told_and_fail_when_that_is_asked_for(world, reviewing):
    root = world.repository({"src/mean.py": reviewing.MEAN, "src/run.py": reviewing.RUN})
    void = reviewing.injection(evidence="os.popen('ls ' + name)", severity="low", title="Not there")
    server = reviewing.scene(
        reviewing.reports(reviewing.finding(), void),
        reviewing.answers("synthesizer", {"groups": [], "findings": []}, "*"),
        reviewing.rules_on({1: "refuted"}, "*", tier="sonnet"),
        reviewing.rules_on({1: "unsure"}, "*", tier="opus"),
    )
    warned = reviewing.review(root, "src", "--show", "void", replay=server)
    assert warned.code == 0, warned.err
    assert "? 1 finding at or above high is unsure; --unsure fail makes that fail" in warned.out.splitlines()[:2]
    assert "    void  low  src/run.py:5  Not there: its evidence does not occur in the file (agentflow)" in warned.out
    failed = reviewing.review(root, "src", "--unsure", "fail", "--json", replay=server)
    assert (failed.code, failed.json["unsure"], failed.json["failing"]) == (1, 1, 0)
    assert [one["title"] for one in failed.json["void"]] == ["Not there"]


def test_a_suggestion_goes_out_in_the_characters_of_the_file(world, reviewing):
    """What is unseen is shown to reviewers written out; nothing of that may reach the file."""
    root = world.repository({"src/warn.py": 'def warn(say):\n    say("⚠️ ♂\u200d♀" % 1)\n'})
    seen = 'say("⚠\\ufe0f ♂\\u200d♀"'
    found = reviewing.finding(
        file="src/warn.py", line=2, evidence=f"    {seen} % 1)", suggestion=f"    {seen})", title="Wrong"
    )
    server = reviewing.scene(reviewing.reports(found), reviewing.rules_on({1: "confirmed"}))
    saved = {name: world.folder / f"report.{name}" for name in ("sarif", "rdjson", "json")}
    ended = reviewing.review(
        root, "src", *(word for path in saved.values() for word in ("--save", str(path))), replay=server
    )
    assert ended.code == 1, ended.err
    mended = '    say("⚠️ ♂\u200d♀")'
    (result,) = json.loads(saved["sarif"].read_text(encoding="utf-8"))["runs"][0]["results"]
    change = result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"]
    (diagnostic,) = json.loads(saved["rdjson"].read_text(encoding="utf-8"))["diagnostics"]
    (told,) = json.loads(saved["json"].read_text(encoding="utf-8"))["findings"]
    assert [change, diagnostic["suggestions"][0]["text"], told["suggestion"]] == [mended] * 3
