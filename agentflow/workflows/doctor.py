"""The doctor before the plan: a repository whose checks cannot run here stops the run before a model is asked."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from agentflow.checks.doctor import Blocked, better_place, blocked, compiled, lacking, missed, spare
from agentflow.checks.setups.finding import find_setup, language_of
from agentflow.domain.events import EventKind
from agentflow.domain.evidence import CheckResult, Evidence
from agentflow.domain.text import printable
from agentflow.errors import EnvironmentError_
from agentflow.git.command import git
from agentflow.git.included import generated_versions
from agentflow.workflows.context import RunContext

_SOURCES = ("*.c", "*.cc", "*.cpp", "*.cxx", "*.pyx", "*.rs", "*.f90")


class CannotRun(EnvironmentError_):
    """The repository's checks cannot run here. `setup`: what would most likely help, where none was given."""

    def __init__(self, message: str, *, hint: str, setup: str | None) -> None:
        super().__init__(message, hint=hint)
        self.setup = setup


async def usable_checks(context: RunContext, evidence: Evidence, *, discovered: bool) -> list[str]:
    """The commands of the checks to go by, after what the baseline showed.

    A discovered check that cannot run is left out where another one covers its part of the repository. Raises CannotRun
    when one cannot run, or its result cannot be believed, unless the user allows that.
    """
    results = evidence.results
    missing = await _missing(context, results)
    found = [*blocked(results), *_for_want_of(missing, results), *await _unbuilt(context, results)]
    left_out = spare(found, results) if discovered else ()
    in_the_way = [one for one in found if one not in left_out]
    if in_the_way and not context.settings.allow_broken_baseline:
        raise _cannot_run(context, in_the_way, missing, results)
    for name in () if context.settings.setup else await generated_versions(context.repository):
        context.emit(EventKind.NOTICE, message=printable(f"worktrees get your {name}, which a build generates"))
    unmade = [advice for result in results if (advice := await _unmade(context, result))]
    for advice in unmade or filter(None, [_elsewhere(context, results)]):
        context.emit(EventKind.NOTICE, message=printable(advice))
    for one in left_out:
        context.emit(EventKind.NOTICE, message=printable(f"left out, since another check covers it: {_told(one)}"))
    for one in in_the_way:
        context.emit(EventKind.NOTICE, message=printable(f"{_told(one)}; as allowed, the work will be unproven"))
    dropped = {one.command for one in left_out}
    return [result.command for result in results if result.command not in dropped]


def _elsewhere(context: RunContext, results: Sequence[CheckResult]) -> str:
    """What to do about tests that may fail for the place of the worktrees alone; empty where none does."""
    place = better_place(results, context.base_worktree, context.repository.root)
    if place is None:
        return ""
    again = f"AGENTFLOW_CACHE_DIR={shlex.quote(str(place))} agentflow {_again(context)}"
    return f"worktrees lie in a hidden folder, which some tests mind; if they pass in your checkout: {again}"


async def _unmade(context: RunContext, result: CheckResult) -> str:
    """What to do about tests that miss what a build made in the user's checkout, where git ignores it."""
    root = context.repository.root
    names = missed(result, context.base_worktree.parent) if not context.settings.setup else ()
    there = [name for name in names if (root / name).exists()]
    if not there:
        return ""
    given = "\0".join(there).encode(errors="surrogateescape")
    ignored = (await git(root, "check-ignore", "-z", "--stdin", check=False, stdin=given)).fields
    setup = find_setup(context.base_worktree, [result.command])
    if not ignored or not setup:
        return ""
    again = f"agentflow {_again(context, '--setup', setup)}"
    return f"`{result.command}` misses {ignored[0]}, which a build made in your checkout; to have it made: {again}"


async def _missing(context: RunContext, results: Sequence[CheckResult]) -> tuple[str, ...]:
    """Git-ignored files of the user's checkout that the checks fail without."""
    if not any(map(_complains, results)):
        return ()
    listed = await git(context.repository.root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard")
    return lacking(results, listed.fields)


def _complains(result: CheckResult) -> bool:
    return not result.passed and any(
        said in result.output_tail for said in ("No module named", "Cannot find module", "cannot import name")
    )


def _for_want_of(missing: Sequence[str], results: Sequence[CheckResult]) -> list[Blocked]:
    """Checks that fail, though their runner does not say that they cannot run."""
    if not missing:
        return []
    known = {one.command for one in blocked(results)}
    return [
        Blocked(result.command, f"cannot run in a fresh checkout: {', '.join(missing)} is git-ignored")
        for result in results
        if result.command not in known and _complains(result)
    ]


async def _unbuilt(context: RunContext, results: Sequence[CheckResult]) -> list[Blocked]:
    """Python checks that pass by modules which lie compiled in the user's checkout, and in no fresh one.

    Without them tests are skipped or take another way, and a change to their sources would be proved by nobody.
    """
    root, checks = context.repository.root, [r for r in results if r.passed and language_of(r.command) == "python"]
    sources = await git(root, "ls-files", "-z", "--", *_SOURCES)
    if context.settings.setup or not checks or not sources.fields:
        return []
    listed = await git(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", "*.so", "*.pyd")
    built = [name for name in compiled(listed.fields, sources.fields) if not (context.base_worktree / name).exists()]
    why = f"does not load {', '.join(built[:3])}, compiled in your checkout: a fresh one has no build"
    return [Blocked(result.command, why) for result in checks if built]


def _cannot_run(
    context: RunContext, found: Sequence[Blocked], missing: Sequence[str], results: Sequence[CheckResult]
) -> CannotRun:
    commands = [result.command for result in results]
    told = next((one.setup for one in found if one.setup), "") or find_setup(context.base_worktree, commands)
    setup = None if context.settings.setup or missing else told or None
    ways = []
    if missing:
        lines = " ".join(shlex.quote(f"/{name}") for name in missing)
        ways.append(f"let worktrees have it: printf '%s\\n' {lines} >> .worktreeinclude")
    elif context.settings.setup:
        ways.append(f"the set-up was {context.settings.setup!r}; its log is in {context.folder / 'logs'}")
    elif setup:
        ways.append(f"most likely: agentflow {_again(context, '--setup', setup)}")
    lost = {one.command for one in found}
    runs = [word for command in commands if command not in lost for word in ("--check", command)]
    if runs:
        ways.append(f"only what runs: agentflow {_again(context, *runs)}")
    ways.append("unproven work: --allow-broken-baseline")
    return CannotRun(printable("; ".join(map(_told, found))), hint=printable("; or ".join(ways)), setup=setup)


def _told(one: Blocked) -> str:
    return f"the check `{one.command}` {one.why}"


def _again(context: RunContext, *options: str) -> str:
    """The command line that asks for this run once more, with more options."""
    run = context.ledger.run(context.run_id)
    about = ("--plan", run.id) if run.plan is not None else (run.goal,)
    return shlex.join(("plan" if run.workflow == "plan" else "run", *options, *about))
