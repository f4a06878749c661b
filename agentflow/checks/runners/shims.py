"""Programs of ours in front of the real ones on PATH, which ask a test runner for a report wherever it is started from.

A check is often `make test` or `npm test`, and the runner is called three scripts further down: rewriting the check's
own line would not reach it, and few runners read an environment variable. A shim hands everything on unchanged unless
it is the runner's own call.
"""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

from agentflow.checks.junit import read_untrusted
from agentflow.checks.runners.runner import Invocation
from agentflow.checks.runners.tally import plain

#: Set while a runner that reports is running: what its tests start is theirs, and reports to nobody.
_BUSY = "AGENTFLOW_REPORTING"


def shimmed(invocation: Invocation, folder: Path, program: str, body: str) -> Invocation:
    """The invocation with a shim for `program`, which runs `body` (POSIX shell) first; unchanged without the program.

    `body` sees the arguments as its own, may change them with `set --`, and finds `$AF_REAL` (the real program, to be
    run or exec'd) and `$AF_FOLDER` (`folder`). It must `export AGENTFLOW_REPORTING=1` when it asks for a report.
    Falling off its end runs the real program with the arguments as they are then.
    """
    real = shutil.which(program, path=invocation.env.get("PATH", os.defpath))
    if real is None:
        return invocation
    script = folder / "bin" / program
    script.parent.mkdir(exist_ok=True)
    script.write_text(
        f"#!/bin/sh\nAF_FILTER=\nAF_REAL={shlex.quote(real)}\nAF_FOLDER={shlex.quote(str(folder))}\n"
        f'if [ -z "${_BUSY}" ]; then\n:\n{body}\nfi\nexec "$AF_REAL" "$@"\n',
        encoding="utf-8",
        errors="surrogateescape",
    )
    script.chmod(0o700)
    path = f"{script.parent}{os.pathsep}{invocation.env.get('PATH', os.defpath)}"
    return replace(invocation, env={**invocation.env, "PATH": path})


def dropping(words: str) -> str:
    """Shell text that takes `words` (a `case` pattern) out of the arguments, a number after one too.

    `$af_dropped` says afterwards whether there was any.
    """
    return f"""
    af_dropped= af_left=$#
    while [ "$af_left" -gt 0 ]; do
        af_word=$1; shift; af_left=$((af_left - 1))
        case "$af_word" in
            {words})
                af_dropped=1
                case "$af_left:$af_word" in 0:*|*=*) continue ;; esac
                case "$1" in ""|*[!0-9]*) ;; *) shift; af_left=$((af_left - 1)) ;; esac ;;
            *) set -- "$@" "$af_word" ;;
        esac
    done
"""


def lay_reporter(folder: Path, name: str) -> Path:
    """A reporter written in the runner's own language, put where a sandboxed check can read it."""
    place = folder / name
    place.write_bytes((resources.files("agentflow.checks.runners") / "reporters" / name).read_bytes())
    return place


def aside(*words: str) -> str:
    """Shell that gives these options to a program on Node.js, whose tests do not see them (`aside.cjs` must be laid).

    A program that still runs five seconds after it has left its report as `$AF_FOLDER/<pid>.<suffix>` is ended, with
    the exit code that it has by then, and a file `lingered` says so.
    """
    given = "\n".join(words)
    return f'export AGENTFLOW_WORDS="{given}"\nset -- --require "$AF_FOLDER/aside.cjs" "$@"'


#: Runs the real program with `$@`, its output shown and kept as `$AF_FOLDER/<pid>.txt`, and ends as it ended.
#: `AF_FILTER` may name a command that the shown output goes through.
TEE = r"""
    export AGENTFLOW_REPORTING=1
    af_text="$AF_FOLDER/$$.txt"
    { "$AF_REAL" "$@" 2>&1; echo $? > "$AF_FOLDER/$$.status"; } | tee "$af_text" | ${AF_FILTER:-cat}
    exit "$(cat "$AF_FOLDER/$$.status")"
"""


def kept_output(folder: Path) -> list[str] | None:
    """The lines that `TEE` kept, of all calls; None where there was none, or what there is cannot be read."""
    lines: list[str] | None = None
    for path in sorted(folder.glob("*.txt")):
        try:
            lines = [*(lines or ()), *plain(read_untrusted(path).decode(errors="replace")).splitlines()]
        except (OSError, ValueError):
            continue
    return lines
