"""What hooks remember of a session, from one event to the next and among parallel ones."""

from __future__ import annotations

import fcntl
import json
import os
import time

from agentflow.claude_code import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

#: How long a hook waits for another one that changes the same session.
PATIENCE_S = 5.0


class session:  # noqa: N801  used like a function: `with session(session_id) as state`
    """The state of a session, for this hook alone; what the block changes is kept when it ends without an error.

    Be brief inside: the session's other hooks wait. Raises TimeoutError when they waited too long, OSError when the
    state cannot be kept.
    """

    def __init__(self, session_id: str, patience_s: float = PATIENCE_S) -> None:
        self._path = path_of(session_id)
        self._patience_s = patience_s

    def __enter__(self) -> dict[str, Any]:
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        self._lock = os.open(self._path + ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _acquire(self._lock, self._patience_s)
        except BaseException:
            os.close(self._lock)
            raise
        self._before = _read(self._path)
        self._state = json.loads(json.dumps(self._before))
        return self._state  # type: ignore[no-any-return]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None and self._state != self._before:
                _write(self._path, self._state)
        finally:
            os.close(self._lock)


def peek(session_id: str) -> dict[str, Any]:
    """The state of a session as it is, to look at only; empty when there is none."""
    return _read(path_of(session_id))


def path_of(session_id: str) -> str:
    return os.path.join(places.hooks_dir(), "sessions", places.file_name(session_id) + ".json")


def _acquire(lock: int, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError("another hook holds this session's state") from None
            time.sleep(0.005)


def _read(path: str) -> dict[str, Any]:
    """A file that is missing or damaged is a session of which nothing is known."""
    try:
        with open(path, "rb") as file:
            state = json.load(file)
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _write(path: str, state: dict[str, Any]) -> None:
    """Replaces the file in one step, so that a killed hook leaves it whole. The lock makes the other name ours."""
    with open(path + ".new", "w", encoding="utf-8", opener=places.private) as file:
        json.dump(state, file)
    os.replace(path + ".new", path)
