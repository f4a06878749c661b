"""Is the process that works on a run still the same one, and alive?"""

from __future__ import annotations

import subprocess
from pathlib import Path

from agentflow.domain.attempts import RunStatus
from agentflow.store.records import RunRecord


def process_mark(pid: int) -> str | None:
    """A word that no later process with this number will have; None when no such process lives.

    A number alone is not enough: it is given again after a reboot, or sooner.
    """
    boot = Path("/proc/sys/kernel/random/boot_id")
    return _mark_from_proc(pid, boot.read_text(encoding="ascii").strip()) if boot.exists() else _mark_from_ps(pid)


def is_live(run: RunRecord) -> bool:
    """Whether the process that last took up the run still exists."""
    return run.pid is not None and run.pid_mark is not None and process_mark(run.pid) == run.pid_mark


def present_status(run: RunRecord) -> RunStatus:
    """The run's status as it is now: `running` without its process means `interrupted`."""
    if run.status is RunStatus.RUNNING and not is_live(run):
        return RunStatus.INTERRUPTED
    return run.status


def _mark_from_proc(pid: int, boot: str) -> str | None:
    """Boot id and start time. See proc_pid_stat(5): fields 3 (state) and 22 follow the last parenthesis."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def _mark_from_ps(pid: int) -> str | None:
    found = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    return found.stdout.strip() or None
