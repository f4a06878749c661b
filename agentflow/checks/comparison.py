"""One check before and after an attempt: what failed anew, what no longer runs, what failed as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.checks.tamper import is_judge, is_test_module
from agentflow.domain.evidence import Change, CheckResult, TestOutcomes


@dataclass(frozen=True, slots=True)
class Touched:
    """What a diff changed, as far as tests care: paths, and whether shared test code or settings are among them."""

    paths: frozenset[str]
    shared: bool

    @classmethod
    def by(cls, changes: Sequence[Change]) -> Touched:
        paths = frozenset(change.path for change in changes)
        return cls(paths, any(is_judge(path) and not is_test_module(path) for path in paths))

    def covers(self, test: str) -> bool:
        """Whether the test's own module changed, or what all tests share."""
        return self.shared or _file(test) in self.paths


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one command shows. `fault` is why it fails as a whole, empty when it does not.

    `lost` tests ran before and are now skipped, marked as expected failures or gone; `tampered` are those of them
    that the diff touched.
    """

    command: str
    result: CheckResult | None
    new_failures: tuple[str, ...] = ()
    known_failures: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    tampered: tuple[str, ...] = ()
    fault: str = ""

    @property
    def is_good(self) -> bool:
        return not (self.new_failures or self.lost or self.fault)


def compare(
    command: str, before: CheckResult | None, after: CheckResult | None, *, promised: bool, touched: Touched
) -> Comparison:
    """Apply the evidence rules to one command; `before` is None when it was not part of the baseline.

    Lost tests are only looked for where nothing else failed: a crash, a file that does not load or a run that stops
    at the first failure takes other tests with it.
    """
    if after is None:
        return Comparison(command, None, fault="gave no result")
    new = _new_failures(before, after)
    known = tuple(test for test in _tests(after).failed if test not in set(new))
    broken = _is_unexplained(after) and not (before and _is_unexplained(before))
    lost = () if new or broken else _lost(before, after, touched)
    tampered = tuple(test for test in lost if touched.covers(test))
    fails = broken or (promised and not after.passed)
    return Comparison(command, after, new, known, lost, tampered, _ending(after) if fails else "")


def _tests(result: CheckResult | None) -> TestOutcomes:
    return (result and result.tests) or TestOutcomes()


def _ran(result: CheckResult | None) -> tuple[str, ...]:
    tests = _tests(result)
    return (*tests.passed, *tests.failed)


def _ending(result: CheckResult) -> str:
    return "ran out of time" if result.exit_code is None else f"exit code {result.exit_code}"


def _is_unexplained(result: CheckResult) -> bool:
    """Failing without a failing test to show for it: no report, a crash, a linter in the same command."""
    return not result.passed and not _tests(result).failed


def _new_failures(before: CheckResult | None, after: CheckResult) -> tuple[str, ...]:
    """Tests that fail now and were not known to: neither failing nor flaky before, nor in a file that did not load.

    Where the command was broken before and ran no test, no failing test is new.
    """
    if before and _is_unexplained(before) and not _ran(before):
        return ()
    known = {*_tests(before).failed, *(before.flaky if before else ())}
    return tuple(test for test in _tests(after).failed if test not in known and _file(test) not in known)


def _lost(before: CheckResult | None, after: CheckResult, touched: Touched) -> tuple[str, ...]:
    missing = [test for test in _ran(before) if test not in set(_ran(after))]
    excused = {*_expected(after, touched), *_loaded(missing, after), *_moved(missing, before, after)}
    excused |= _renamed(missing, before, after, touched)
    return tuple(test for test in missing if test not in excused)


def _expected(after: CheckResult, touched: Touched) -> set[str]:
    """Expected failures whose mark is not this diff's: a lenient xfail may pass one day and fail the next."""
    return {test for test in _tests(after).xfailed if not touched.covers(test)}


def _loaded(missing: Sequence[str], after: CheckResult) -> set[str]:
    """Files that failed to load and now run tests."""
    return set(missing) & {_file(test) for test in _ran(after)}


def _moved(missing: Sequence[str], before: CheckResult | None, after: CheckResult) -> set[str]:
    """Tests that now run under the same name in another file."""
    arrived = {_name(test) for test in set(_ran(after)).difference(_ran(before))}
    return {test for test in missing if _name(test) and _name(test) in arrived}


def _renamed(missing: Sequence[str], before: CheckResult | None, after: CheckResult, touched: Touched) -> set[str]:
    """Parameters named after the code: at least as many of them pass, and nobody touched the tests."""
    wanted, passing = Counter(map(_function, _ran(before))), Counter(map(_function, _tests(after).passed))
    return {
        test
        for test in missing
        if "[" in test and passing[_function(test)] >= wanted[_function(test)] and not touched.covers(test)
    }


def _file(test: str) -> str:
    return test.partition("::")[0]


def _name(test: str) -> str:
    return test.partition("::")[2]


def _function(test: str) -> str:
    return test.partition("[")[0]
