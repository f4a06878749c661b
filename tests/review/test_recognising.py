"""After which edits a finding is the same defect, and after which another: the corpus in identities.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from agentflow.domain.findings import Category, Finding, Severity
from agentflow.review.identity import Read, identity_of, read_back, written
from agentflow.review.recognising import recognised
from agentflow.review.source import Source
from agentflow.review.text import lines_of

CORPUS = yaml.safe_load(Path(__file__).with_name("identities.yaml").read_text(encoding="utf-8"))


def place(lines, at):
    text, _, number = at.partition("#")
    found = [n for n, line in enumerate(lines, start=1) if text in line]
    return found[int(number or 1) - 1]


def a_finding(base, lines, file, said):
    rule, severity, category, title, message = base["said"]
    given = {"rule": rule, "severity": severity, "category": category, "title": title, "message": message, **said}
    line = place(lines, given.pop("at", base["at"]))
    last = line + given.pop("lines", 1) - 1
    return Finding(
        **{**given, "severity": Severity(given["severity"]), "category": Category(given["category"])},
        file=file,
        line=line,
        end_line=last if last > line else None,
        confidence=0.9,
        evidence=lines[line - 1],
    )


def before_and_after(case):
    base = CORPUS["bases"][case["base"]]
    code = base["code"]
    for old, new in case.get("edit", ()):
        assert old in code, old
        code = code.replace(old, new, 1)
    file = case.get("file", base["file"])
    then, now = Source(base["file"], lines_of(base["code"])), Source(file, lines_of(code))
    return (
        identity_of(a_finding(base, then.lines, then.path, {}), Read(then)),
        identity_of(a_finding(base, now.lines, file, case.get("said", {})), Read(now)),
        Read(now),
    )


def named(cases):
    return [pytest.param(case, id=case["what"]) for case in cases]


def is_same(case):
    old, new, read = before_and_after(case)
    remembered = read_back(old.file, written(old))
    assert remembered == old
    return recognised([new], [remembered], {read.source.path: read}) == {0: 0}


@pytest.mark.parametrize("case", named(CORPUS["same"]))
def test_it_is_the_same_defect(case):
    assert is_same(case)


@pytest.mark.parametrize("case", named(CORPUS["other"]))
def test_it_is_another_defect(case):
    assert not is_same(case)


def test_the_corpus_is_as_large_as_it_has_to_be():
    assert len(CORPUS["same"]) >= 40
    assert len(CORPUS["other"]) >= 20
