"""What landed work showed and has to go on showing: the tests that were green in its own attempt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from agentflow.checks.comparison import Touched, lost_tests, tests_of
from agentflow.domain.evidence import CheckResult, Evidence, TestOutcomes


def brought(base: Evidence, after: Evidence, promised: Collection[str]) -> Mapping[str, CheckResult]:
    """By command, the tests an attempt showed to be its own; commands that tell no tests are left out.

    They are all that its promised commands passed, and of the other commands those that did not pass at its base.
    """
    old = {test for result in base.results for test in tests_of(result).passed}
    own = dict[str, CheckResult]()
    for result in after.results:
        if result.command not in promised and base.result(result.command) is None:
            continue
        passed = [t for t in tests_of(result).passed if result.command in promised or t not in old]
        if passed:
            own[result.command] = replace(result, tests=TestOutcomes(passed=tuple(passed)))
    return own


def not_standing(own: CheckResult, now: CheckResult, drops: Collection[str]) -> tuple[str, ...]:
    """Those of the tests that `own` shows green which fail in `now`, or which it does not run any more."""
    failing = set(tests_of(now).failed).difference(now.flaky)
    gone = set(lost_tests(own, now, Touched.by((), drops)))
    return tuple(test for test in tests_of(own).passed if test in failing or test in gone)


def gained_tests(base: Evidence, after: Evidence, promised: Collection[str]) -> frozenset[str]:
    """The tests that passed in an attempt and in no known run at its base."""
    old = {test for result in base.results for test in tests_of(result).passed}
    shown = {test for result in brought(base, after, promised).values() for test in tests_of(result).passed}
    return frozenset(shown - old)
