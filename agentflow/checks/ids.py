"""Names of tests: `path::Class::function[parameters]`, as reports give them and as plans use them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase

from agentflow.domain.scope import matches_scope


def file_of(test: str) -> str:
    return test.partition("::")[0]


def stands_in(test: str, path: str) -> bool:
    """Whether the test is of this file. A check that runs in a subfolder names its files from there."""
    return path == file_of(test) or path.endswith(f"/{file_of(test)}")


def name_of(test: str) -> str:
    return test.partition("::")[2]


def function_of(test: str) -> str:
    """The id without its parameters, which may differ from run to run (a time, an address)."""
    return test.partition("[")[0]


def functions(tests: Iterable[str]) -> Counter[str]:
    """How many of the tests belong to each function."""
    return Counter(map(function_of, tests))


def is_named(test: str, names: Iterable[str]) -> bool:
    """Whether a plan's list names this test (or test file): by its id, the beginning of it, its path or a glob."""
    return any(_names(name.strip(), test) for name in names)


def _names(name: str, test: str) -> bool:
    if not name:
        return False
    if test == name or test.startswith((f"{name}::", f"{name}[", f"{name}/")):
        return True
    if "::" in name:
        pattern = name.replace("[", "[[]")  # parameters, not a class of characters
        return fnmatchcase(test, pattern) or fnmatchcase(function_of(test), pattern)
    return matches_scope(file_of(test), (name,))
