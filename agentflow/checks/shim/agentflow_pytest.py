"""The report of a pytest session: what each test did, as pytest tells it and as it was seen to happen.

Registered when pytest makes its configuration, before it loads a plugin or a conftest of the repository's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import agentflow_seal
import pytest

_RAISED = "agentflow_raised"
_WORST_LAST = ("passed", "xfailed", "skipped", "failed")
_MOST_ACCOUNTS = 50
_MOST_NAMES = 5


def register(config: Any, guard: Any, folder: str) -> None:
    """Watch the session that this configuration is made for; at most one at a time reports."""
    claim = agentflow_seal.claim(folder)
    plugin = Recorder(claim, guard) if claim else Witness(guard, folder)
    config.pluginmanager.register(plugin, f"agentflow-{id(plugin):x}")


class Witness:
    """Sees which phases of a test raised, whatever becomes of their reports. Alone it serves a worker of xdist's."""

    def __init__(self, guard: Any, folder: str) -> None:
        self._guard = guard
        self._folder = folder
        self._raised: dict[tuple[str, str], bool] = {}

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: Any) -> Iterator[None]:
        self._note(item, "setup", (yield))

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_call(self, item: Any) -> Iterator[None]:
        self._note(item, "call", (yield))

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: Any) -> Iterator[None]:
        self._note(item, "teardown", (yield))

    def _note(self, item: Any, when: str, outcome: Any) -> None:
        self._raised[item.nodeid, when] = outcome.excinfo is not None and _is_failure(outcome.excinfo[0])

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        """The exceptions of unittest's tests are known here only."""
        before, key = call.excinfo, (item.nodeid, call.when)
        yield
        errors = (getattr(excinfo, "type", None) for excinfo in (before, call.excinfo))
        self._raised[key] = self._raised.get(key, False) or any(map(_is_failure, errors))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        setattr(report, _RAISED, self._raised.pop((report.nodeid, report.when), False))

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: Any) -> Iterator[None]:  # noqa: ARG002  pytest's signature
        self._guard.write_loaded(self._folder)
        yield


def _is_failure(kind: Any) -> bool:
    names = {base.__name__ for base in getattr(kind, "__mro__", ())}
    return bool(names) and not names & {"Skipped", "SkipTest", "XFailed", "Exit", "KeyboardInterrupt"}


