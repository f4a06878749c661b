"""However a model words a true finding, it ends on its lines; and a false one ends nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from agentflow.domain.findings import Category, Finding, Severity
from agentflow.review.grounding import ground
from agentflow.review.source import Source
from agentflow.review.text import lines_of

CORPUS = yaml.safe_load(Path(__file__).with_name("wordings.yaml").read_text(encoding="utf-8"))
FILES = {path: Source(path, lines_of(text)) for path, text in CORPUS["files"].items()}
CHANGES = {
    path: Source(path, lines_of(one["text"]), tuple(map(tuple, one["changed"])), one.get("removed", {}))
    for path, one in CORPUS["changes"].items()
}
SHOWN = {**FILES, **CHANGES}


def found(file, line, end_line, evidence, elsewhere=False):
    told = {"rule": "wrong", "title": "It is wrong", "message": "It fails.", "suggestion": None}
    finding = Finding(
        **told,
        file=file,
        line=line,
        end_line=end_line,
        severity=Severity.HIGH,
        category=Category.BUG,
        confidence=0.9,
        evidence=evidence,
        elsewhere=elsewhere,
    )
    return ground([finding], SHOWN)


def named(wordings):
    return [pytest.param(*wording[1:], id=f"{n}: {wording[0]}") for n, wording in enumerate(wordings, start=1)]


@pytest.mark.parametrize("wording", [pytest.param(one, id=f"{n} {one[0]}") for n, one in enumerate(CORPUS["right"], 1)])
def test_a_true_finding_ends_on_its_lines_however_it_is_worded(wording):
    _, file, line, end_line, evidence, first, last, *more = wording
    path, elsewhere = (*more, *(None, False)[len(more) :])
    result = found(file, line, end_line, evidence, elsewhere)
    assert result.voided == ()
    (kept,) = result.kept
    assert kept.file in ({path} if path else SHOWN)
    assert first <= kept.line <= kept.last_line <= last


@pytest.mark.parametrize("wording", [pytest.param(one, id=f"{n} {one[0]}") for n, one in enumerate(CORPUS["wrong"], 1)])
def test_a_false_finding_ends_nowhere_however_it_is_worded(wording):
    result = found(*wording[1:])
    assert result.kept == ()
    ((_, reason),) = result.voided
    assert reason


def test_the_corpus_is_as_broad_as_it_says():
    languages = {Path(path).suffix for path in FILES}
    assert (len(CORPUS["right"]) >= 120, len(CORPUS["wrong"]) >= 60, len(languages) >= 6) == (True, True, True)


BASES = [
    ("app/mean.py", 10, "return total / len(values)"),
    ("lib/buf.c", 13, "memcpy(b->data + b->used, s, n + 1);"),
    ("pkg/store/store.go", 20, "s.items[key] = v"),
    ("src/ring.rs", 13, "let at = self.head - back;"),
    ("web/src/cart.ts", 15, "return sum * rate;"),
    ("src/main/java/org/acme/Account.java", 12, "return owner == name;"),
]
#: What stands in front of, behind and around a line, and what is done to its letters.
ON_A_LINE = {
    "tick": "`{line}`",
    "number": "{n}: {line}",
    "L": "L{n}: {line}",
    "table": "{n} | {line}",
    "search": "{file}:{n}: {line}",
    "words": "Line {n}: {line}",
    "remark": "{line}  # <-- here",
    "comment": "{line} // this is wrong",
    "arrow": "{line}   <---",
    "mark": "+ {line}",
    "list": "- {line}",
    "mail": "> {line}",
    "quotes": '"{line}"',
    "bold": "**{line}**",
    "indent": "    {line}",
}
AROUND_IT = {
    "fence": "```\n{line}\n```",
    "caption": "In {file}:\n{line}",
    "prose": "The value may be wrong here.\n{line}",
    "dots": "...\n{line}\n...",
    "literal break": "{line}\\n",
}


@pytest.mark.parametrize("outer", [*ON_A_LINE.values(), *AROUND_IT.values()], ids=[*ON_A_LINE, *AROUND_IT])
@pytest.mark.parametrize("inner", ON_A_LINE.values(), ids=ON_A_LINE)
def test_ways_of_quoting_go_together(inner, outer):
    for file, n, line in BASES:
        quoted = outer.format(line=inner.format(line=line, file=file, n=n), file=file, n=n)
        (kept,) = found(file, n + 3, None, quoted).kept
        assert (kept.file, kept.line) == (file, n)
        first, _, rest = line.partition(" ")
        assert found(file, n, None, quoted.replace(line, f"{first} other_{rest}")).kept == ()
