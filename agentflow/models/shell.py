"""Reading shell lines well enough to refuse them; whatever cannot be read is refused."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import groupby

Words = tuple[str, ...]

_OPERATOR = re.compile(r"[();<>|&]+")
_HEREDOC = re.compile(r"(?<!<)<<-?[ \t]*(['\"])(\w+)\1([^\n]*)\n.*?^[ \t]*\2[ \t]*$", re.DOTALL | re.MULTILINE)
_ASSIGNMENT = re.compile(r"\w+\+?=")
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"})
_KEYWORDS = frozenset({"!", "{", "}", "if", "then", "elif", "else", "while", "until", "do", "done", "fi", "time"})
#: Programs that run the command in their arguments.
_WRAPPERS = frozenset(
    {"builtin", "chrt", "command", "env", "exec", "flock", "ionice", "nice", "stdbuf", "timeout", "unbuffer", "xargs"}
)
_FIND_ACTIONS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


class Unreadable(ValueError):  # noqa: N818  the shell line's state, raised inside the guard only
    """The line cannot be taken apart with certainty."""


def plain_words(line: str) -> Words:
    """The words of a line that is exactly one simple command.

    Raises Unreadable for operators, substitutions, redirections, escapes, line breaks and leading assignments.
    """
    if found := re.search(r"[$`\\\x00-\x1f\x7f{}]", line):
        raise Unreadable(f"{found[0]!r} is not allowed in a command")
    words = tuple(_tokens(line))
    if not words:
        raise Unreadable("empty command")
    if operator := next((word for word in words if _OPERATOR.fullmatch(word)), None):
        raise Unreadable(f"{operator!r} is not allowed in a command")
    if _ASSIGNMENT.match(words[0]):
        raise Unreadable("a command may not set variables")
    return words


def simple_commands(line: str) -> Iterator[Words]:
    """Every simple command a line would run, as far as it can be read: lists, substitutions, `sh -c`, `xargs`, `env`.

    Raises Unreadable on unbalanced quotes and on programs whose name is computed.
    """
    text = _commands_only(line).replace("\n", " ; ").replace("`", " $( ")
    for is_operator, group in groupby(_tokens(text), key=_is_separator):
        if not is_operator:
            yield from _unwrapped(tuple(group))


def runs_in_background(line: str) -> bool:
    """Whether a line leaves something running behind its back (`&`, unquoted)."""
    operators = (token for token in _tokens(_commands_only(line)) if _OPERATOR.fullmatch(token))
    return any("&" in re.sub(r"&&|[<>|]&|&>", "", operator) for operator in operators)


def program(words: Words) -> str:
    """The name of the program, without its folder."""
    return words[0].rpartition("/")[2].lower() if words else ""


def _unwrapped(words: Words) -> Iterator[Words]:
    for script in (script for word in words for script in _substitutions(word)):
        yield from simple_commands(script)
    words = _without_prefix(words)
    if not words:
        return
    if "$" in words[0]:
        raise Unreadable(f"the program {words[0]!r} is only known when it runs")
    yield words
    yield from _nested(words)


def _nested(words: Words) -> Iterator[Words]:
    name = program(words)
    if name == "eval":
        yield from simple_commands(" ".join(words[1:]))
    elif name in SHELLS:
        for script in (word for word in words[1:] if not word.startswith("-")):
            yield from simple_commands(script)
    elif name in _WRAPPERS:
        yield from _candidates(words)
    elif name == "find":
        for index in (i for i, word in enumerate(words) if word in _FIND_ACTIONS):
            yield from _candidates(words[index:])


def _candidates(words: Words) -> Iterator[Words]:
    """Which word is the wrapped program depends on the wrapper's options; every possible one is looked at."""
    for index in range(1, len(words)):
        rest = words[index:]
        yield rest
        if program(rest) not in _WRAPPERS:
            yield from _nested(rest)


def _substitutions(word: str) -> Iterator[str]:
    """What stands inside each `$(…)` of a quoted word, to its closing bracket or the end."""
    for opening in re.finditer(r"\$\(", word):
        depth, end = 1, opening.end()
        while end < len(word) and depth:
            depth += {"(": 1, ")": -1}.get(word[end], 0)
            end += 1
        yield word[opening.end() : end].removesuffix(")")


def _without_prefix(words: Words) -> Words:
    start = 0
    while start < len(words) and (words[start] in _KEYWORDS or words[start] == "$" or _ASSIGNMENT.match(words[start])):
        start += 1
    return words[start:]


def _is_separator(token: str) -> bool:
    """Operators after which a new command starts; redirections do not end a command."""
    return bool(_OPERATOR.fullmatch(token)) and bool(set(token) & set("();|&")) and token not in {">&", "&>", "<&"}


def _commands_only(line: str) -> str:
    """The line without what a quoted here-document feeds to a program, unless a shell may be that program."""
    joined = line.replace("\\\n", " ")
    mentions_shell = any(re.search(rf"\b{shell}\b", joined) for shell in SHELLS)
    return joined if mentions_shell else _HEREDOC.sub(_without_document, joined)


def _without_document(found: re.Match[str]) -> str:
    """The rest of the opening line; the whole text when `<<` may stand in quotes, a comment or arithmetic."""
    before = found.string[: found.start()]
    try:
        _tokens(before)
    except Unreadable:
        return found[0]
    return found[0] if "#" in before or "((" in before else f"{found[3]}\n"


def _tokens(line: str) -> list[str]:
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    reader.commenters = ""
    try:
        return list(reader)
    except ValueError as error:
        raise Unreadable(f"the command cannot be read: {error}") from error