class Recorder(Witness):
    """Keeps the outcomes of one session and writes its sealed report."""

    def __init__(self, claim: agentflow_seal.Claim, guard: Any) -> None:
        super().__init__(guard, claim.folder)
        self._claim = claim
        self._worktree = os.path.realpath(guard.worktree)
        self._rootdir = ""
        self._outcomes: dict[str, str] = {}
        self._failures: dict[str, dict[str, str]] = {}
        self._unsettled: set[str] = set()
        self._rewritten: list[str] = []
        self._collected: list[str] = []
        self._done = 0
        self._files: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: Any) -> None:
        """Have every test run, whatever the command line, addopts or a variable say: a known failure hides others."""
        for option, value in (("maxfail", 0), ("stepwise", False), ("stepwise_skip", False)):
            if hasattr(config.option, option):
                setattr(config.option, option, value)
        self._rootdir = str(getattr(config, "rootpath", None) or config.rootdir)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        self._claim.begin()

    def pytest_collectreport(self, report: Any) -> None:
        if report.outcome != "passed":
            self._saw(self._id(report.nodeid), report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: Any) -> None:
        self._collected = [self._id(item.nodeid) for item in session.items]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        raised = self._raised.pop((report.nodeid, report.when), False) or getattr(report, _RAISED, False)
        test = self._id(report.nodeid)
        if report.outcome == "passed" and raised:
            self._rewritten.append(test)
            self._outcomes[test] = "failed"
            self._failures[test] = {"test": test, "message": "raised an error, and a hook reported it as passed"}
        self._saw(test, report)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        self._done += 1
        with open(os.path.join(self._folder, "progress"), "a", encoding="ascii") as file:
            file.write(f"{self._done} {len(self._collected)} {len(self._failures)}\n")

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: Any) -> Iterator[None]:
        self._write(session, last=False)  # other hooks may end the interpreter
        yield
        self._write(session, last=True)
        self._claim.finish()

    def _saw(self, test: str, report: Any) -> None:
        if report.outcome not in ("passed", "failed", "skipped"):  # to be run again; what it did so far is forgotten
            self._unsettled.add(test)
            self._outcomes.pop(test, None)
            self._failures.pop(test, None)
            return
        word = report.outcome
        if word == "skipped" and hasattr(report, "wasxfail"):
            word = "xfailed"
        if hasattr(report, "context") and word != "failed":  # a subtest, whose test is reported too
            return
        part = getattr(report, "when", "collect") in ("setup", "teardown")
        if part and word == "passed":
            return
        self._unsettled.discard(test)
        self._outcomes[test] = max(self._outcomes.get(test, word), word, key=_WORST_LAST.index)
        if word == "failed" and test not in self._failures:
            self._failures[test] = _told(test, report, with_account=len(self._failures) < _MOST_ACCOUNTS)

    def _write(self, session: Any, last: bool) -> None:
        outcomes = dict(self._outcomes)
        outcomes.update((test, "failed") for test in self._unsettled)
        exitstatus = int(session.exitstatus)
        report = {
            "runner": "pytest",
            "last": last,
            "exit": exitstatus,
            "collected": len(self._collected),
            "outcomes": outcomes,
            "failures": [self._failures[test] for test in self._failures if outcomes.get(test) == "failed"],
            "doubts": list(self._doubts(session, exitstatus, outcomes)),
        }
        self._claim.write(report)
        self._guard.write_loaded(self._folder)

    def _doubts(self, session: Any, exitstatus: int, outcomes: dict[str, str]) -> Iterator[str]:
        if self._rewritten:
            yield f"a hook reported tests as passed that raised an error: {_some(self._rewritten)}"
        if exitstatus != 0:
            return
        failed = [test for test, outcome in outcomes.items() if outcome == "failed" and test not in self._rewritten]
        if failed:
            yield f"pytest ended with exit status 0 although tests failed: {_some(failed)}"
        stopped = getattr(session, "shouldstop", False) or getattr(session, "shouldfail", False)
        if not stopped and not session.config.pluginmanager.hasplugin("dsession"):
            option = session.config.option
            if not any(getattr(option, name, False) for name in ("collectonly", "setupplan", "setuponly")):
                never = [test for test in self._collected if test not in outcomes]
                if never:
                    yield f"collected tests never ran: {_some(never)}"

    def _id(self, nodeid: str) -> str:
        """The node id with its path relative to the worktree, where pytest's root is another folder."""
        file, mark, rest = nodeid.partition("::")
        if file not in self._files:
            path = os.path.relpath(os.path.join(os.path.realpath(self._rootdir), file), self._worktree)
            self._files[file] = file if path.startswith(os.pardir) or not file else path.replace(os.sep, "/")
        return self._files[file] + mark + rest


def _some(tests: list[str]) -> str:
    names = list(dict.fromkeys(tests))
    return ", ".join(names[:_MOST_NAMES]) + (f", … ({len(names)})" if len(names) > _MOST_NAMES else "")


def _told(test: str, report: Any, with_account: bool) -> dict[str, str]:
    told = {"test": test, "message": "", "account": "", "captured": ""}
    try:
        text = getattr(report, "longreprtext", "") or str(report.longrepr or "")
        told["message"] = _message(report.longrepr, text)
        if with_account:
            told["account"] = _last_frames(report.longrepr, text)
            told["captured"] = "\n".join(f"{name}:\n{out[-2000:]}" for name, out in report.sections)[-4000:]
    except Exception as error:  # noqa: BLE001  a plugin's own representation may do anything
        told["message"] = told["message"] or f"no account could be had: {error!r}"
    return told


def _message(longrepr: Any, text: str) -> str:
    """The error or assertion, in at most three lines."""
    crash = getattr(longrepr, "reprcrash", None)
    lines = str(crash.message).splitlines() if crash is not None else []
    if not lines:
        lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    lines = [line for line in lines if line.strip()] or [line for line in text.splitlines() if line.strip()][-1:]
    return "\n".join(lines[:3])[:600]


def _last_frames(longrepr: Any, text: str) -> str:
    entries = getattr(getattr(longrepr, "reprtraceback", None), "reprentries", None)
    if entries:
        text = "\n\n".join(str(entry).strip("\n") for entry in entries[-3:])
    return text if len(text) <= 6000 else text[:2000] + "\n…\n" + text[-4000:]
