"""Opening a review: what was named on the command line becomes commits, and a run in the ledger."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from agentflow.config.machine import make_folder
from agentflow.config.paths import run_dir
from agentflow.config.reading import read_file
from agentflow.domain.attempts import RunStatus
from agentflow.domain.codec import encode
from agentflow.domain.findings import Severity, Why
from agentflow.domain.reviews import Commented, Mode, Remembered, ReviewSpec, Skipped
from agentflow.domain.scope import matches_scope
from agentflow.errors import UsageError
from agentflow.git.blobs import read_blobs, tree_files
from agentflow.git.commits import set_ref
from agentflow.git.fetching import fetch_ends, source_of, web_address
from agentflow.git.partial import require_present
from agentflow.git.ranges import is_commit, resolve_change, resolve_range, working_base
from agentflow.git.repository import Repository, open_repository
from agentflow.git.snapshots import ignored, snapshot, staged
from agentflow.github.api import Api
from agentflow.github.pull_requests import PullRequest, pull_request
from agentflow.github.standing import standing
from agentflow.models.login import find_login
from agentflow.review.baseline import remembered_in
from agentflow.review.commented import commented
from agentflow.store.ledger import Ledger
from agentflow.store.records import RunRecord
from agentflow.workflows.opening import Workplace, new_id, require_toolless, workplace_of
from agentflow.workflows.trusting import agents_are_agreed

#: What a repository configures, read from the base when the head may be anybody's.
CONFIGURATION = (".agentflow/**",)
NOT_AGREED = "agents that the repository defines are left aside, since nobody agreed to them: agentflow trust"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A review as it was asked for.

    `targets` are paths, globs and at most one range or commit; none: the working changes. `staged`: what the index
    holds beyond HEAD. `drafts`: also a pull request that is a draft, closed or merged. `trust`: the user agrees to the
    repository's own agents, and to what mending runs, this once.
    """

    targets: tuple[str, ...] = ()
    staged: bool = False
    pull_request: int | None = None
    drafts: bool = False
    exclude: tuple[str, ...] = ()
    fail_on: Severity | None = Severity.HIGH
    min_confidence: float = 0.8
    max_findings: int | None = None
    baseline: Path | None = None
    max_parallel: int | None = None
    trust: bool = False
    unsure_fails: bool = False
    listed: tuple[Why, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A review before its first step: where, with what, and what of. `title` says it in words.

    `trusted` is the commit whose settings, agents and rules count when the head may be anybody's. `notices` are for
    people; `trust` as it was asked for.
    """

    run_id: str
    workplace: Workplace
    spec: ReviewSpec
    title: str
    trusted: str | None
    pull: PullRequest | None
    notices: tuple[str, ...] = ()
    trust: bool = False


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is reviewed.

    `trusted`: of a pull request, its base branch as it is now. Where in the past the head branched off, its author
    chose.
    """

    spec: ReviewSpec
    title: str
    trusted: str | None = None
    pull: PullRequest | None = None
    notice: str = ""


async def open_review(folder: Path, flags: Mapping[str, Any], wanted: Wanted) -> Opened:
    """Resolve everything that was named. Nothing is spent, and nothing but git objects is written.

    Raises UsageError for what cannot be meant, EnvironmentError_ outside a usable repository.
    """
    repository, run_id = await open_repository(folder), new_id()
    remembered = _remembered(wanted.baseline)
    subject = await _subject(repository, folder, wanted, run_id)
    await require_present(repository, subject.spec.base, subject.spec.head)
    trusted = await _extract(repository, subject.trusted, run_id) if subject.trusted else None
    own_agents = wanted.trust or agents_are_agreed(repository, trusted or repository.root)
    workplace = workplace_of(repository, flags, trusted, own_agents=own_agents)
    require_toolless(workplace.agents)
    if wanted.max_parallel is not None:
        tier = workplace.agents["reviewer"].tier
        at_once = {f"tiers.{tier}.max_parallel": wanted.max_parallel}
        workplace = workplace_of(repository, {**flags, **at_once}, trusted, own_agents=own_agents)
    spec = replace(
        subject.spec,
        exclude=(*workplace.settings.review.exclude, *wanted.exclude),
        fail_on=wanted.fail_on,
        min_confidence=wanted.min_confidence,
        max_findings=wanted.max_findings,
        remembered=remembered,
        unsure_fails=wanted.unsure_fails,
        listed=wanted.listed,
        repository=subject.pull.web_address if subject.pull else await web_address(repository),
    )
    notices = tuple(filter(None, (subject.notice, "" if own_agents else NOT_AGREED)))
    return Opened(
        run_id, workplace, spec, subject.title, subject.trusted, subject.pull, notices=notices, trust=wanted.trust
    )


async def new_review(ledger: Ledger, review: Opened, *, fix: bool = False, approved: bool = False) -> str:
    """A row in the ledger, and a ref that keeps what is reviewed. Returns the run's id.

    `fix`: what is confirmed is to be mended; `approved`: by a plan that nobody needs to be asked about.

    Raises EnvironmentError_ without a login.
    """
    find_login(os.environ)
    repository, spec = review.workplace.repository, review.spec
    await set_ref(repository, f"refs/agentflow/{review.run_id}/reviewed", spec.head, None)
    ledger.create_run(
        RunRecord(
            id=review.run_id,
            repo_root=repository.root,
            common_dir=repository.common_dir,
            goal=review.title,
            status=RunStatus.PLANNED,
            base=spec.base,
            branch="",
            created_at=time.time(),
            workflow="review",
            budget_usd=review.workplace.settings.budget_usd,
            spec={
                "flags": dict(review.workplace.flags),
                "review": encode(spec),
                "trusted": review.trusted,
                "fix": fix,
                "approved": approved,
                "trust": review.trust,
                "notices": list(review.notices),
            },
            pid=os.getpid(),
        )
    )
    return review.run_id


async def _subject(repository: Repository, folder: Path, wanted: Wanted, run_id: str) -> _Subject:
    if wanted.pull_request is not None:
        return await _pull_request(repository, wanted.pull_request, run_id, drafts=wanted.drafts)
    change, paths = await _divided(repository, wanted.targets, folder)
    inside = tuple(_inside(repository, folder, path) for path in paths)
    named = tuple(path for path in inside if path != ".")
    title = f"review {' '.join(wanted.targets)}"
    if change is not None and not wanted.staged:
        base, head = await resolve_change(repository, change)
        spec = ReviewSpec(Mode.DIFF, base, head, named)
        await _require_known(repository, spec)
        return _Subject(spec, title, trusted=base)
    await require_present(repository, repository.head)
    if wanted.staged:
        if change is not None:
            raise UsageError(f"--staged and {change!r} are two changes", hint="review one at a time")
        spec = ReviewSpec(Mode.DIFF, repository.head, await staged(repository), named)
        await _require_known(repository, spec)
        return _Subject(spec, "review what is staged")
    if inside:
        return _Subject(await _files(repository, named), title)
    base, frozen = await working_base(repository), await snapshot(repository)
    spec = ReviewSpec(Mode.DIFF, base, frozen.commit, left_out=frozen.left_out)
    return _Subject(spec, f"review the changes since {base[:12]}")


async def _pull_request(repository: Repository, number: int, run_id: str, *, drafts: bool) -> _Subject:
    pull = await pull_request(repository.root, number)
    if pull.aside and not drafts:
        nothing = ReviewSpec(Mode.DIFF, repository.head, repository.head, pull_request=number)
        notice = f"pull request {number} {pull.aside}: nothing is read or posted; --drafts reviews it"
        return _Subject(nothing, f"review pull request {number}", notice=notice)
    source = await source_of(repository, pull.git_url)
    tip, proposed = await fetch_ends(repository, source, run_id, **pull.fetched)
    base, head = await resolve_range(repository, f"{tip}...{proposed}")
    spec = ReviewSpec(Mode.DIFF, base, head, pull_request=number, commented=await _commented(repository, pull))
    return _Subject(spec, f"review pull request {number}", trusted=tip, pull=pull)


async def _commented(repository: Repository, pull: PullRequest) -> tuple[Commented, ...]:
    """What people said so far: it counts for the verdict of this review."""
    stood = await standing(Api(repository.root, pull.host), pull)
    return tuple(
        Commented(commented(one.fingerprint, one.file, one.identity, one.body), one.answer) for one in stood.comments
    )


async def _files(repository: Repository, paths: tuple[str, ...]) -> ReviewSpec:
    frozen = await snapshot(repository)
    unseen = await ignored(repository, paths)
    left_out = [out for out in frozen.left_out if not paths or matches_scope(out.file, paths)]
    left_out += [Skipped(path, "ignored by git") for path in unseen]
    spec = ReviewSpec(Mode.FILES, frozen.commit, frozen.commit, paths, left_out=tuple(left_out))
    await _require_known(repository, spec)
    return spec


async def _require_known(repository: Repository, spec: ReviewSpec) -> None:
    """Every path that was named has to be there, before or after: a slip of the pen is no clean review."""
    trees = [await tree_files(repository, commit) for commit in dict.fromkeys((spec.base, spec.head))]
    known = {file.path for tree in trees for file in tree} | {out.file.rstrip("/") for out in spec.left_out}
    for path in spec.paths:
        if not any(matches_scope(name, [path]) or matches_scope(path, [name]) for name in known):
            raise UsageError(
                f"nothing to review matches {path!r}", hint="name a file, a folder, a glob, a commit or BASE..HEAD"
            )


async def _divided(repository: Repository, targets: Sequence[str], folder: Path) -> tuple[str | None, list[str]]:
    """The range or commit among the targets, if there is one, and the paths. What exists is a path, dots or not."""
    others = [target for target in targets if not _is_path(target, folder)]
    changes = [target for target in others if ".." in target or await is_commit(repository, target)]
    if len(changes) > 1:
        raise UsageError(
            f"more than one change: {', '.join(map(repr, changes))}", hint="review one at a time: BASE..HEAD"
        )
    return (changes[0] if changes else None), [target for target in targets if target not in changes]


def _is_path(target: str, folder: Path) -> bool:
    return (folder / target).exists() or ".." in PurePosixPath(target).parts


def _inside(repository: Repository, folder: Path, path: str) -> str:
    """The path relative to the repository's root, `.` for the root itself; raises UsageError outside it."""
    whole = Path(os.path.normpath(folder.resolve() / path))
    try:
        return whole.relative_to(repository.root.resolve()).as_posix()
    except ValueError:
        raise UsageError(
            f"{path!r} is outside the repository {repository.root}", hint="run agentflow inside its repository, or -C"
        ) from None


def _remembered(baseline: Path | None) -> tuple[Remembered, ...] | None:
    if baseline is None:
        return None
    try:
        return remembered_in(read_file(baseline).decode(), str(baseline))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the baseline {baseline} cannot be read: {error}") from error


async def _extract(repository: Repository, commit: str, run_id: str) -> Path:
    """The configuration of a commit as files, in a folder of the run."""
    folder = run_dir(run_id) / "trusted"
    listed = [f for f in await tree_files(repository, commit) if matches_scope(f.path, CONFIGURATION)]
    regular = {file.path: file.oid for file in listed if file.mode in {"100644", "100755"}}
    blobs = await read_blobs(repository, list(regular.values()))
    await asyncio.to_thread(_write_files, folder, {path: blobs[oid] for path, oid in regular.items()})
    return folder


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    make_folder(folder)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
