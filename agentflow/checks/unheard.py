"""Shell lines in which a failure goes unheard: read by the shell's own grammar, nothing is run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.checks.grammar import (
    LEAD,
    inside,
    is_plain_exit,
    name_of,
    parsed,
    program_of,
    source_of,
    substitutions,
    text_of,
    words_of,
)
from agentflow.checks.runners import RUNNERS
from agentflow.checks.runners.package_scripts import expanded

if TYPE_CHECKING:
    from tree_sitter import Node

#: Commands that say nothing about the code, however they end.
_PREPARING = frozenset(
    {"true", ":", "echo", "printf", "sleep", "cd", "pushd", "popd", "export", "set", "shopt", "source", ".", "unset"}
    | {"umask", "ulimit", "alias", "trap", "mkdir", "rm", "rmdir", "touch", "cp", "mv", "ln", "chmod", "kill", "pkill"}
    | {"read", "local", "declare", "typeset", "date", "clear", "wait", "hash", "tee", "cat", "tail", "head", "ls"}
)
#: What makes ready for the checks after it: where it fails, they will tell.
_INSTALLING = re.compile(
    r"^(?:\S*/)?(?:cmake|meson|docker|docker-compose|podman|service|systemctl|pg_ctl|initdb|createdb|dropdb)\b"
    r"|\b(?:npm|pnpm|yarn|bun) (?:ci|i|install|add)\b|\bpip3? install\b|\bgo mod \w+|\bcargo (?:fetch|build)\b"
    r"|\b(?:poetry|uv|pdm|pipenv|bundle|composer) (?:install|sync)\b"
)
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
#: Options by which a program passes whatever it finds.
_BLUNT = re.compile(
    r"--exit-zero(?:-even-if-\w+)?|--no-fail|--fail-never|-D(?:maven\.test\.failure\.ignore|testFailureIgnore)(?:=true)?"
    r"|--suppress-tests-failed-exit-code|--failure-exit-code=0|--ignore-errors"
)
#: The same for options that mean it for one program only.
_BLUNT_OF = {"make": {"-i"}, "gmake": {"-i"}, "mvn": {"-fn"}, "mvnw": {"-fn"}}
_LAST_WORD = frozenset({"grep", "egrep", "fgrep", "rg", "ag"})
_STOPS_READING = frozenset({"head"})
_STARTS_OTHERS = frozenset({"package-script", "make"})
_SCRIPTS = re.compile(r"\b(?:(?:npm|pnpm|yarn|bun)(?:\s+run)?\s+(?:t|test)|g?make\s+(?:test|check))\b")
#: Where the line keeps a status to go by later, nobody can say without running it what it makes of it.
_KEEPS_STATUS = re.compile(r"\$\?|PIPESTATUS|\b(?:exit|return)\s+\"?\$")
#: A listing of changes that names no other commit.
_UNCOMMITTED = re.compile(r"git diff(?: -\S+)*(?: HEAD)?(?: -- .*)?$")
_BODIES = frozenset({"else_clause", "elif_clause"})


@dataclass(frozen=True, slots=True)
class _Heard:
    """Whose failure is the status, whose ends the shell with a failure, and whose is heard by nobody.

    `waived` are those of whom the line says that it shall be so (`|| true`).
    """

    status: tuple[str, ...] = ()
    exits: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()

    @property
    def any(self) -> tuple[str, ...]:
        return (*self.status, *self.exits)

    def beside(self, other: _Heard) -> _Heard:
        return _Heard(
            (*self.status, *other.status),
            (*self.exits, *other.exits),
            (*self.lost, *other.lost),
            (*self.waived, *other.waived),
        )


def unheard(line: str, *, pipefail: bool = True) -> str | None:
    """Why a failure goes unheard in a shell line that checks something, with the right spelling; None where none does.

    `pipefail`: whether the shell that runs it minds all parts of a pipeline. A line that only prepares something
    (`true`, `mkdir x`) hides nothing; one that no shell can read fails by itself.
    """
    if _KEEPS_STATUS.search(line):
        return None
    reader = _Reader(source_of(line), pipefail=pipefail)
    why = reader.complaint()
    if why is None:
        return None
    better = reader.mended()
    if better and better != line and _Reader(source_of(better), pipefail=pipefail).complaint() is None:
        return f"{why}; write `{better}`"
    return f"{why}; write it so that its own exit code tells"


def judging(line: str) -> tuple[str, ...]:
    """The commands by whose failing a line fails, in their order; none where it cannot be read."""
    return _Reader(source_of(line), pipefail=False).judging()


def hidden_in_scripts(command: str, worktree: Path) -> tuple[str, ...]:
    """Doubts about a check whose package scripts hide failures: `sh` runs those, without `pipefail`."""
    scripts = expanded(command, worktree).removeprefix(command).splitlines()
    found = ((script, unheard(script, pipefail=False)) for script in scripts if script.strip())
    return tuple(f"package.json has `{script}`: {why}" for script, why in found if why)


def line_errors(commands: Iterable[str]) -> list[str]:
    """What is wrong with these checks, each in a sentence; a pipeline fares worse where there is no bash."""
    pipefail = shutil.which("bash") is not None
    found = ((command, unheard(command, pipefail=pipefail)) for command in dict.fromkeys(commands))
    return [f"the check `{command}` cannot be trusted: {why}" for command, why in found if why]


class _Reader:
    """Reads one line, and collects on the way why it hides failures and which edits would mend that."""

    def __init__(self, source: bytes, *, pipefail: bool, edits: list[tuple[int, int, bytes]] | None = None) -> None:
        self._source = source
        self._pipefail = pipefail
        self._errexit = False
        self._functions: dict[str, Node] = {}
        self._called: set[str] = set()
        self._why: list[str] = []
        self._edits: list[tuple[int, int, bytes]] = [] if edits is None else edits

    def judging(self) -> tuple[str, ...]:
        heard = self._heard()
        return tuple(dict.fromkeys(heard.status)) if heard else ()

    def complaint(self) -> str | None:
        heard = self._heard()
        if self._why:
            return self._why[0]
        if heard is None:
            return None
        hidden = (*heard.lost, *heard.waived)
        if hidden and not heard.any:
            return f"it passes whatever `{hidden[0]}` says"
        if told := (*heard.lost, *filter(is_runner, heard.waived)):
            return f"it goes on as if nothing were wrong when `{told[0]}` fails"
        return None

    def _heard(self) -> _Heard | None:
        """What the line makes of its commands; None where no shell, or no reader of ours, gets to its end."""
        root = parsed(self._source)
        try:
            return None if root.has_error else self._sequence(inside(root))
        except RecursionError:
            self._why, self._edits = ["it is nested too deeply to be read"], []
            return None

    def mended(self) -> str:
        text = self._source
        for start, end, words in sorted(set(self._edits), reverse=True):
            text = text[:start] + words + text[end:]
        return re.sub(r"[ \t\r\n]+", " ", words_of(text)).strip(" ;")

    def _edit(self, start: int, end: int, words: str = "") -> None:
        self._edits.append((start, end, words.encode()))

    def _sequence(self, nodes: Sequence[Node]) -> _Heard:
        """Commands one after the other: the status is the last one's, unless a failure ends the shell (`set -e`)."""
        whole, statements = _Heard(), [n for n, node in enumerate(nodes) if node.is_named and node.type != "comment"]
        for n in statements:
            node, after = nodes[n], nodes[n + 1] if n + 1 < len(nodes) else None
            if whole.any and is_plain_exit(node):
                break
            heard = self._node(node)
            if after is not None and after.type == "&":
                heard = self._in_background(heard, after)
            elif n != statements[-1] and not self._errexit and not _is_end(nodes, n, statements):
                if heard.status and after is not None:
                    self._edit(node.end_byte, after.start_byte if after.is_named else after.end_byte, " && ")
                hidden = tuple(text for text in heard.status if not _INSTALLING.search(text))
                heard = _Heard((), heard.exits, (*heard.lost, *hidden), heard.waived)
            whole = whole.beside(heard)
        return whole

    def _in_background(self, heard: _Heard, sign: Node) -> _Heard:
        """A server that tests talk to may go its own way; tests may not."""
        tests = tuple(filter(is_runner, heard.any))
        if tests:
            self._edit(sign.start_byte, sign.end_byte, " &&" if self._source[sign.end_byte :].strip() else "")
        return _Heard((), (), (*heard.lost, *tests), (*heard.waived, *heard.any))

    def _node(self, node: Node) -> _Heard:
        reader = {
            "list": self._list,
            "pipeline": self._pipeline,
            "command": self._command,
            "redirected_statement": self._parts,
            "heredoc_redirect": self._parts,
            "negated_command": self._negated,
            "subshell": self._subshell,
            "compound_statement": lambda inner: self._sequence(inside(inner)),
            "do_group": lambda inner: self._sequence(inside(inner)),
            "if_statement": self._branches,
            "case_statement": self._parts,
            "case_item": lambda inner: self._sequence(inside(inner)),
            "for_statement": self._loop,
            "c_style_for_statement": self._loop,
            "while_statement": self._loop,
            "function_definition": self._define,
            "variable_assignment": self._parts,
            "command_substitution": self._subshell,
            "test_command": self._test,
        }.get(node.type)
        return reader(node) if reader else _Heard()

    def _parts(self, node: Node) -> _Heard:
        whole = _Heard()
        for child in node.named_children:
            whole = whole.beside(self._node(child))
        return whole

    def _list(self, node: Node) -> _Heard:
        left, sign, right = node.children[0], node.children[1], node.children[-1]
        first, second = self._node(left), self._node(right)
        if sign.type == "&&" and second.exits:  # `grep -q TODO x && exit 1`: what is asked is heard
            return _Heard(second.status, (*first.any, *second.exits), first.lost, first.waived)
        if sign.type == "&&":
            return first.beside(second)
        if is_plain_exit(right) or second.exits:
            return _Heard(second.status, (*first.any, *second.exits), first.lost, first.waived)
        if second.status or right.type == "variable_assignment" or name_of(right) == "false":
            return first.beside(second)
        self._edit(left.end_byte, node.end_byte)
        return _Heard((), first.exits, first.lost, (*first.waived, *first.status))

    def _pipeline(self, node: Node) -> _Heard:
        parts = [self._node(child) for child in node.named_children]
        names = [name_of(child) for child in node.named_children]
        tests = next((text for part in parts[:-1] for text in part.any if is_runner(text)), None)
        if tests and (names[-1] in _LAST_WORD or (names[-1] in _STOPS_READING and self._pipefail)):
            does = "goes by words in" if names[-1] in _LAST_WORD else "stops reading"
            self._why.append(f"`{names[-1]}` {does} what `{tests}` prints; how that ends is what tells")
        if (len(parts) > 1 and not self._pipefail) or (tests and names[-1] in _LAST_WORD | _STOPS_READING):
            self._edit(node.named_children[-2].end_byte, node.end_byte)
        first = text_of(node.named_children[0])
        if names[-1] == "xargs" and _UNCOMMITTED.match(first):
            self._why.append("it looks at what is not committed, and on a commit there is no such thing")
        whole = _Heard()
        for n, part in enumerate(parts):
            # Each part is a shell of its own.
            heard = part.any if self._pipefail or n == len(parts) - 1 else ()
            whole = whole.beside(_Heard(heard, (), (*part.lost, *(() if heard else part.any)), part.waived))
        return whole

    def _negated(self, node: Node) -> _Heard:
        heard = self._node(node.named_children[-1])
        return _Heard((text_of(node),), heard.exits, heard.lost)

    def _subshell(self, node: Node) -> _Heard:
        errexit = self._errexit
        heard = self._sequence(inside(node))
        self._errexit = errexit
        return _Heard(heard.any, (), heard.lost, heard.waived)

    def _test(self, node: Node) -> _Heard:
        return _Heard((text_of(node),)).beside(self._substituted(node))

    def _branches(self, node: Node) -> _Heard:
        """What is asked is heard where a branch ends the shell for it; else only what the branches do."""
        asked, whole, is_asking = _Heard(), _Heard(), True
        sequence: list[Node] = []
        for child in node.children:
            if child.type == "then":
                is_asking = False
            elif child.type in _BODIES:
                whole = whole.beside(self._branches(child))
            elif child.is_named and is_asking and node.type != "else_clause":
                asked = asked.beside(self._node(child))
            elif child.type not in LEAD or child.type in {";", "\n"}:
                sequence.append(child)
        whole = self._sequence(sequence).beside(whole)
        if whole.exits:
            return whole.beside(_Heard((), asked.any))
        judged = tuple(text for text in asked.any if not re.match(r"test\b|\[", text))
        return whole.beside(_Heard((), (), tuple(filter(is_runner, judged)), (*judged, *asked.waived)))

    def _loop(self, node: Node) -> _Heard:
        body = node.child_by_field_name("body") or node.named_children[-1]
        heard = self._node(body)
        if self._errexit or not heard.status:
            return heard
        statements = [child for child in body.named_children if child.type != "comment"]
        if statements:
            self._edit(statements[-1].end_byte, statements[-1].end_byte, " || exit 1")
        return _Heard(heard.status, heard.exits, (*heard.lost, *heard.status), heard.waived)

    def _define(self, node: Node) -> _Heard:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None:
            self._functions[text_of(name)] = body
        return _Heard()

    def _command(self, node: Node) -> _Heard:
        words = [text_of(child) for child in node.named_children if child.type != "variable_assignment"]
        name, inner = name_of(node), self._substituted(node)
        if name in self._functions and name not in self._called:
            self._called.add(name)
            return self._node(self._functions[name]).beside(inner)
        if name == "set":
            self._set(words[1:])
        if name == "trap" and re.search(r"\bexit 0\b", text_of(node)):
            self._why.append("its trap ends it with success whatever happened")
        if name == "git" and "diff" in words and {"--cached", "--staged"} & set(words):
            self._why.append("it looks at what is staged, and on a commit nothing is")
        if name in {"exit", "return"}:
            return _Heard((), () if words[1:] == ["0"] or is_plain_exit(node) else (text_of(node),))
        if (nested := self._nested(node, name)) is not None:
            return nested
        if name in _PREPARING or not name:
            return inner
        if found := self._blunted(node, name) or self._unheard_find(node, name):
            return found
        return _Heard((text_of(node),)).beside(inner)

    def _set(self, words: Sequence[str]) -> None:
        text = " ".join(words)
        if re.search(r"(?:^|\s)-\w*e|-o errexit", text):
            self._errexit = True
        if "+e" in text or "+o errexit" in text:
            self._errexit = False
        if "pipefail" in text:
            self._pipefail = "+o pipefail" not in text

    def _substituted(self, node: Node) -> _Heard:
        """Of what a command has run for its own words only the output counts: no place for tests."""
        found = [self._node(inner) for child in node.named_children for inner in substitutions(child)]
        lost = (text for heard in found for text in (*filter(is_runner, heard.any), *heard.lost))
        return _Heard((), (), tuple(lost))

    def _nested(self, node: Node, name: str) -> _Heard | None:
        """What `sh -c '…'` or `eval` runs: that shell minds the last part of a pipeline only, unless it is told to."""
        words = node.named_children
        starts = next((n for n, word in enumerate(words) if program_of(text_of(word)) in _SHELLS), None)
        if name == "eval":
            scripts, options = words[1:2], ""
        elif starts is not None:
            options = " ".join(text_of(word) for word in words[starts + 1 : -1])
            scripts = words[-1:] if re.search(r"(?:^|\s)-\w*c\b", options) else []
        else:
            return None
        if not scripts or scripts[0].type not in {"string", "raw_string"}:
            return None
        script = scripts[0]
        reader = _Reader(source_of(text_of(script)[1:-1]), pipefail="pipefail" in options or name == "eval")
        reader._errexit = bool(re.search(r"(?:^|\s)-\w*e", options))
        root = parsed(reader._source)
        heard = reader._sequence(inside(root))
        self._why += reader._why
        start = script.start_byte + 1
        self._edits += [(start + a, start + b, words_) for a, b, words_ in reader._edits]
        return _Heard(heard.any, (), heard.lost, heard.waived)

    def _blunted(self, node: Node, name: str) -> _Heard | None:
        for word in node.named_children:
            text = text_of(word)
            if (_BLUNT.fullmatch(text) and name != "rm") or text in _BLUNT_OF.get(name, ()):
                self._why.append(f"with {text} it passes whatever `{name}` finds")
                self._edit(word.start_byte - 1, word.end_byte)
                return _Heard((), (), (text_of(node),))
        return None

    def _unheard_find(self, node: Node, name: str) -> _Heard | None:
        words = node.named_children
        if name != "find" or not any(text_of(word) in {"-exec", "-execdir"} for word in words):
            return None
        if text_of(words[-1]) not in {"\\;", "';'", '";"'}:
            return None
        self._edit(words[-1].start_byte, words[-1].end_byte, "+")
        return _Heard((), (), (), (text_of(node),))


def _is_end(nodes: Sequence[Node], n: int, statements: Sequence[int]) -> bool:
    """Whether only a bare `exit` comes after it, which hands its status on."""
    rest = [m for m in statements if m > n]
    return bool(rest) and is_plain_exit(nodes[rest[0]])


@cache
def is_runner(text: str) -> bool:
    """Whether tests are run by this command: their failing must be heard."""
    nowhere = Path("/nonexistent")
    known = (runner for runner in RUNNERS if runner.name not in _STARTS_OTHERS)
    return bool(_SCRIPTS.search(text)) or any(runner.runs(text, nowhere) for runner in known)
