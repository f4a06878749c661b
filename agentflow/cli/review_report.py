"""How a review is told on the command line: one form on stdout, others into files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentflow.errors import UsageError

if TYPE_CHECKING:
    from agentflow.report.reviews.loading import Review
    from agentflow.workflows.driver import Ending


@dataclass(frozen=True, slots=True)
class Telling:
    """`form` is what stdout gets, None for nothing; `save` the files that get a report, each by its name.

    Raises UsageError for a file whose name tells no form, or whose folder is not there: before anything is spent.
    """

    form: str | None
    save: Sequence[Path] = ()

    def __post_init__(self) -> None:
        from agentflow.report.reviews.formats import format_for

        for path in self.save:
            format_for(path)
            if not path.parent.is_dir():
                raise UsageError(f"the report {str(path)!r} cannot be written: there is no such folder")


def tell(review: Review, ending: Ending, telling: Telling, fix: Mapping[str, Any] | None = None) -> int:
    """Print and save the review; what stopped it goes to stderr. Returns the exit code.

    `fix` is the document of the run that mends what it found: it stands in the review's own.
    """
    from agentflow.report import term
    from agentflow.report.reviews.formats import FORMATS, format_for

    for path in telling.save:
        _write(path, FORMATS[format_for(path)](review))
    if telling.form == "json":
        term.data(_document(review, fix))
    elif telling.form is not None and (text := FORMATS[telling.form](review)):
        term.data(text)
    if ending.error is not None:
        term.error(ending.error.message, ending.error.hint)
    return ending.exit_code


def _document(review: Review, fix: Mapping[str, Any] | None) -> str:
    from agentflow.report.documents import as_text
    from agentflow.report.reviews.document import review_document

    return as_text({**review_document(review), **({"fix": fix} if fix is not None else {})})


def _write(path: Path, text: str) -> None:
    from agentflow.config.secrecy import redact

    try:
        path.write_text(redact(text if text.endswith("\n") or not text else f"{text}\n"), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the report {str(path)!r} cannot be written: {error.strerror}") from error
