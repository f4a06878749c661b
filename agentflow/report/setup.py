"""What `agentflow init` did, as a document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from agentflow.report.documents import as_text


class _Change(Protocol):
    """A file that was created, changed or removed."""

    @property
    def path(self) -> str: ...
    @property
    def word(self) -> str: ...
    @property
    def diff(self) -> str: ...


def init_document(
    root: Path, made: Sequence[_Change], kept: Sequence[str], *, trusted: bool, silent: str | None
) -> str:
    """`agentflow/init/1`, as it is printed. `kept`: files that an uninstallation left, since they were changed.

    `silent`: why Claude Code cannot start the hooks here, if it cannot.
    """
    return as_text(
        {
            "schema": "agentflow/init/1",
            "repository": str(root),
            "trusted": trusted,
            "changes": [{"path": change.path, "change": change.word, "diff": change.diff} for change in made],
            "kept": list(kept),
            "hooks_cannot_start": silent,
        }
    )
