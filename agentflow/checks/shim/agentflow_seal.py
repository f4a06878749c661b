"""Reports that the code under test cannot write itself.

agentflow leaves a key in the report's folder. The first test session takes it, before any code of the repository is
loaded, deletes the file, and seals its report with it. When the session has finished, the next key (made from this
one) is left for the next session. Sessions inside a session find no key and leave no report.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import hmac
import json
import os
import sys
import threading
import time
from typing import Any

KEY = "key"
GRACE_S = 5.0
_dumps, _digest = json.dumps, hmac.new  # taken now: the code under test may replace them later
_active: list[Claim] = []


class Claim:
    """The right to one report. Dropped, unless a session begins, when the interpreter ends."""

    def __init__(self, folder: str, number: int, key: bytes) -> None:
        self.folder = folder
        self._number = number
        self._key = key
        self._pid = os.getpid()
        self._begun = False
        self._exit = 0

    def begin(self) -> None:
        """From here on only a finished session gives a report."""
        self._begun = True

    def drop(self) -> None:
        """Leave the key for others."""
        if not self._begun and self._pid == os.getpid():
            _leave(self.folder, self._number, self._key)
            self._begun = True
            _active.clear()

    def write(self, report: dict[str, Any]) -> None:
        """Seal what is known. The last report written counts."""
        if self._pid != os.getpid():
            return
        self._exit = report["exit"]
        body = _dumps(report).encode()
        path = os.path.join(self.folder, f"report-{self._number}")
        with open(path + ".new", "wb") as file:
            file.write(_digest(self._key, body, hashlib.sha256).hexdigest().encode() + b"\n" + body)
        os.replace(path + ".new", path)

    def finish(self) -> None:
        """Let the next session report."""
        if self._pid == os.getpid():
            _leave(self.folder, self._number + 1, _digest(self._key, b"next", hashlib.sha256).digest())
            _active.clear()
            if self._exit != 0:
                _end_in_time(self.folder, self._exit)


def _end_in_time(folder: str, code: int) -> None:
    """See to it that threads which failed tests left running do not keep the interpreter for ever.

    Only where tests failed: what a program would have made of its passing tests is not known here.
    """

    def end() -> None:
        time.sleep(GRACE_S)
        with contextlib.suppress(OSError, ValueError):
            open(os.path.join(folder, "lingered"), "w", encoding="ascii").close()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)

    def when_main_thread_ends() -> None:
        threading.Thread(target=end, daemon=True).start()

    with contextlib.suppress(AttributeError, RuntimeError):  # of Python 3.8, or too late
        threading._register_atexit(when_main_thread_ends)  # type: ignore[attr-defined]  # noqa: SLF001


def claim(folder: str) -> Claim | None:
    """The right to report the session about to begin; None for one inside, or beside, another."""
    taken = None if _active else _take(folder)
    if taken is None:
        return None
    mine = Claim(folder, *taken)
    _active.append(mine)
    atexit.register(mine.drop)
    return mine


def _take(folder: str) -> tuple[int, bytes] | None:
    path = os.path.join(folder, KEY)
    mine = f"{path}-{os.getpid()}"
    try:
        os.rename(path, mine)  # whoever succeeds is alone
        with open(mine, encoding="ascii") as file:
            number, _, key = file.read().partition(" ")
        os.unlink(mine)
        return int(number), bytes.fromhex(key)
    except (OSError, ValueError):
        return None


def _leave(folder: str, number: int, key: bytes) -> None:
    path = os.path.join(folder, KEY)
    try:
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(f"{number} {key.hex()}")
        os.replace(path + ".new", path)
    except OSError:  # the folder is gone: this process outlived its check
        pass
