"""Old tests, new code: whether the tests that a change touches still hold as they were before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from agentflow.checks.comparison import tests_of
from agentflow.checks.ids import absent, file_of, is_named, stands_in
from agentflow.checks.tamper import is_test_code, is_test_module
from agentflow.domain.evidence import Change, CheckResult, Evidence

#: Gives the line that runs only these test files with a command; None where its runner cannot.
Narrow = Callable[[str, Sequence[str]], str | None]


@dataclass(frozen=True, slots=True)
class Held:
    """A command to be run on the new code with the old tests: `line` runs only `files` of it (empty: everything)."""

    command: str
    line: str
    files: tuple[str, ...] = ()


def touched_tests(changes: Sequence[Change], named: Collection[str]) -> tuple[str, ...]:
    """Test code that was there before and is not as it was, and new fixtures, which reach into old tests.

    Files that the plan names as a whole (`named`) may change.
    """
    return tuple(
        change.path
        for change in changes
        if is_test_code(change.path)
        and (change.status != "A" or PurePosixPath(change.path).name == "conftest.py")
        and not is_named(change.path, named)
    )


def held(before: Evidence, touched: Sequence[str], narrow: Narrow) -> tuple[Held, ...]:
    """What to run so that the old tests are held against the new code: as few commands, and as narrow, as can be.

    Whole commands where a runner cannot be narrowed, where results do not tell their files, or where what tests share
    was touched.
    """
    good = [result for result in before.results if not result.doubts and (result.passed or tests_of(result).passed)]
    if not all(map(is_test_module, touched)):
        return tuple(Held(result.command, result.command) for result in good)
    found, missing = list[Held](), set(touched)
    for result in good:
        of = {path: {file_of(t) for t in tests_of(result).passed if stands_in(t, path)} for path in missing}
        if files := tuple(sorted(set().union(*of.values()))):
            found.append(Held(result.command, narrow(result.command, files) or result.command, files))
            missing -= {path for path, there in of.items() if there}
    silent = (result for result in good if missing and not _tells_files(result))
    return (*found, *(Held(result.command, result.command) for result in silent))


def _tells_files(result: CheckResult) -> bool:
    return result.tests is not None and all(is_test_code(file_of(test)) for test in result.tests.passed)


def altered(before: Evidence, then: Evidence, holding: Sequence[Held], named: Collection[str]) -> tuple[str, ...]:
    """The tests, by id, that passed before and whose old version does not pass on the new code (`then`).

    A command stands for its tests where none are reported. What the plan names may change.
    """
    broken = (
        test
        for one in holding
        if (now := then.result(one.line)) is not None and (was := before.result(one.command)) is not None
        for test in _broken(was, now, one.files)
    )
    return tuple(test for test in dict.fromkeys(broken) if not is_named(test, named))


def _broken(was: CheckResult, now: CheckResult, files: Collection[str]) -> Iterator[str]:
    if was.tests is None:
        yield from () if now.passed else (was.command,)
        return
    steady = [t for t in was.tests.passed if t not in was.flaky and (not files or file_of(t) in files)]
    yield from absent(steady, tests_of(now).passed)
