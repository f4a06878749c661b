"""`agentflow review --dry-run`: what would be read and what it may cost, with no model called."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentflow.domain.reviews import Scope
    from agentflow.workflows.reviewing.opening import Opened


def show(opened: Opened, *, as_json: bool) -> None:
    """Print the packs, what is left out and why, and the price range."""
    from agentflow.config.paths import run_dir
    from agentflow.report import documents, term
    from agentflow.workflows.reviewing.collecting import preview

    try:
        scope, estimate = asyncio.run(preview(opened.workplace, opened.spec))
    finally:
        shutil.rmtree(run_dir(opened.run_id), ignore_errors=True)
    if as_json:
        term.data(documents.as_text(_document(opened, scope, estimate)))
    else:
        term.data(_text(opened, scope, estimate))


def _document(opened: Opened, scope: Scope, estimate: tuple[float, float] | None) -> dict[str, Any]:
    from agentflow.domain.codec import encode

    spec = opened.spec
    return {
        "schema": "agentflow/review-dry-run/1",
        "mode": spec.mode.value,
        "base": spec.base,
        "head": spec.head,
        "files": list(scope.files),
        "files_skipped": [encode(skipped) for skipped in scope.skipped],
        "packs": [{"name": pack.name, "files": list(pack.files), "tokens": pack.tokens} for pack in scope.packs],
        "notes": [*opened.notices, *scope.notes],
        "estimate_usd": None if estimate is None else [round(usd, 4) for usd in estimate],
    }


def _text(opened: Opened, scope: Scope, estimate: tuple[float, float] | None) -> str:
    from agentflow.domain.text import shown
    from agentflow.report.figures import count, counted, dollars

    price = f"about {dollars(estimate[0])} to {dollars(estimate[1])}" if estimate else "no known price"
    total = count(sum(pack.tokens for pack in scope.packs))
    files, in_packs = counted(len(scope.files), "file"), counted(len(scope.packs), "pack")
    read = f"{files} in {in_packs}, {total} tokens, {price}" if scope.packs else "nothing to review"
    head = f"{shown(opened.title)}: {read}"
    packs = [f"  {p.name} ({count(p.tokens)}): {', '.join(map(shown, p.files))}" for p in scope.packs]
    reasons = Counter(skipped.reason for skipped in scope.skipped)
    left_out = [f"  {n} {reason}" for reason, n in reasons.most_common()]
    return "\n".join([head, *packs, *(["skipped:", *left_out] if left_out else []), *opened.notices, *scope.notes])
