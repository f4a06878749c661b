"""The report of a unittest run: what each test did, as its result object is told."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import agentflow_seal

_WORST_LAST = ("passed", "xfailed", "skipped", "failed")


def attach(module: Any, guard: Any, folder: str) -> None:
    """Have every outermost run of a TextTestRunner recorded."""
    run = module.TextTestRunner.run

    def recorded(self: Any, test: Any) -> Any:
        claim = agentflow_seal.claim(folder)
        if claim is None:
            return run(self, test)
        recorder = _Recorder(guard.worktree)
        make = self._makeResult
        self._makeResult = lambda: recorder.watch(make())
        self.failfast = False  # a failure that was known would hide those behind it
        claim.begin()
        try:
            result = run(self, test)
        finally:
            del self._makeResult
        claim.write(recorder.report(result))
        claim.finish()
        guard.write_loaded(folder)
        return result

    module.TextTestRunner.run = recorded


class _Recorder:
    def __init__(self, worktree: str) -> None:
        self._worktree = os.path.realpath(worktree)
        self._outcomes: dict[str, str] = {}
        self._failures: dict[str, dict[str, str]] = {}

    def watch(self, result: Any) -> Any:
        """Hear everything that the result is told."""
        for name, word in (
            ("addSuccess", "passed"),
            ("addFailure", "failed"),
            ("addError", "failed"),
            ("addSkip", "skipped"),
            ("addExpectedFailure", "xfailed"),
            ("addUnexpectedSuccess", "failed"),
        ):
            self._hear(result, name, word)
        if hasattr(result, "addSubTest"):
            tell = result.addSubTest

            def add_subtest(test: Any, subtest: Any, error: Any) -> None:
                if error is not None:
                    self._saw(test, "failed", error)
                tell(test, subtest, error)

            result.addSubTest = add_subtest
        return result

    def _hear(self, result: Any, name: str, word: str) -> None:
        tell = getattr(result, name)

        def told(test: Any, *details: Any) -> None:
            self._saw(test, word, details[0] if details and isinstance(details[0], tuple) else None)
            tell(test, *details)

        setattr(result, name, told)

    def _saw(self, test: Any, word: str, error: Any) -> None:
        name = self._id(test)
        self._outcomes[name] = max(self._outcomes.get(name, word), word, key=_WORST_LAST.index)
        if word == "failed" and name not in self._failures:
            self._failures[name] = _told(name, error)

    def _id(self, test: Any) -> str:
        """As pytest names it: the module's path, the classes and the method."""
        method = str(getattr(test, "_testMethodName", ""))
        kind = type(test)
        if kind.__module__ == "unittest.loader":  # a module that could not be imported
            return self._file(method) or str(test)
        if not method or not hasattr(test, "id"):
            return str(test)
        file = self._file(kind.__module__)
        if file is None or "." not in test.id():
            return str(test.id())
        return "::".join([file, *kind.__qualname__.split("."), method])

    def _file(self, dotted: str) -> Any:
        path = getattr(sys.modules.get(dotted), "__file__", None)
        places = [path] if path else [os.path.join(entry, *dotted.split(".")) + ".py" for entry in sys.path]
        for place in map(os.path.realpath, places):
            if place.startswith(self._worktree + os.sep) and os.path.isfile(place):
                return os.path.relpath(place, self._worktree).replace(os.sep, "/")
        return None

    def report(self, result: Any) -> dict[str, Any]:
        good = result.wasSuccessful()
        failed = [test for test, outcome in self._outcomes.items() if outcome == "failed"]
        names = ", ".join(failed[:5])
        return {
            "runner": "unittest",
            "last": True,
            "exit": 0 if good else 1,
            "collected": result.testsRun,
            "outcomes": self._outcomes,
            "failures": [self._failures[test] for test in failed if test in self._failures],
            "doubts": ["unittest counts the run as successful although tests failed: " + names]
            if good and failed
            else [],
        }


def _told(test: str, error: Any) -> dict[str, str]:
    if error is None:
        return {"test": test, "message": "passed, but was expected to fail"}
    message = "".join(traceback.format_exception_only(*error[:2])).strip()
    if "Traceback (most recent call last)" in message:  # of a module that could not be imported
        message = message.splitlines()[-1]
    frames = "".join(traceback.format_exception(*error, limit=-6)).strip()
    return {"test": test, "message": "\n".join(message.splitlines()[:3])[:600], "account": frames[-6000:]}
