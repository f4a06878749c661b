"""Red to green: what failed or did not exist before a change and passes after it, and what that proves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentflow.checks.comparison import new_skips, ran, tests_of
from agentflow.checks.evidence import is_mostly_skipped, note
from agentflow.checks.ids import file_of, function_of, functions, is_parametrised, stands_in
from agentflow.checks.runners.sealed import starts_sealed
from agentflow.checks.tamper import is_test_code, is_test_module, readable
from agentflow.domain.evidence import Change, CheckResult, Evidence, Proof
from agentflow.domain.plans import Kind


@dataclass(frozen=True, slots=True)
class Gain:
    """What went from red to green: a test, or where no test tells, a command as a whole (`test` is empty)."""

    command: str
    test: str = ""

    @property
    def name(self) -> str:
        return self.test or self.command


@dataclass(frozen=True, slots=True)
class Weight:
    """What the evidence amounts to, and why in a line."""

    proof: Proof
    why: str


def gains(before: Evidence, after: Evidence) -> tuple[Gain, ...]:
    """What passes now and failed, or was not there, before. Only commands that were run on both count.

    No test counts that any run before has seen passing, or any run now sees failing; no flaky one; none of a check
    most of whose tests are skipped; nothing that a doubtful result says.
    """
    passed_before = {test for result in before.results for test in (*tests_of(result).passed, *result.flaky)}
    not_steady = {test for result in after.results for test in (*tests_of(result).failed, *result.flaky)}
    return tuple(
        gain
        for result in after.results
        for gain in _gained(before.result(result.command), result)
        if gain.test not in passed_before and gain.name not in not_steady
    )


def _gained(before: CheckResult | None, after: CheckResult) -> Iterator[Gain]:
    if before is None or before.doubts or after.doubts or is_mostly_skipped(after):
        return
    if (before.passed and before.tests is None) or _is_silent(before, after):
        return
    yield from (Gain(after.command, test) for test in _new_passes(before, after))
    can_tell = after.tests is None or (bool(after.tests.passed) and not new_skips(before, after))
    if after.passed and not before.passed and not tests_of(before).failed and can_tell:
        yield Gain(after.command)


def _is_silent(before: CheckResult | None, after: CheckResult) -> bool:
    """Whether a check passes without the report that its runner has left before, or leaves wherever it begins.

    A module of the repository may bear the runner's name, or end the interpreter before it begins.
    """
    if before is None or not after.passed or after.tests is not None or (before.passed and before.tests is None):
        return False
    return before.tests is not None or starts_sealed(after.command)


def _new_passes(before: CheckResult, after: CheckResult) -> Iterator[str]:
    """Parameters may hold a time or an address: unknown ones count where more of their function's tests pass."""
    passed, there = functions(tests_of(before).passed), {*ran(before)}
    passing = functions(tests_of(after).passed)
    for test in tests_of(after).passed:
        function = function_of(test)
        if test in there or not is_parametrised(test) or passing[function] > passed[function]:
            yield test


def weigh(kind: Kind, before: Evidence, after: Evidence, gained: Sequence[Gain]) -> Weight:
    """What work rests on whose checks let it pass: `gained` is what went from red to green, as far as it counts."""
    if (doubtful := next((result for result in after.results if result.doubts), None)) is not None:
        return Weight(Proof.UNPROVEN, f"{readable(doubtful.command)} cannot be believed")
    silent = [result for result in after.results if _is_silent(before.result(result.command), result)]
    unheard = f"{readable(silent[0].command)} passed without a report of its tests" if silent else ""
    if not any(_judges(result) for result in after.results if result not in silent):
        nothing = "no check passed" if after.results else "this repository has no check"
        return Weight(Proof.UNPROVEN, unheard or nothing)
    if hidden := next((result.partial for result in after.results if result.partial), ""):
        return Weight(Proof.WEAKLY_PROVEN, f"only a part was seen: {readable(hidden)}")
    if gained:
        return Weight(
            Proof.PROVEN, note((gain.name for gain in gained), "went from red to green", "went from red to green")
        )
    if kind is Kind.REFACTOR and any(_holds(before.result(result.command), result) for result in after.results):
        return Weight(Proof.PROVEN, "the tests that passed before pass still")
    return Weight(Proof.WEAKLY_PROVEN, unheard or "nothing that failed before passes now")


def _judges(result: CheckResult) -> bool:
    """Whether a check could judge at all: a test passed, or a command without a per-test report did."""
    return result.passed and not result.idle if result.tests is None else bool(result.tests.passed)


def _holds(before: CheckResult | None, after: CheckResult) -> bool:
    """Whether tests that passed before ran again, and most of them."""
    trusted = before is not None and not before.doubts and not is_mostly_skipped(after)
    return trusted and not set(tests_of(before).passed).isdisjoint(tests_of(after).passed)


def own_tests(changes: Sequence[Change]) -> tuple[str, ...]:
    """The test code that a change adds or edits: nothing in it can vouch for the change alone."""
    return tuple(change.path for change in changes if change.status != "D" and is_test_code(change.path))


def independent(gained: Sequence[Gain], own: Sequence[str]) -> tuple[Gain, ...]:
    """The gains that the change's own test code has no part in.

    Where it shares code with other tests, or a runner's ids do not tell the file, there is none.
    """
    if not own:
        return tuple(gained)
    if not all(map(is_test_module, own)):
        return ()
    return tuple(
        gain
        for gain in gained
        if is_test_code(file_of(gain.test)) and not any(stands_in(gain.test, path) for path in own)
    )
