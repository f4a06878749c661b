"""One check before and after an attempt: what failed anew, what no longer runs, what failed as a whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from agentflow.checks.ids import absent, file_of, function_of, functions, is_named, is_parametrised, name_of
from agentflow.checks.tamper import is_judge, is_test_module
from agentflow.domain.evidence import Change, CheckResult, TestOutcomes


@dataclass(frozen=True, slots=True)
class Touched:
    """What a diff changed, as far as tests care: paths, and whether shared test code or settings are among them.

    `drops` are the tests that the plan lets vanish (ids, paths, globs).
    """

    paths: frozenset[str]
    shared: bool
    drops: tuple[str, ...] = ()

    @classmethod
    def by(cls, changes: Sequence[Change], drops: Collection[str] = ()) -> Touched:
        paths = frozenset(change.path for change in changes)
        return cls(paths, any(is_judge(path) and not is_test_module(path) for path in paths), tuple(drops))

    def covers(self, test: str) -> bool:
        """Whether the test's own module changed, or what all tests share."""
        return self.shared or file_of(test) in self.paths


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one command shows. `fault` is why it fails as a whole, empty when it does not.

    `lost` tests ran before and are now skipped, marked as expected failures or gone; `tampered` are those of them
    that the diff touched. `skipped` are skipped now and were not there before. `forged`: the result is the work of
    the code under test. `stays_red`: it failed before and fails now, with no failing test to tell the two apart.
    `rewrote`: files it judges that it changed, and did not change before.
    """

    command: str
    result: CheckResult | None
    new_failures: tuple[str, ...] = ()
    known_failures: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    tampered: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    fault: str = ""
    forged: bool = False
    stays_red: bool = False
    rewrote: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return not (self.new_failures or self.lost or self.fault or self.rewrote)


def compare(
    command: str,
    before: CheckResult | None,
    after: CheckResult | None,
    *,
    promised: bool,
    touched: Touched,
    doubts_are_new: bool = False,
) -> Comparison:
    """Apply the evidence rules to one command; `before` is None when it was not part of the baseline.

    Lost tests are only looked for where nothing else failed: a crash, a file that does not load or a run that stops
    at the first failure takes other tests with it. `doubts_are_new`: no result of the baseline was doubtful; a result
    that would do is then not believed.
    """
    if after is None:
        return Comparison(command, None, fault="gave no result")
    new = _new_failures(before, after)
    are_new = set(new)
    known = tuple(test for test in tests_of(after).failed if test not in are_new)
    was_broken = before is not None and _is_unexplained(before)
    broken = _is_unexplained(after) and not was_broken
    lost = () if new or broken else lost_tests(before, after, touched)
    compared = Comparison(
        command,
        after,
        new,
        known,
        lost,
        tampered=tuple(test for test in lost if touched.covers(test)),
        skipped=new_skips(before, after),
        fault=_ending(after) if broken or (promised and not after.passed) else "",
        stays_red=was_broken and _is_unexplained(after),
        rewrote=_rewrote(None if promised else before, after),
    )
    if compared.is_good and after.doubts and doubts_are_new:
        return replace(compared, fault=f"not believed: {after.doubts[0]}", forged=True)
    return compared


def tests_of(result: CheckResult | None) -> TestOutcomes:
    return (result and result.tests) or TestOutcomes()


def new_skips(before: CheckResult | None, after: CheckResult) -> tuple[str, ...]:
    """Tests that are skipped and were not there before; of those that were, the lost ones tell."""
    if before is None:
        return ()
    there = {*ran(before), *tests_of(before).skipped, *tests_of(before).xfailed}
    return tuple(test for test in tests_of(after).skipped if test not in there)


def ran(result: CheckResult | None) -> tuple[str, ...]:
    tests = tests_of(result)
    return (*tests.passed, *tests.failed)


def _rewrote(before: CheckResult | None, after: CheckResult) -> tuple[str, ...]:
    """What a check rewrites whatever it is run on (a stamp of the time) is no change's fault."""
    always = before.rewriting.files if before and before.rewriting else ()
    return tuple(file for file in (after.rewriting.files if after.rewriting else ()) if file not in always)


def _ending(result: CheckResult) -> str:
    if result.exit_code is None:
        return f"ran out of time after {result.duration_s:.0f} s"
    return f"exit code {result.exit_code}" + (f": {result.obstacle.what}" if result.obstacle else "")


def _is_unexplained(result: CheckResult) -> bool:
    """Failing without a failing test to show for it: no report, a crash, a linter in the same command."""
    return not result.passed and not tests_of(result).failed


def _new_failures(before: CheckResult | None, after: CheckResult) -> tuple[str, ...]:
    """Tests that fail now and were not known to: neither failing nor flaky before, nor in a file that did not load.

    Where the command was broken before and ran no test, no failing test is new.
    """
    if before and _is_unexplained(before) and not ran(before):
        return ()
    known = {*tests_of(before).failed, *(before.flaky if before else ())}
    new = [test for test in tests_of(after).failed if test not in known and file_of(test) not in known]
    failed_before, fail_now = functions(tests_of(before).failed), functions(tests_of(after).failed)
    there = set(ran(before))

    def is_reworded(test: str) -> bool:
        """Parameters that no test had before: they may hold a time or an address."""
        return is_parametrised(test) and test not in there

    return tuple(t for t in new if not (is_reworded(t) and fail_now[function_of(t)] <= failed_before[function_of(t)]))


def lost_tests(before: CheckResult | None, after: CheckResult, touched: Touched) -> tuple[str, ...]:
    """Tests that ran before and do not run now, without those whose going is accounted for."""
    # Where somebody changed the tests as well, their old versions are held against the new code (`old_tests.py`).
    missing = [test for test in absent(ran(before), ran(after)) if not is_named(test, touched.drops)]
    excused = {*_expected(after, touched), *_loaded(missing, after), *_moved(missing, before, after)}
    return tuple(test for test in missing if test not in excused)


def _expected(after: CheckResult, touched: Touched) -> set[str]:
    """Expected failures whose mark is not this diff's: a lenient xfail may pass one day and fail the next."""
    return {test for test in tests_of(after).xfailed if not touched.covers(test)}


def _loaded(missing: Sequence[str], after: CheckResult) -> set[str]:
    """Files that failed to load and now run tests."""
    return set(missing) & {file_of(test) for test in ran(after)}


def _moved(missing: Sequence[str], before: CheckResult | None, after: CheckResult) -> set[str]:
    """Tests that now run under the same name in another file."""
    arrived = {name_of(test) for test in set(ran(after)).difference(ran(before))}
    return {test for test in missing if name_of(test) and name_of(test) in arrived}
