"""`agentflow replay` as a process: it says where it listens, and Ctrl-C ends it cleanly."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx2

from agentflow.replay.scenario import load_scenario

COMMAND = [sys.executable, "-c", "from agentflow.cli.replay import app; app()"]
HELLO = "name: hello\nrules:\n  - turns: [{say: hello}]\n"


@contextmanager
def replay(*arguments: str):
    """A running command: the base URL it prints, and the process."""
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = process.stderr.readline() + process.stderr.readline() + process.stderr.readline()
        yield re.search(r"export ANTHROPIC_BASE_URL=(http://127\.0\.0\.1:\d+)$", said, re.MULTILINE)[1], process
    finally:
        process.kill()
        process.communicate()


def test_serve_answers_until_ctrl_c_and_then_counts_what_went_unanswered(tmp_path, body):
    (tmp_path / "hello.yaml").write_text(HELLO)
    log = tmp_path / "log.jsonl"

    with replay("serve", str(tmp_path / "hello.yaml"), "--log", str(log)) as (base_url, process):
        answers = [httpx2.post(f"{base_url}/v1/messages", json=body()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()

    assert [answer.status_code for answer in answers] == [200, 400]
    assert (process.returncode, out) == (0, "")
    assert "2 requests, 1 without an answer in the scenario." in err
    assert len([json.loads(line) for line in log.read_text().splitlines()]) == 2


def test_record_writes_the_scenario_on_ctrl_c(tmp_path, body):
    (tmp_path / "hello.yaml").write_text(HELLO)
    file = tmp_path / "recorded.yaml"

    with (
        replay("serve", str(tmp_path / "hello.yaml")) as (upstream, _),
        replay("record", str(file), "--upstream", upstream) as (base_url, process),
    ):
        httpx2.post(f"{base_url}/v1/messages", json=body(), headers={"x-api-key": "canary-key-0123"})
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()

    assert process.returncode == 0
    assert f"1 request recorded in {file}." in err
    assert load_scenario(file).rules[0].turns[0].say == "hello"
    assert "canary" not in file.read_text()


def test_record_never_overwrites_a_file(tmp_path):
    (tmp_path / "paid.yaml").write_text(HELLO)

    done = subprocess.run(
        [*COMMAND, "record", str(tmp_path / "paid.yaml")], capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "UsageError" in done.stderr
    assert (tmp_path / "paid.yaml").read_text() == HELLO


def test_a_mistake_in_the_scenario_is_an_expected_error(tmp_path):
    (tmp_path / "bad.yaml").write_text("name: bad\nrules: []\n")

    done = subprocess.run([*COMMAND, "serve", str(tmp_path / "bad.yaml")], capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "UsageError" in done.stderr
    assert "at least one is needed" in done.stderr
