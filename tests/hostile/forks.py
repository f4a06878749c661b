"""Commands as processes of their own, forked from one that has imported everything: true to life, and begun at once.

One order a line on stdin, one answer a line on stdout, both JSON. An order has `argv`, `cwd`, `env`, `folder` (with
the file `in` for stdin; `out`, `err` and `started`, a line for every program that was started, are written there) and
`patience` in seconds. The answer is the exit code, null when patience ended.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

MAINS = {"agentflow": "agentflow.cli.app", "agentflow-hook": "agentflow.claude_code.hook"}
#: What commands import on their way, but for the SDKs: those start threads.
HEAVY = ("agentflow.workflows.driver", "agentflow.workflows.reviewing.collecting", "agentflow.cli.dry_run", "git")
#: Bytes that a command may take; a file without end takes them all.
MOST_MEMORY = 4 * 1024**3


def main() -> None:
    for name in (*MAINS.values(), *HEAVY):
        importlib.import_module(name)
    gc.freeze()
    while line := sys.stdin.readline():
        order = json.loads(line)
        if not (child := os.fork()):
            work(order)
        os.write(1, json.dumps(end_of(child, order["patience"])).encode() + b"\n")


def end_of(child: int, patience: float) -> int | None:
    """The exit code; whatever is left of the command's own session is killed."""
    deadline, code = time.monotonic() + patience, None
    while code is None and time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if ended else None
        time.sleep(0.002)
    try:
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return code
    if code is None:
        os.waitpid(child, 0)
    return code


def work(order: dict[str, Any]) -> NoReturn:
    """Be the command."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    folder = Path(order["folder"])
    for number, name in enumerate(("in", "out", "err")):
        file = os.open(folder / name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    started = os.open(folder / "started", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)

    def note(event: str, given: tuple[Any, ...]) -> None:
        if event in {"subprocess.Popen", "os.posix_spawn", "os.exec", "os.system"}:
            os.write(started, json.dumps(str(given[0])).encode() + b"\n")

    sys.addaudithook(note)
    sys.argv = order["argv"]
    try:
        importlib.import_module(MAINS[sys.argv[0]]).main()
        code: Any = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  as the interpreter would show it
        traceback.print_exc()
        code = 1
    # Taking the interpreter down would cost more than most commands: every page would have to be copied.
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    main()
