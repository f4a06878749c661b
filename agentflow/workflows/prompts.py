"""What each agent is told for the work at hand; its standing instructions are the agent definition's prompt.

Whatever is not a word of ours goes through `domain/untrusted.py`: framed, visible and cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agentflow.domain.agents import Agent
from agentflow.domain.evidence import Evidence, LeftOut, TestOutcomes
from agentflow.domain.plans import Kind, Subtask, executors
from agentflow.domain.untrusted import instructions, name, untrusted
from agentflow.workflows.orders import Prior, Walled

MAX_LISTED_FILES = 400
MAX_RULES = 8_000
MAX_LEFT_OUT = 20

#: What makes work of each kind proven, for those who do it.
_RED_TO_GREEN = (
    "One of these, or a test that you add, must fail without your change: what passes either way proves nothing."
    " Old tests are run on your code as they were."
)
_PROVED = {
    Kind.IMPLEMENT: _RED_TO_GREEN,
    Kind.FIX: _RED_TO_GREEN,
    Kind.TEST: "A test that you add must run and pass; none that is there may be skipped, weakened or lost.",
    Kind.REFACTOR: "Old tests must pass as they were.",
    Kind.DOCS: "",
}


def planner_prompt(
    *,
    goal: str,
    worktree: Path,
    files: Sequence[str],
    rules: str,
    baseline: Evidence,
    agents: Mapping[str, Agent],
) -> str:
    writers = [f"- {one} ({agents[one].tier}): {agents[one].description}" for one in executors(agents)]
    return sections(
        f"Working directory: {worktree}",
        instructions("task", goal),
        untrusted("project instructions", rules[:MAX_RULES]) if rules else "",
        untrusted(f"files in the repository ({len(files)})", _listing(files)),
        "Checks of this repository, run just now on the starting commit:\n"
        + untrusted("checks of the repository", _baseline(baseline)),
        "Agents that may carry out a subtask:\n" + untrusted("agents", "\n".join(writers)),
        "Answer with the plan.",
    )


def repair_prompt(errors: Sequence[str]) -> str:
    return sections(
        "That plan cannot be carried out:\n" + _listed("errors in the plan", errors),
        "Answer with the whole corrected plan.",
    )


def explorer_prompt(question: str, worktree: Path) -> str:
    return sections(
        f"Working directory: {worktree}",
        instructions("question", question),
        "Answer from the files, citing file and line for every claim.",
    )


def executor_prompt(
    *,
    goal: str,
    subtask: Subtask,
    worktree: Path,
    checks: Sequence[str],
    rules: str,
    prior: Prior | None,
    prior_diff: str,
) -> str:
    return sections(
        f"Working directory: {worktree}",
        instructions("subtask", f"{subtask.title}\n\n{subtask.instructions}", id=subtask.id, kind=subtask.kind),
        "You may change only:\n" + _listed("paths", subtask.files),
        "Done means that these pass when agentflow runs them on your committed files:\n" + _listed("checks", checks),
        _PROVED[subtask.kind],
        "Old tests that may hold something else afterwards:\n" + _listed("tests", subtask.changes_tests)
        if subtask.changes_tests
        else "",
        "Old tests that may vanish:\n" + _listed("tests", subtask.drops_tests) if subtask.drops_tests else "",
        _acceptance(subtask),
        untrusted("project instructions", rules[:MAX_RULES]) if rules else "",
        "The whole task, for orientation only:\n" + instructions("task", goal),
        _earlier(prior, prior_diff) if prior else "",
    )


def fix_prompt(reason: str, digest: str, refused: Sequence[str] = (), left_out: Sequence[LeftOut] = ()) -> str:
    return sections(
        "agentflow examined your change and it does not pass:\n" + untrusted("verdict", reason),
        untrusted("check output", digest) if digest else "",
        "You were refused these files, which lie outside your scope:\n" + _listed("paths", refused) if refused else "",
        _left_out(left_out) if left_out else "",
        "Mend the cause in the files, within the same scope, then answer again. Answer `blocked` if it cannot be done; "
        "if it cannot be done because the change needs files outside the scope, name them in `needs_files`.",
    )


def widened_prompt(files: Sequence[str]) -> str:
    return sections(
        "The plan was too narrow. Your scope is wider now; you may change only:\n" + _listed("paths", files),
        "Your files are as you left them. Go on with the subtask, then answer again.",
    )


def replan_prompt(*, subtask: Subtask, walled: Walled) -> str:
    attempt, wall = walled.attempt, walled.attempt.wall
    needed = [_needed(file, walled) for file in (wall.files if wall else ())]
    return sections(
        f"Subtask '{name(subtask.id)}' of your plan met a wall: its agent ({attempt.tier}) "
        + ("needs files outside its `files`:" if needed else "was refused again and again what it needs:"),
        _listed("paths", needed) if needed else untrusted("what was refused", wall.refused if wall else ""),
        untrusted("what the agent says", attempt.reason),
        "Its `files` are now:\n" + _listed("paths", subtask.files),
        f"Merged so far: {_named(walled.merged)}. Given up: {_named(walled.lost)}.",
        "Plan this one subtask anew: wider `files`, an order behind the subtask that changes the same files "
        "(`depends_on`), other instructions or checks. What you leave null stays as it is, and so do all other "
        "subtasks. Answer `stands` if it can be done within its files as they are, and say how.",
    )


def _left_out(left_out: Sequence[LeftOut]) -> str:
    listed = [f"{one.path}: {one.why}" for one in left_out[:MAX_LEFT_OUT]]
    more = [f"and {len(left_out) - MAX_LEFT_OUT} more"] if len(left_out) > MAX_LEFT_OUT else []
    return (
        "These exist only in your worktree. They are not part of your commit, and the checks ran without them:\n"
        + _listed("left out of the commit", [*listed, *more])
        + "\nWrite a file that is needed with Write, inside your scope; do not force it in with git."
    )


def resolver_prompt(
    *, subtask: Subtask, worktree: Path, conflicts: Sequence[str], theirs: str, earlier: str = ""
) -> str:
    """`earlier`: why what a resolver left before was not taken."""
    return sections(
        f"Working directory: {worktree}",
        f"Two changes to the same lines meet here: what is already on the branch, and subtask '{name(subtask.id)}':",
        instructions("subtask", f"{subtask.title}\n\n{subtask.instructions}"),
        "These files hold conflict markers; resolve every one so that both intentions survive:\n"
        + _listed("paths", conflicts),
        "An earlier resolution was not taken:\n" + untrusted("verdict", earlier) if earlier else "",
        untrusted("the subtask's own change", theirs),
    )


def judge_prompt(*, goal: str, subtask: Subtask, diff: str, summary: str, why: str, shown: str = "") -> str:
    """`why` the checks do not prove the change; `shown` is what they show against it, old tests above all."""
    return sections(
        "The whole task:\n" + instructions("task", goal),
        instructions("subtask", f"{subtask.title}\n\n{subtask.instructions}"),
        _acceptance(subtask),
        untrusted("the agent's own summary", summary),
        untrusted("the change", diff),
        untrusted("what the checks found", "\n\n".join(part for part in (why, shown) if part)),
        "The checks do not prove the change. Judge whether it does what the subtask asks, and only that.",
    )


def _needed(file: str, walled: Walled) -> str:
    if owner := walled.owners.get(file):
        return f"{file}: subtask {owner!r}, which is not done, may change it at the same time"
    wall = walled.attempt.wall
    return f"{file}: steers agents or judges the work" if wall and file in wall.reserved else file


def _earlier(prior: Prior, diff: str) -> str:
    before = "The files are as they were before it. Learn from it; do not repeat it."
    after = "Its work is in the files already. Keep what it does, and mend what it broke."
    return sections(
        f"An earlier attempt ({prior.tier}) did not pass:\n" + untrusted("verdict", prior.reason),
        after if prior.landed else before,
        untrusted("diff of the earlier attempt", diff) if diff else "",
        untrusted("check output of the earlier attempt", prior.digest) if prior.digest else "",
    )


def _baseline(baseline: Evidence) -> str:
    if not baseline.results:
        return "- none found: name checks in the plan, or the work cannot be proved"
    return "\n".join(
        f"- `{result.command}`: " + ("passes" if result.passed else f"fails already{_failing(result.tests)}")
        for result in baseline.results
    )


def _failing(tests: TestOutcomes | None) -> str:
    failed = tests.failed if tests else ()
    return f" ({', '.join(failed[:20])}{' …' if len(failed) > 20 else ''})" if failed else ""


def _listing(files: Sequence[str]) -> str:
    shown = "\n".join(files[:MAX_LISTED_FILES])
    return shown if len(files) <= MAX_LISTED_FILES else f"{shown}\n… and {len(files) - MAX_LISTED_FILES} more"


def _acceptance(subtask: Subtask) -> str:
    return "Acceptance:\n" + _listed("acceptance", subtask.acceptance) if subtask.acceptance else ""


def _named(subtasks: Sequence[str]) -> str:
    return ", ".join(map(name, subtasks)) or "nothing"


def _listed(source: str, lines: Iterable[str]) -> str:
    return untrusted(source, "\n".join(f"- {line}" for line in lines))


def sections(*parts: str) -> str:
    """The parts that say something, each set off by an empty line."""
    return "\n\n".join(part for part in parts if part)
