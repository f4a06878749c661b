"""What the agents of a review are told; their standing instructions are their definitions' prompts.

Code, file names, rules and findings are untrusted: see `domain/untrusted.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from agentflow.domain.findings import Finding
from agentflow.domain.reviews import Deleted, Pack, Part, Scope
from agentflow.domain.text import shown
from agentflow.domain.untrusted import untrusted
from agentflow.review.joining import Candidate
from agentflow.review.showing import outline, show, shown_line
from agentflow.review.source import Source
from agentflow.workflows.prompts import MAX_RULES, sections

MAX_LISTED = 200
#: Of those that a finding speaks for: how many are told to who judges it, and the characters of each message.
MOST_ALSO, MAX_ALSO = 5, 600
#: Tokens of the outline a synthesizer sees.
OUTLINE_TOKENS = 8_000
#: What stands above the excerpts that travel with a pack.
RESTS_ON = "What this code uses, from elsewhere in the repository, often only its beginning. It is not under review:"


def shared_prompt(rules: str, scope: Scope) -> str:
    """What every reviewer of this review is told: the same text each time, so that it is paid once."""
    listed = [shown(file) for file in scope.files[:MAX_LISTED]]
    more = len(scope.files) - len(listed)
    files = "\n".join([*listed, *([f"… and {more} more"] if more > 0 else [])])
    gone = "\n".join(_deleted(one) for one in scope.deleted[:MAX_LISTED])
    return sections(
        untrusted("the project's own rules", rules[:MAX_RULES]) if rules else "",
        untrusted(f"names of the {len(scope.files)} files under review", files),
        untrusted("files that the change deletes, each with lines that still name it", gone) if gone else "",
    )


def _deleted(one: Deleted) -> str:
    return "\n".join([shown(one.file), *(f"    {shown(use)}" for use in one.uses)])


def pack_prompt(pack: Pack, sources: Mapping[str, Source]) -> str:
    """What the reviewer of a pack is shown beside what all are told."""
    rests_on = [show(sources[excerpt.part.file], excerpt.part) for excerpt in pack.excerpts]
    return sections(
        *(show(sources[part.file], part) for part in pack.parts),
        *([RESTS_ON, *rests_on] if rests_on else []),
        "Answer with the findings in these files.",
    )


def with_reason(prompt: str, reason: str) -> str:
    """The prompt for who is asked again, with what was wrong with the last answer."""
    return sections(
        prompt,
        untrusted("what was wrong with the last answer", reason),
        "Answer once more, exactly in the form that is asked for.",
    )


def synthesis_prompt(candidates: Sequence[Candidate], sources: Sequence[Source]) -> str:
    return sections(
        untrusted("outline of all files", known) if (known := outline(sources, OUTLINE_TOKENS)) else "",
        untrusted("findings", _listed(candidates)) if candidates else "The reviewers found nothing.",
        "Group the findings and look across the files.",
    )


def verification_prompt(candidates: Sequence[Candidate], parts: Sequence[Part], sources: Mapping[str, Source]) -> str:
    return sections(
        *(show(sources[part.file], part) for part in parts),
        untrusted("findings", _listed(candidates)),
        "Give a verdict on every finding.",
    )


def _listed(candidates: Sequence[Candidate]) -> str:
    return "\n".join(json.dumps(_told(one), ensure_ascii=False) for one in candidates)


def _told(candidate: Candidate) -> dict[str, object]:
    """What a finding says, without unseen characters, and in a few words what those say that it speaks for."""
    finding = candidate.finding
    also = [
        {"lines": _lines(one), "title": one.title, "message": one.message[:MAX_ALSO]}
        for one in candidate.members[:MOST_ALSO]
    ]
    return {
        "number": candidate.number,
        "file": shown(finding.file),
        "lines": _lines(finding),
        "rule": finding.rule,
        "severity": finding.severity.value,
        "category": finding.category.value,
        "title": finding.title,
        "message": finding.message,
        "evidence": "\n".join(map(shown_line, finding.evidence.split("\n"))),
        **({"also": also} if also else {}),
    }


def _lines(finding: Finding) -> str:
    return f"{finding.line}-{finding.last_line}" if finding.end_line else str(finding.line)
