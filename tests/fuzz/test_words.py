"""Names, commands and words of others."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import strategies as st

from agentflow.checks.unheard import judging, line_errors
from agentflow.domain.agents import BashRule
from agentflow.domain.scope import alternatives, matches_scope, scope_error
from agentflow.models.bash_guard import unmatched
from agentflow.replay.redact import redact
from agentflow.report.reviews.neutral import block, code_span, fenced, inline
from agentflow.report.term import safe

GLOBS = ("src/**/*.{ts,tsx}", "@(a|b).py", "pages/[id].tsx", "?(x|y)/z", "./a/{b,{c,d}}/*.py", "src", "a b/ü.py")
COMMANDS = (
    "pytest -q tests/test_a.py::test_b[x-1]",
    "cd a && PYTHONPATH=. python -m pytest -q | tee log",
    "if grep -q x f; then exit 1; fi",
    "for f in *.py; do python $f || exit 1; done; wait",
    "sh -c 'make test && (cd b; npm test)' 2>&1",
    '! grep -rn "$(cat <<EOF\nx\nEOF\n)" .',
    "find . -name '*.py' -exec python -m py_compile {} +",
)
RULES = (
    BashRule("git diff", any_arguments=True),
    BashRule("pytest", any_arguments=True),
    BashRule("ls", any_arguments=False),
)


def test_the_scope_of_a_subtask(fuzz):
    def read(entry):
        error = scope_error(entry)
        if error is None:
            assert alternatives(entry)
        for path in ("src/a.ts", ".git/config", "../x", "pages/[id].tsx", "/etc/passwd"):
            assert matches_scope(path, (entry,)) in {True, False}
        assert not matches_scope(".git/config", (entry,))
        assert not matches_scope("../x", (entry,))

    fuzz.hold(fuzz.changed(*GLOBS) | st.text("{},*@(|)[]ab/!?", max_size=60) | fuzz.text, read)


def test_the_lines_of_checks(fuzz):
    def read(line):
        line_errors([line])
        judging(line)

    fuzz.hold(fuzz.changed(*COMMANDS) | fuzz.text, read)


def test_commands_before_the_guard(fuzz):
    def read(line):
        verdict = unmatched(line, ("make test",), RULES)
        assert verdict is None or verdict

    fuzz.hold(fuzz.changed("git diff --stat HEAD~1", "pytest -q tests", "ls", "make test", *COMMANDS), read)


def test_nothing_that_steers_a_terminal_is_left_of_any_text(fuzz):
    hostile = fuzz.changed("\x1b[31mred\x1b[0m", "\x1b]8;;http://x\x07link\x1b]8;;\x07", "\x9b31m", "a\u202eb\r\nc")

    def read(text):
        for newlines in (False, True):
            shown = safe(text, newlines=newlines)
            steering = [c for c in shown if unicodedata.category(c) in {"Cc", "Cs"} and not (newlines and c == "\n")]
            assert not steering
            assert safe(shown, newlines=newlines) == shown

    fuzz.hold(hostile | fuzz.text, read)


def test_no_secret_is_left_of_any_value(fuzz):
    # With a letter: a number of JSON cannot become a word, whatever digits it has.
    secret = st.text("abcXYZ019-_", min_size=8, max_size=20).filter(lambda text: set(text) & set("abcXYZ"))
    secrets = st.sets(secret, min_size=1, max_size=3)

    def told(given):
        tree, known = given
        return st.tuples(st.just(_with(tree, sorted(known))), st.just(known))

    def read(given):
        value, known = given
        kept = redact(value, known)
        text = json.dumps(kept, ensure_ascii=False)
        assert not [secret for secret in known if secret in text]
        assert "sk-ant-api03" not in text

    fuzz.hold(st.tuples(fuzz.tree, secrets).flatmap(told), read)


def _with(tree: object, secrets: list[str]) -> object:
    return {"tree": tree, f"key {secrets[0]}": [f"a{secret}b" for secret in secrets], "own": "sk-ant-api03-abc_DEF-1"}


def test_markdown_that_shows_words_and_does_nothing(fuzz):
    words = fuzz.changed("**b** `c` @you #1 <script> [a](http://b) | - x", "```\ncode\n```", "# h\n\n1. a\n---\n")

    def read(text):
        shown = inline(text), block(text), code_span(text), fenced(text, "py")
        assert all(isinstance(one, str) for one in shown)
        assert "\n" not in shown[0]
        assert "<script" not in shown[0] + shown[1] or "`" in text

    fuzz.hold(words | fuzz.text, read)
