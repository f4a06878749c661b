"""What the agents of a review are told; their standing instructions are their definitions' prompts.

Code, file names, rules and findings are untrusted: see `domain/untrusted.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from agentflow.domain.findings import Finding
from agentflow.domain.reviews import Deleted, Part, Scope
from agentflow.domain.text import shown
from agentflow.domain.untrusted import untrusted
from agentflow.review.joining import Candidate
from agentflow.review.showing import outline, show
from agentflow.review.source import Source
from agentflow.workflows.prompts import MAX_RULES, sections

MAX_LISTED = 200
#: Tokens of the outline a synthesizer sees.
OUTLINE_TOKENS = 8_000


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


def pack_prompt(parts: Sequence[Part], sources: Mapping[str, Source]) -> str:
    return sections(*(show(sources[part.file], part) for part in parts), "Answer with the findings in these files.")


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
    return "\n".join(json.dumps(_told(c.number, c.finding), ensure_ascii=False) for c in candidates)


def _told(number: int, finding: Finding) -> dict[str, object]:
    lines = f"{finding.line}-{finding.last_line}" if finding.end_line else str(finding.line)
    return {
        "number": number,
        "file": shown(finding.file),
        "lines": lines,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "category": finding.category.value,
        "title": finding.title,
        "message": finding.message,
        "evidence": finding.evidence,
    }
