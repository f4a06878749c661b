"""`agentflow review`: cheap models read everything, a stronger one judges."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from agentflow.cli import options
from agentflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentflow.store.ledger import Ledger
    from agentflow.store.records import RunRecord
    from agentflow.workflows.driver import Ending


class FailOn(StrEnum):
    """From which severity on findings fail the review."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NEVER = "never"


class Unsure(StrEnum):
    """What findings that stay unsure do to the exit code."""

    FAIL = "fail"
    WARN = "warn"


class Show(StrEnum):
    """What of the dropped findings is listed one by one."""

    VOID = "void"
    REFUTED = "refuted"


class Format(StrEnum):
    """What is printed on stdout."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    SARIF = "sarif"
    RDJSON = "rdjson"
    RDJSONL = "rdjsonl"
    GITHUB = "github"


def review(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH|COMMIT|BASE..HEAD]...",
            help="Files, folders, globs, a commit or a range. Default: your changes.",
        ),
    ] = None,
    staged: Annotated[
        bool, typer.Option("--staged", help="Review what is staged, as `git commit` would take it.")
    ] = False,
    pr: Annotated[
        int | None, typer.Option("--pr", metavar="N", min=1, help="Review pull request N and post one review (gh).")
    ] = None,
    drafts: Annotated[
        bool, typer.Option("--drafts", help="With --pr: also a draft, a closed or a merged one.")
    ] = False,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="Exit 1 from this severity on.")] = FailOn.HIGH,
    min_confidence: Annotated[
        float, typer.Option("--min-confidence", metavar="0..1", min=0, max=1, help="Show findings at least this sure.")
    ] = 0.8,
    unsure: Annotated[Unsure, typer.Option("--unsure", help="What grave findings that stay unsure do.")] = Unsure.WARN,
    show: Annotated[
        list[Show] | None, typer.Option("--show", help="List what was dropped, with the reason; repeatable.")
    ] = None,
    max_findings: Annotated[
        int | None, typer.Option("--max-findings", metavar="N", min=1, help="Show the N worst only.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="An earlier JSON or SARIF report: show new ones.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="GLOB", help="Leave these files out; repeatable.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="What is printed on stdout.")] = Format.TEXT,
    save: Annotated[
        list[Path] | None,
        typer.Option(
            "--save", metavar="FILE", help="Write a report too, by its name: .sarif .md .json .rdjson[l] .txt"
        ),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Hand the confirmed findings to `agentflow run`.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="No model is called; with --pr: show what would be posted.")
    ] = False,
    yes: options.Yes = False,
    budget: options.Budget = None,
    max_parallel: Annotated[
        int | None, typer.Option("--max-parallel", metavar="N", min=1, help="Reviewers at once (default 8).")
    ] = None,
    trust: options.Trust = False,
    detach: options.Detach = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Review files or changes.

    Many cheap reviewers read everything; a stronger one joins, checks and ranks what they found.
    """
    from agentflow.cli import review_fix, review_post, review_preview
    from agentflow.cli.detaching import detach as let_go
    from agentflow.cli.driving import require_approval
    from agentflow.cli.review_report import Telling, tell
    from agentflow.config.nesting import require_outermost
    from agentflow.config.paths import here
    from agentflow.domain.findings import Severity, Why
    from agentflow.report.reviews.loading import review_of
    from agentflow.store.ledger import open_ledger
    from agentflow.workflows.reviewing.opening import Wanted, new_review, open_review

    require_outermost(os.environ)
    if detach and (pr is not None or fix or save or form is not Format.TEXT):
        raise UsageError(
            "--detach goes without --pr, --fix, --save and --format",
            hint="the report is kept: agentflow runs show RUN",
        )
    if drafts and pr is None:
        raise UsageError("--drafts goes with --pr", hint="agentflow review --pr 12 --drafts")
    if pr is not None and (targets or staged or fix):
        raise UsageError("--pr stands alone: no targets, --staged or --fix with it", hint="agentflow review --pr 12")
    wanted = Wanted(
        targets=tuple(targets or ()),
        staged=staged,
        pull_request=pr,
        drafts=drafts,
        exclude=tuple(exclude or ()),
        fail_on=None if fail_on is FailOn.NEVER else Severity(fail_on.value),
        min_confidence=min_confidence,
        max_findings=max_findings,
        baseline=baseline,
        max_parallel=max_parallel,
        trust=trust,
        unsure_fails=unsure is Unsure.FAIL,
        listed=tuple(Why(one.value) for one in show or ()),
    )
    telling = Telling("json" if json else form.value, save or ())
    flags = options.settings(budget_usd=budget)
    opened = asyncio.run(open_review(here(), flags, wanted))
    if dry_run and pr is None:
        review_preview.show(opened, as_json=telling.form == "json")
        return
    if fix:
        review_fix.require_checked_out(opened.spec.head, opened.workplace.repository.head)
        require_approval(yes=yes, as_json=telling.form == "json")
    with open_ledger() as ledger:
        run_id = asyncio.run(new_review(ledger, opened, fix=fix, approved=yes))
        if detach:
            let_go(ledger, run_id, as_json=json)
            return
        ending = _drive(ledger, run_id, {}, quiet=quiet)
        done = review_of(ledger, run_id)
        if dry_run:
            review_post.show(opened, done)
            telling = replace(telling, form=None)
        if fix:
            raise typer.Exit(review_fix.tell_and_fix(ledger, done, ending, telling, yes=yes, quiet=quiet))
        code = tell(done, ending, telling)
        if opened.pull is not None and ending.error is None and not dry_run:
            code = review_post.post(opened, opened.pull, done) or code
        raise typer.Exit(code)


def carry_out_review(
    ledger: Ledger, run: RunRecord, changed: Mapping[str, object], *, yes: bool, quiet: bool, as_json: bool
) -> NoReturn:
    """Go on with a review, from wherever it stands, and with what was to follow; exits with the contract's code."""
    from agentflow.cli.driving import require_approval
    from agentflow.cli.review_fix import tell_and_fix
    from agentflow.cli.review_report import Telling, tell
    from agentflow.report import term
    from agentflow.report.reviews.loading import review_of

    fix, telling = run.spec.get("fix"), Telling("json" if as_json else "text")
    if fix:
        require_approval(yes=yes, as_json=as_json)
    ending = _drive(ledger, run.id, changed, quiet=quiet)
    done = review_of(ledger, run.id)
    if fix:
        raise typer.Exit(tell_and_fix(ledger, done, ending, telling, yes=yes, quiet=quiet))
    code = tell(done, ending, telling)
    if ending.error is None and done.spec.pull_request is not None:
        term.note(f"nothing was posted; to do so: agentflow review --pr {done.spec.pull_request}")
    raise typer.Exit(code)


def _drive(ledger: Ledger, run_id: str, changed: Mapping[str, object], *, quiet: bool) -> Ending:
    from agentflow.cli.driving import watcher
    from agentflow.workflows.driver import review_only
    from agentflow.workflows.opening import open_run

    context = asyncio.run(open_run(ledger, run_id, changed))
    return review_only(context, watcher(ledger, run_id, quiet=quiet))
