"""Telling a check that cannot run from one that fails: the first says nothing about the code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from agentflow.checks.runners import RUNNERS, python_modules, runners_of
from agentflow.checks.runners.runner import Ended, Report, Runner
from agentflow.checks.runners.tally import plain
from agentflow.domain.evidence import Obstacle, TestFailure

#: Programs that only start others: the real runner's words are among the output, whichever it is.
_STARTERS = frozenset({"make", "package-script", "tox", "nox"})
_NOT_FOUND = re.compile(
    r"^(?:\S*sh|make(?:\[\d+\])?|env|/usr/bin/env): (?:line \d+: |\d+: )?['\u2018\"]?([^\s:'\u2019\"]+)['\u2019\"]?: "
    r"(?:(?:command )?not found|No such file or directory)"
    r"|^(?:zsh: )?command not found: (\S+)"
    r"|^exec: \"?([^\s:\"]+)\"?: (?:not found|executable file not found)",
    re.MULTILINE,
)
_DENIED = re.compile(
    r"^(?:\S*sh|env|/usr/bin/env): (?:line \d+: |\d+: )?['\u2018\"]?([^\s:'\u2019\"]+)['\u2019\"]?: Permission denied",
    re.MULTILINE,
)
_SERVICES = {
    "5432": "PostgreSQL", "3306": "MySQL", "6379": "Redis", "27017": "MongoDB", "5672": "RabbitMQ",
    "9200": "Elasticsearch", "11211": "memcached", "1433": "SQL Server", "9092": "Kafka", "2181": "ZooKeeper",
}  # fmt: skip
_REFUSED = re.compile(
    r"(?:connection refused|ECONNREFUSED|could not connect to server|connection to server at|Can't connect to|"
    r"Error \d+ connecting to|Max retries exceeded|No connection could be made|Connect call failed|cannot connect to)",
    re.IGNORECASE,
)
_PORT = re.compile(rf"(?<!\d)({'|'.join(_SERVICES)})(?!\d)")
_NAMED = (
    (
        re.compile(r"could not connect to server: |connection to server (?:at|on socket) .* failed", re.IGNORECASE),
        "PostgreSQL",
    ),
    (re.compile(r"Can't connect to (?:local )?MySQL server", re.IGNORECASE), "MySQL"),
    (re.compile(r"Cannot connect to the Docker daemon|docker daemon is not running", re.IGNORECASE), "Docker"),
)
_NO_NETWORK = re.compile(
    r"Temporary failure in name resolution|EAI_AGAIN|getaddrinfo ENOTFOUND|Could not resolve host"
    r"|failed to lookup address|Name or service not known|dial tcp: lookup|Network is unreachable|ENETUNREACH"
    r"|UnknownHostException|nodename nor servname|No address associated with hostname"
)
#: What stands in the way whatever the language, and how to say it.
_COMMON = (
    (
        re.compile(r"requires a different Python: (\S+) not in '([^']+)'"),
        "the Python version does not fit: {2} is needed, {1} is there",
    ),
    (
        re.compile(r"(?:pyenv|nodenv|rbenv): version [`'](\S+?)' is not installed"),
        "version {1}, which the repository names, is not installed",
    ),
    (
        re.compile(r"error: command '(?:\S*/)?(\S*gcc|\S*g\+\+|cc|c\+\+|clang|cmake|ninja)' failed: No such file"),
        "there is no compiler: {1} is not installed",
    ),
    (re.compile(r"No space left on device|ENOSPC"), "the disk is full"),
    (
        re.compile(r"(?:EACCES|PermissionError|Permission denied)[^\n]*?['\"]?((?:/[^\s'\":]+)+)"),
        "no permission for {1}",
    ),
    (_NO_NETWORK, "the network cannot be reached"),
)
_SOME_RAN = re.compile(
    r"\b[1-9]\d* (?:passed|passing|tests? passed)\b|^(?:ok \d+ |test .+ \.\.\. ok$|\s*--- PASS: )",
    re.MULTILINE,
)


def obstacle_of(command: str, ended: Ended, report: Report | None = None) -> Obstacle | None:
    """Why a check could not run at all; None where it passed, ran out of time, or ran tests that failed.

    With a `report`, its tests say whether any ran: files that did not load are no tests. Tests that all failed for want
    of the same service (a database) could not run either.
    """
    if ended.exit_code in {0, None}:
        return None
    ended = Ended(ended.exit_code, plain(ended.output), ended.worktree)
    if ended.exit_code in {126, 127}:
        return _unstartable(command, ended)
    if report is not None and any("::" in test for test in (*report.tests.passed, *report.tests.failed)):
        return _service_of_all(report)
    if report is None and _SOME_RAN.search(ended.output):
        return None
    if python_modules.is_concerned(ended.output):
        return python_modules.obstacle(ended.output, ended.worktree)
    return _of_runners(command, ended) or _common(ended)


def wants_network(text: str) -> bool:
    """Whether a program says that it reached nobody: no name is resolved, or a service refuses the connection."""
    return bool(_NO_NETWORK.search(text) or _service(text))


def _unstartable(command: str, ended: Ended) -> Obstacle:
    """127: the program is not there; 126: it is, and cannot be run. npm and sh hand these on from what they start."""
    known = runners_of(command, ended.worktree or Path())
    if more := _first(known, ended):
        return more
    if found := _NOT_FOUND.search(ended.output):
        return Obstacle(f"{next(filter(None, found.groups()))} is not installed")
    if denied := _DENIED.search(ended.output):
        return Obstacle(f"{denied[1]} may not be run: no permission")
    return Obstacle(
        "a program that the check needs is not installed"
        if ended.exit_code == 127
        else "a program that the check needs may not be run"
    )


def _of_runners(command: str, ended: Ended) -> Obstacle | None:
    known = runners_of(command, ended.worktree or Path())
    return _first(known if known and known[0].name not in _STARTERS else (*known, *RUNNERS), ended)


def _first(runners: Iterable[Runner], ended: Ended) -> Obstacle | None:
    return next((found for runner in runners if (found := runner.obstacle(ended))), None)


def _common(ended: Ended) -> Obstacle | None:
    if service := _service(ended.output):
        return Obstacle(f"{service} cannot be reached")
    if found := _NOT_FOUND.search(ended.output):
        return Obstacle(f"{next(filter(None, found.groups()))} is not installed")
    for pattern, sentence in _COMMON:
        if found := pattern.search(ended.output):
            return Obstacle(sentence.format(found[0], *found.groups()))
    return None


def _service(text: str) -> str:
    """The service that refuses a connection, by its own words or by its port; empty where none does."""
    for pattern, name in _NAMED:
        if pattern.search(text):
            return name
    for refused in _REFUSED.finditer(text):
        if port := _PORT.search(text, max(0, refused.start() - 200), refused.end() + 200):
            return f"{_SERVICES[port[1]]} (port {port[1]})"
    return ""


def _service_of_all(report: Report) -> Obstacle | None:
    """Tests ran: only where none passed, and every one that failed says that it could not reach a service."""
    if report.tests.passed or not report.failures or len(report.failures) < len(report.tests.failed):
        return None
    missed = {_service(_text(failure)) for failure in report.failures}
    return Obstacle(f"{next(iter(missed))} cannot be reached") if len(missed) == 1 and "" not in missed else None


def _text(failure: TestFailure) -> str:
    return f"{failure.message}\n{failure.account}"
