"""Which Bash lines a worker may run. Pure: a line and the rules in, a reason for refusal out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from agentflow.models.shell import Unreadable, Words, plain_words, program, runs_in_background, simple_commands

# A hook of people's own sessions uses this too, and `typing` and `dataclasses` take longer than it has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentflow.domain.agents import BashRule

#: Never for a worker: the network, other users, other agents, escapes from the sandbox, unattended processes.
FORBIDDEN = frozenset(
    {
        *("curl", "wget", "nc", "ncat", "netcat", "socat", "telnet", "ftp", "ssh", "scp", "sftp", "rsync"),
        *("sudo", "su", "doas", "chroot", "nsenter", "unshare", "docker", "podman", "systemctl", "systemd-run"),
        *("claude", "agentflow", "agentflow-hook", "gh", "glab"),
        *("nohup", "setsid", "disown", "at", "batch", "crontab", "tmux", "screen"),
    }
)
#: What git may do for a worker: look, and change the worktree. History, refs, config and remotes are agentflow's.
GIT_COMMANDS = frozenset(
    {
        *("diff", "log", "show", "status", "blame", "grep", "shortlog", "describe", "rev-parse", "rev-list"),
        *("ls-files", "ls-tree", "cat-file", "merge-base", "name-rev", "check-ignore", "diff-tree", "diff-index"),
        *("diff-files", "add", "mv", "rm", "apply", "version"),
    }
)
#: Options that make git run programs, write files or look elsewhere.
_GIT_OPTIONS = ("--output", "--ext-diff", "--textconv", "--no-index", "--open-files-in-pager", "--exec", "--contents")
_GIT_FOLDER = re.compile(r"(^|[/\s='\":])\.git/|(^|[/\s])\.git$", re.IGNORECASE)


def forbidden(line: str) -> str | None:
    """Why no worker may run this line, whatever its rules; None when nothing in it is forbidden.

    The sandbox is what holds a determined worker; this refuses, and records, what can be read in the line.
    """
    try:
        if runs_in_background(line):
            return "background runs are not allowed"
        reasons = (_forbidden_command(words) for words in simple_commands(line))
        return next((reason for reason in reasons if reason), None)
    except Unreadable as error:
        return str(error)


def unmatched(line: str, commands: Sequence[str], rules: Sequence[BashRule]) -> str | None:
    """Why a line is neither one of `commands`, word for word, nor covered by a rule; None when it is."""
    if line.strip() in {command.strip() for command in commands}:
        return None
    try:
        words = plain_words(line)
    except Unreadable as error:
        return str(error)
    if any(_covers(rule, words) for rule in rules):
        return None
    return "only these commands may run: " + (", ".join([*commands, *map(_shown, rules)]) or "none")


def _covers(rule: BashRule, words: Words) -> bool:
    leading = tuple(shlex.split(rule.words))
    return words[: len(leading)] == leading and (rule.any_arguments or len(words) == len(leading))


def _shown(rule: BashRule) -> str:
    return f"{rule.words} …" if rule.any_arguments else rule.words


def _forbidden_command(words: Words) -> str | None:
    name = program(words)
    if name in FORBIDDEN:
        return f"{name} is not allowed"
    if any(_GIT_FOLDER.search(word) for word in words):
        return "the .git folder is not the worker's"
    return _forbidden_git(words[1:]) if name == "git" else None


def _forbidden_git(arguments: Words) -> str | None:
    if not arguments:
        return None
    command = arguments[0]
    if command.startswith("-"):
        return f"git {command} before the command is not allowed"
    if command not in GIT_COMMANDS:
        return f"git {command} is agentflow's, not the worker's"
    unsafe = next((word for word in arguments[1:] if _is_unsafe_option(word)), None)
    return f"git {command} {unsafe} is not allowed" if unsafe else None


def _is_unsafe_option(word: str) -> bool:
    """Any unambiguous beginning of a long option works in git, and it bundles short ones."""
    name = word.partition("=")[0]
    if name.startswith("--") and len(name) > 2:
        return any(option.startswith(name) for option in _GIT_OPTIONS)
    return bool(re.match(r"-[A-Za-z]*O", word))
