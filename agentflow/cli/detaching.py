"""`--detach`: a run goes on in a process of its own, whatever becomes of the terminal or session that asked for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentflow.store.ledger import Ledger
    from agentflow.store.records import RunRecord


def detach(ledger: Ledger, run_id: str, *, as_json: bool, options: Sequence[str] = ()) -> None:
    """Let another process carry the run, and say how to follow it.

    From here on the run is that process's: what it says goes to the log in the run's folder. `options` are more
    flags for `agentflow resume`, which it runs. Raises UsageError when a process works on the run already.
    """
    from agentflow.report import detached, term

    run = ledger.run(run_id)
    _require_idle(run)
    log = _log(run_id)
    process = _start(run, log, options)
    ledger.update_run(run_id, pid=process.pid)
    if as_json:
        term.data(detached.detached_document(run, process.pid, log))
    else:
        term.data(detached.detached_text(run))


def _require_idle(run: RunRecord) -> None:
    import os

    from agentflow.store.processes import is_live

    if is_live(run) and run.pid != os.getpid():
        raise UsageError(f"process {run.pid} is working on run {run.id}", hint=f"watch it: agentflow watch {run.id}")


def _log(run_id: str) -> Path:
    from agentflow.config.machine import make_folder
    from agentflow.config.paths import detached_log

    log = detached_log(run_id)
    make_folder(log.parent)
    return log


def _start(run: RunRecord, log: Path, options: Sequence[str]) -> subprocess.Popen[bytes]:
    """A session and process group of its own: neither Ctrl-C nor the end of a terminal reaches it.

    `-P`: the repository is the working directory, and nothing of it may be imported.
    """
    import os

    from agentflow.config.machine import open_private
    from agentflow.config.own_path import users_path

    command = [sys.executable, "-P", "-m", "agentflow", "resume", run.id, "--yes", *options]
    with open_private(log, "a") as output:
        return subprocess.Popen(
            command,
            cwd=run.repo_root,
            env={**os.environ, "PATH": users_path()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
