from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentflow
from agentflow.report import term
from agentflow.report.term import safe

PACKAGE = Path(agentflow.__file__).parent


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("plain ✓ naïve 日本", "plain ✓ naïve 日本"),
        ("[/red] [bold]", "[/red] [bold]"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]8;;http://evil\x07link\x1b]8;;\x07", "link"),
        ("\x1b]52;c;cm0gLXJm\x1b\\after", "after"),
        ("\x1b]0;never ended", ""),
        ("\x1bPq#0\x1b\\after", "after"),
        ("\x1bcreset", "reset"),
        ("a\x1b", "a"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("a\u2066b\u2069\u200f\u061cc", "abc"),
        ("a\ud83db", "ab"),
        ("a\x00b\x07c\x08d\x7fe", "abcde"),
        ("a\tb", "a b"),
        ("a\u2028b", "a b"),
    ],
)
def test_what_steers_or_deceives_a_terminal_is_removed(given_text, kept):
    assert safe(given_text) == kept


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_lines_are_kept_only_when_asked_for(line_break):
    assert safe(f"a{line_break}b") == "a b"
    assert safe(f"a{line_break}b", newlines=True) == "a\nb"


@given(st.text(st.characters()))
def test_nothing_steers_a_terminal_whatever_it_is_made_of(text):
    cleaned = safe(text, newlines=True)
    assert all(c == "\n" or (c.isprintable() or ord(c) >= 0xA0) for c in cleaned)
    assert not set(cleaned) & set(map(chr, range(0x80, 0xA0)))
    assert safe(cleaned, newlines=True) == cleaned


def test_an_error_has_its_hint_on_a_line_of_its_own(capsys):
    term.error("no run [/red]'x'\x1b[2J", "did you mean y?")
    term.warn("careful")
    told = capsys.readouterr()
    assert told.err == "error: no run [/red]'x'\n\nhint: did you mean y?\nwarning: careful\n"
    assert told.out == ""


def test_an_error_without_a_hint_is_one_line(capsys):
    term.error("full")
    assert capsys.readouterr().err == "error: full\n"


def test_long_lines_are_not_broken(capsys):
    term.note("word " * 100)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_notes_never_hold_what_steers_a_terminal(capsys, hostile, steers):
    term.note(f"file {hostile}\nsecond")
    told = capsys.readouterr().err
    assert not steers(told)
    assert "[/red]" in told
    assert told.count("\n") == 2


def test_data_is_exact_in_a_pipe(capsys):
    term.data("a\tb \x1b[31m")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("a\tb \x1b[31m\n", "")


class _TerminalOut(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_data_on_a_screen_holds_no_controls(monkeypatch):
    out = _TerminalOut()
    monkeypatch.setattr(sys, "stdout", out)
    term.data("a\x1b[31mb\nc")
    assert out.getvalue() == "ab\nc\n"


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_words_that_the_encoding_lacks_are_escaped():
    code = "from agentflow.report import streams, term; streams.take_streams(); term.data('✓'); term.note('✓')"
    done = run_python(code, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stdout) == (0, "\\u2713\n")


def test_a_reader_that_leaves_early_is_no_error():
    code = "from agentflow.report import streams, term; streams.take_streams()\n"
    code += "for n in range(20000): term.data('x' * 100)"
    done = subprocess.run(
        f"{sys.executable} -c {code!r} | head -n 1".replace("\\n", "\n"),
        shell=True, capture_output=True, text=True, check=False, executable="/bin/sh",
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("x" * 100 + "\n", "")


def test_importing_with_closed_streams_is_harmless():
    done = subprocess.run(
        f"{sys.executable} -W error -c 'import agentflow.report.live' >&- 2>&-", shell=True, check=False
    )
    assert done.returncode == 0


def _prints(path: Path) -> list[str]:
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    names = (ast.unparse(call.func) for call in calls)
    writers = {"print", "typer.echo", "typer.secho", "sys.stdout.write", "sys.stderr.write"}
    return [f"{path.relative_to(PACKAGE)}: {name}" for name in names if name in writers or name.endswith(".print")]


#: They print only words of our own (the hook: and the user's, quoted by repr), nothing that a model wrote.
OWN_WORDS = {"cli/app.py: typer.echo", "cli/replay.py: typer.echo", "claude_code/hook.py: sys.stdout.write"}


def test_only_this_module_prints():
    sources = [path for path in PACKAGE.rglob("*.py") if path.name != "term.py"]
    found = [line for path in sources for line in _prints(path)]
    assert set(found) <= OWN_WORDS
