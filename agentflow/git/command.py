"""The one place git is started, so hardened that nothing a repository configures is run, in whatever state it is.

What a hostile repository can make git execute, and what switches it off, was measured call by call. Hooks, fsmonitor
and remote helpers fall to the settings below, external diff programs to diff's options too. Every other program that
the repository's own files name, and files these include, is overridden (`programs.py`, `own_config.py`). Nothing is
fetched because it is missing: which program does that, and from where, would be the repository's choice.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from agentflow.errors import EnvironmentError_
from agentflow.git.own_config import OwnConfig, own_config
from agentflow.git.process import GitOutput, run

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "core.safecrlf": "false",
    "commit.gpgSign": "false",
    "log.showSignature": "false",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "rerere.enabled": "false",
    "merge.autoStash": "false",
    "i18n.commitEncoding": "utf-8",
    "i18n.logOutputEncoding": "utf-8",
    "gc.auto": "0",
    "maintenance.auto": "false",
    # A person's git in the same repository holds these locks for a moment at a time.
    "core.filesRefLockTimeout": "10000",
    "core.packedRefsTimeout": "10000",
}
_PREFIX = tuple(word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}"))
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": "true",
    "LC_ALL": "C",
    # Git before 2.45 does not know the first of these; with no protocol allowed it reaches nothing either.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_PROXY_COMMAND": "",
}
#: For a repository whose objects or refs cannot be read. Anything that makes new ones would only hide it.
DAMAGED = "copy .git away first; `git fsck --full` says what is missing, `git fetch` or a clone may bring it back"
#: For a clone that leaves objects to its remote until they are needed.
PARTIAL = "agentflow fetches nothing unasked; to have all of it here: git fetch --refetch --no-filter"
_ADVICE = (
    (re.compile(r"promisor|lazy fetching"), PARTIAL),
    (
        re.compile(r"index file (corrupt|smaller)|bad (index file|signature)"),
        "the index is damaged, and what was only staged is lost: mv .git/index away, then git reset",
    ),
    (
        re.compile(
            r"unable to read|bad (tree )?object|missing (blob|tree|commit|object)|is corrupt|object file .* is empty"
            r"|inflate|unable to find alternate|could not parse|invalid object|broken ref|unexpected line in .*packed-"
            r"refs|pack(file)? .* (cannot|is)|unable to unpack|hash mismatch"
        ),
        DAMAGED,
    ),
    (re.compile(r"No space left|Disk quota"), "free some disk space, then try again"),
)


#: How git's many commands say that an object is not there.
_GONE = re.compile(
    r"bad (tree )?object|missing (blob|tree|commit|object)|invalid object|nonexistent object|not a valid object"
    r"|unable to (read|find)|could(n't| not) (read|find|parse) (commit|tree|object|[0-9a-f]{7})|cannot read",
    re.IGNORECASE,
)


class ObjectGone(EnvironmentError_):
    """Git misses an object: collected by somebody before a ref held it, or the repository is damaged."""


async def git(
    cwd: Path, *args: str, check: bool = True, env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> GitOutput:
    """Run git in `cwd` and wait for its end, also when the caller is cancelled: git is never left half-way.

    Raises EnvironmentError_ when git is missing or had to be ended, and when `check` is set and git fails.
    """
    running = asyncio.ensure_future(asyncio.to_thread(_guarded, cwd, args, {**_ENVIRONMENT, **(env or {})}, stdin))
    try:
        output = await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
    if check and not output.ok:
        raise failure(f"{_words(args)} failed in {cwd}", output)
    return output


def failure(what: str, output: GitOutput) -> EnvironmentError_:
    """The error that says what git could not do, and why."""
    kind = ObjectGone if _GONE.search(output.stderr) else EnvironmentError_
    return kind(f"{what}: {complaint(output)}", hint=_advice(output))


def settings(values: Mapping[str, str]) -> dict[str, str]:
    """The environment that gives git these settings, above every configuration file."""
    return _numbered(list(values.items()))


def _numbered(values: Sequence[tuple[str, str]]) -> dict[str, str]:
    keys = {f"GIT_CONFIG_KEY_{n}": name for n, (name, _) in enumerate(values)}
    return {
        "GIT_CONFIG_COUNT": str(len(values)),
        **keys,
        **{f"GIT_CONFIG_VALUE_{n}": value for n, (_, value) in enumerate(values)},
    }


def complaint(output: GitOutput) -> str:
    """Git's own first words about what went wrong."""
    lines = [line for line in output.stderr.splitlines() if line.strip()]
    worst = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "")
    return worst.removeprefix("fatal: ").removeprefix("error: ") or f"exit {output.returncode}"


async def own_settings(cwd: Path, git_dir: Path | None = None) -> OwnConfig:
    """What the repository at `cwd`, or the one that `git_dir` makes, itself configures.

    Raises EnvironmentError_ where that cannot be read as configuration.
    """
    place = {"GIT_DIR": str(git_dir)} if git_dir else {}
    return await asyncio.to_thread(_own_config, cwd, {**_ENVIRONMENT, **place})


def _guarded(cwd: Path, args: Sequence[str], env: Mapping[str, str], stdin: bytes) -> GitOutput:
    """The first setting of a name counts least: those that the call itself gives stand after the repository's."""
    given = _own_config(cwd, env).given
    taken = int(env.get("GIT_CONFIG_COUNT", "0"))
    if given:
        own = [(env[f"GIT_CONFIG_KEY_{n}"], env[f"GIT_CONFIG_VALUE_{n}"]) for n in range(taken)]
        env = {**env, **_numbered([*given, *own])}
    return run(cwd, _PREFIX, args, env, stdin)


def _own_config(cwd: Path, env: Mapping[str, str]) -> OwnConfig:
    def ask(words: Sequence[str]) -> tuple[str, ...]:
        # A single file is read outside of the repository: git would read all of its configuration first.
        return run(cwd, _PREFIX, words, {**env, **({"GIT_DIR": os.devnull} if "--file" in words else {})}, b"").fields

    return own_config(cwd, env, ask)


def _advice(output: GitOutput) -> str | None:
    return next((advice for signs, advice in _ADVICE if signs.search(output.stderr)), None)


def _words(args: Sequence[str]) -> str:
    return " ".join(["git", *takewhile(re.compile("[a-z][a-z-]*").fullmatch, args)])
