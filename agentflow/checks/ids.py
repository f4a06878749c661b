"""Names of tests: `path::Class::function[parameters]`, as reports give them and as plans use them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from agentflow.domain.scope import matches_scope


def file_of(test: str) -> str:
    return test.partition("::")[0]


def stands_in(test: str, path: str) -> bool:
    """Whether the test is of this file. A check that runs in a subfolder names its files from there."""
    return path == file_of(test) or path.endswith(f"/{file_of(test)}")


def name_of(test: str) -> str:
    return test.partition("::")[2]


_PARAMETERS = re.compile(r"(?<=\w)\[.*\]$", re.DOTALL)
#: What a name can hold that no two runs agree on: an address, a time, a random or process number, an object's repr.
_VOLATILE = re.compile(
    r"0x[0-9a-f]{4,}|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b\d{4}-\d\d-\d\d(?:[T_ ]\d\d:?\d\d(?::?\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?|\b\d{1,2}:\d\d:\d\d(?:\.\d+)?"
    r"|(?<![0-9a-z])(?:\d{9,}|(?=[a-f]*\d)[0-9a-f]{12,})(?![0-9a-z])|\b0\.\d{6,}",
    re.IGNORECASE,
)


def function_of(test: str) -> str:
    """The id without its parameters, and without what may differ from run to run (a time, an address)."""
    file, mark, name = test.partition("::")
    name = _PARAMETERS.sub("", name)
    if file.endswith(".go"):  # subtests are named by what they were given
        name = name.partition("/")[0]
    return f"{file}{mark}{_VOLATILE.sub('*', name)}"


def is_parametrised(test: str) -> bool:
    return function_of(test) != test


def absent(wanted: Collection[str], there: Collection[str]) -> tuple[str, ...]:
    """Those of `wanted` that are not `there`; parameters may differ, where as many tests of the function are."""
    found, needed, present = set(there), functions(wanted), functions(there)
    return tuple(
        test
        for test in wanted
        if test not in found and not (is_parametrised(test) and present[function_of(test)] >= needed[function_of(test)])
    )


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
