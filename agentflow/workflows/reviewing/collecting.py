"""The first step of a review: what is read, in which packs, and what is left out and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agentflow.config.settings import Settings
from agentflow.domain.codec import encode
from agentflow.domain.events import EventKind
from agentflow.domain.reviews import Mode, Pack, Part, ReviewSpec, Scope, Skipped
from agentflow.domain.scope import matches_scope
from agentflow.domain.text import printable, shown
from agentflow.git.blobs import TreeFile
from agentflow.git.diffs import FileChange, file_changes
from agentflow.git.repository import Repository
from agentflow.review.cutting import parts_of
from agentflow.review.packing import pack
from agentflow.review.showing import cut_lines, cut_removals
from agentflow.review.skipping import skip_by_content, skip_by_name
from agentflow.review.source import Source
from agentflow.review.suppressing import ignores
from agentflow.review.text import tokens
from agentflow.routing.estimate import Range
from agentflow.workflows.context import RunContext
from agentflow.workflows.opening import Workplace
from agentflow.workflows.pricing import review_estimate
from agentflow.workflows.reviewing.deleting import deletions
from agentflow.workflows.reviewing.orders import Start
from agentflow.workflows.reviewing.prompts import pack_prompt, shared_prompt
from agentflow.workflows.reviewing.travelling import Library
from agentflow.workflows.reviewing.workbench import Workbench

#: Tokens below which no provider caches a prefix (Anthropic: 1,024 on most models, more on some).
SMALLEST_CACHED_PREFIX = 1024

#: The reason why a file that is gone is not read.
DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class _File:
    """A file that may be reviewed, of so many bytes; `reason` says why no review reads such a thing."""

    path: str
    size: int
    reason: str | None


async def collect(context: RunContext) -> Start:
    """Divide what is to be reviewed among packs. Nothing has been spent yet."""
    spec = context.review_spec
    scope = context.workbench.scope = await scope_of(context.repository, context.settings, context.workbench, spec)
    run = context.ledger.run(context.run_id)
    context.ledger.update_run(run.id, spec={**run.spec, "scope": encode(scope)})
    reviewer, verifier = context.agents["reviewer"], context.agents["verifier"]
    prefix = tokens(reviewer.prompt + shared_prompt(context.rules, scope))
    context.emit(
        EventKind.REVIEW_READY,
        packs=[{"name": pack.name, "title": title_of(pack)} for pack in scope.packs],
        files=len(scope.files),
        skipped=len(scope.skipped),
    )
    warm = len(scope.packs) > 1 and prefix >= SMALLEST_CACHED_PREFIX
    return Start(scope, warm, reviewer.tier, verifier.ladder)


async def preview(workplace: Workplace, spec: ReviewSpec) -> tuple[Scope, Range | None]:
    """What a review would read and may cost, USD, without a run. The project's rules are not counted."""
    scope = await scope_of(workplace.repository, workplace.settings, Workbench(), spec)
    prefix = tokens(workplace.agents["reviewer"].prompt + shared_prompt("", scope))
    return scope, review_estimate(scope, prefix, workplace.agents, workplace.settings)


async def pack_prompts(repository: Repository, settings: Settings, spec: ReviewSpec) -> tuple[str, ...]:
    """What the reviewer of each pack would be shown, beside what all of them are told. No model is called."""
    bench = Workbench()
    scope = await scope_of(repository, settings, bench, spec)
    return tuple([pack_prompt(pack, await bench.shown(repository, spec, scope, pack)) for pack in scope.packs])


async def scope_of(repository: Repository, settings: Settings, workbench: Workbench, spec: ReviewSpec) -> Scope:
    """What a review of this spec reads."""
    files = sorted(await _files(repository, workbench, spec), key=lambda file: file.path)
    reasons = {file.path: reason for file in files if (reason := _reason(file, spec))}
    sources = await workbench.read(repository, spec, [file.path for file in files if file.path not in reasons])
    reasons |= {file.path: "binary" for file in files if file.path not in reasons and file.path not in sources}
    reasons |= {path: reason for path, source in sources.items() if (reason := _by_content(source, spec))}
    target = settings.review.pack_tokens
    parts = {path: parts_of(source, target) for path, source in sources.items() if path not in reasons}
    reasons |= {path: "nothing was added or changed in it" for path, found in parts.items() if not found}
    skipped = [*spec.left_out, *(Skipped(printable(path), reason) for path, reason in reasons.items())]
    read = {path: sources[path] for path, found in parts.items() if found}
    library = Library(repository, spec, workbench, await workbench.files(repository, spec.head))
    survey = library.survey(read.values())
    packs = pack([part for found in parts.values() for part in found], target, survey.imported())
    packs = await library.equipped(packs, read, survey, target)
    gone = await deletions(repository, spec.head, [path for path, reason in reasons.items() if reason == DELETED])
    return Scope(packs, tuple(sorted(skipped, key=lambda one: one.file)), tuple(_notes(sources, parts)), gone)


def title_of(pack: Pack) -> str:
    """A pack's files in a few words."""
    first, *others = (shown(file) for file in pack.files)
    return f"{first} +{len(others)}" if others else first


async def _files(repository: Repository, workbench: Workbench, spec: ReviewSpec) -> list[_File]:
    """The files the spec speaks of, without those that the working tree holds and the commit does not."""
    listed = {file.path: file for file in await workbench.files(repository, spec.head)}
    if spec.mode is Mode.FILES:
        found = [_File(file.path, file.size or 0, _special(file)) for file in listed.values()]
    else:
        changes = await file_changes(repository, spec.base, spec.head)
        sizes = {path: file.size or 0 for path, file in listed.items()}
        found = [_File(c.path, sizes.get(c.path, 0), DELETED if c.is_deleted else _special(c)) for c in changes]
    gone = {out.file for out in spec.left_out}
    return [f for f in found if f.path not in gone and (not spec.paths or matches_scope(f.path, spec.paths))]


def _special(file: TreeFile | FileChange) -> str | None:
    return "submodule" if file.is_submodule else "symbolic link" if file.is_symlink else None


def _reason(file: _File, spec: ReviewSpec) -> str | None:
    """Why a file need not even be read."""
    if file.reason:
        return file.reason
    if printable(file.path) != file.path:
        return "its name is not UTF-8"
    return skip_by_name(file.path, file.size, exclude=spec.exclude, named=spec.paths)


def _by_content(source: Source, spec: ReviewSpec) -> str | None:
    return skip_by_content(source.path, source.text(1, len(source.lines)), named=spec.paths)


def _notes(sources: Mapping[str, Source], parts: Mapping[str, tuple[Part, ...]]) -> Iterator[str]:
    for path, found in parts.items():
        whole = sum(part.last - part.first + 1 for part in found) == len(sources[path].lines)
        if len(found) > 1 and whole:
            yield f"{shown(path)} is read in {len(found)} parts: it is too large for one"
        if found and (lines := cut_lines(sources[path])):
            yield f"{shown(path)}: {len(lines)} lines are too long to be shown whole, the first is line {lines[0]}"
        for n in cut_removals(sources[path]) if found else ():
            yield f"{shown(path)}: of {len(sources[path].removed[n])} lines removed before line {n} not all are shown"
        for ignore in (ignore for ignore in ignores(sources[path]) if found and not ignore.reason):
            yield f"{shown(path)}:{ignore.line}: `agentflow: ignore` is not honoured, since it gives no reason"
