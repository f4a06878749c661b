"""Known signatures of the machine and of chance in what failed: a second process, a full disk, too little time."""

from __future__ import annotations

import re

from agentflow.domain.evidence import CheckResult

_SIGNS = {
    "address in use": r"EADDRINUSE|address (?:is )?already in use|port is already allocated|Address in use"
    r"|Only one usage of each socket address|port \d+ is (?:already )?in use|WSAEADDRINUSE",
    "database locked": r"database (?:table |schema )?is locked|SQLITE_(?:BUSY|LOCKED)|deadlock (?:detected|found when)"
    r"|Lock wait timeout exceeded|could not obtain lock|is being accessed by other users"
    r"|database \"[^\"\n]*\" already exists|Can't create database",
    "no space left": r"No space left on device|ENOSPC|Disk quota exceeded|EDQUOT|disk (?:I/O error|is full)",
    "out of memory": r"\bMemoryError\b|OutOfMemoryError|heap out of memory|Cannot allocate memory|ENOMEM|std::bad_alloc"
    r"|\bOOMKilled\b|memory allocation of \d+ bytes failed|fatal error: out of memory",
    "time-out": r"ETIMEDOUT|\bTimeoutE(?:rror|xpired|xception)\b|\btimed out\b|Timeout >|Exceeded timeout of"
    r"|Timeout of \d+ ?ms exceeded|deadline exceeded",
    "too many open files": r"\bE[MN]FILE\b|Too many open files",
    "no more processes": r"Resource temporarily unavailable|can't start new thread|fork: retry|EAGAIN",
}
_PATTERNS = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _SIGNS.items())


def signs_of(result: CheckResult) -> tuple[str, ...]:
    """What a failed check's failures say of the machine or of chance; empty for one that passed.

    Where the runner gives an account of the failing tests only that counts, else what the check printed.
    """
    if result.passed:
        return ()
    told = [f"{failure.message}\n{failure.account}" for failure in result.failures] or [result.output_tail]
    found = [name for name, pattern in _PATTERNS if any(pattern.search(text) for text in told)]
    if result.exit_code is None:
        found.append("time-out")
    if result.exit_code == 137:
        found.append("killed")
    return tuple(dict.fromkeys(found))
