"""Whatever becomes of stdin, stdout and stderr: an answer that is lost is said, words for people may be lost."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

AGENTFLOW = shlex.join([sys.executable, "-P", "-m", "agentflow"])
NOWHERE = "the answer cannot be written to stdout: "


@pytest.fixture
def shell(world):
    root = world.repository({"a.py": "a = 1\n"})

    def run(line: str, **env: str) -> subprocess.CompletedProcess[str]:
        """A line of sh in a repository, where $A is the real command."""
        return subprocess.run(
            ["/bin/sh", "-c", line.replace("$A", AGENTFLOW)],
            cwd=root,
            env={**world.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("$A config show --json > /dev/full", "No space left on device"),
        ("$A config path > /dev/full", "No space left on device"),
        ("$A --version > /dev/full", "No space left on device"),
        ("$A run --help > /dev/full", "No space left on device"),
        ("$A config path >&-", "it is closed"),
        ("$A config path 1< /dev/null", "Bad file descriptor"),
    ],
)
def test_an_answer_that_cannot_be_written_is_no_verdict(shell, line, why):
    done = shell(line)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith(f"error: {NOWHERE}{why}\n")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$A config path 2>&-", 0),
        ("$A run tea 2> /dev/full", 4),
        ("$A run --nope --json > /dev/full", 2),
        ("$A --nope 2> /dev/full", 2),
        ("$A config path >&- 2>&- <&-", 4),
        ("$A run tea <&-", 4),
        ("$A run - --yes <&-", 2),
        ("$A init <&-", 4),
    ],
)
def test_words_for_people_that_are_lost_change_nothing(shell, line, code):
    done = shell(line)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["--help", "config path"])
def test_a_reader_that_has_left_has_what_it_wanted(shell, words):
    done = shell(f"{{ $A {words}; echo $? >&2; }} | true")
    assert done.stderr == "0\n"


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "cp1252"},
    ],
    ids=str,
)
def test_any_encoding_will_do(shell, env):
    done = shell("$A run 'tea ☕' --plan n☕ --json", **env)
    assert (done.returncode, done.stderr) == (2, "")
    assert '"kind": "usage"' in done.stdout


@pytest.mark.parametrize("width", ["0", "1", "wide"])
def test_any_width_will_do(shell, width):
    done = shell("$A config path && $A run tea", COLUMNS=width, LINES="1")
    assert (done.returncode, done.stderr.count("error: ")) == (4, 1)


def test_a_stream_that_does_not_wait_for_its_reader_gets_all_of_a_long_answer(world, shell):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    code = "from agentflow.report import streams, term; streams.take_streams(); term.data('x' * 1_000_000)"
    started = subprocess.Popen([sys.executable, "-P", "-c", code], stdout=writer, env=world.env)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert len(pipe.read()) == 1_000_001
    assert started.wait() == 0


def test_what_is_printed_never_lands_in_a_file_that_took_a_closed_streams_number(shell, tmp_path):
    code = f"from agentflow.report import streams; streams.take_streams(); f = open({str(tmp_path / 'kept')!r}, 'w')"
    code += "; import os; os.write(1, b'lost'); os.write(2, b'lost')"
    done = shell(f"{shlex.quote(sys.executable)} -P -c {shlex.quote(code)} >&- 2>&- <&-")
    assert (done.returncode, (tmp_path / "kept").read_text()) == (0, "")
