"""How a review is told on the command line: one form on stdout, others into files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.errors import UsageError

if TYPE_CHECKING:
    from agentflow.report.reviews.loading import Review
    from agentflow.store.ledger import Ledger
    from agentflow.workflows.driver import Ending


@dataclass(frozen=True, slots=True)
class Telling:
    """`form` is what stdout gets, None for nothing; `save` the files that get a report, each by its name.

    Raises UsageError for a file whose name tells no form.
    """

    form: str | None
    save: Sequence[Path] = ()

    def __post_init__(self) -> None:
        from agentflow.report.reviews.formats import format_for

        for path in self.save:
            format_for(path)


def tell(
    ledger: Ledger, review: Review, ending: Ending, telling: Telling, mended: tuple[str, Ending] | None = None
) -> int:
    """Print and save the review, and the run that mends what it found. What stopped it goes to stderr.

    Returns the exit code: the run's, where there is one.
    """
    from agentflow.report import summary, term
    from agentflow.report.reviews.formats import FORMATS, format_for

    for path in telling.save:
        _write(path, FORMATS[format_for(path)](review))
    if telling.form == "json":
        term.data(_document(ledger, review, mended))
    elif telling.form is not None:
        term.data(FORMATS[telling.form](review))
    if mended is not None:
        summary.show(ledger, mended[0])
    last = mended[1] if mended else ending
    if last.error is not None:
        term.error(last.error.message, last.error.hint)
    return last.exit_code


def _document(ledger: Ledger, review: Review, mended: tuple[str, Ending] | None) -> str:
    from agentflow.report import documents
    from agentflow.report.reviews.document import review_document

    fix = {"fix": documents.run_document(ledger, mended[0])} if mended else {}
    return documents.as_text({**review_document(review), **fix})


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the report {path} cannot be written: {error.strerror}") from error
