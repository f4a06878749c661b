import logging
import os

import pytest

from agentflow.config import secrecy
from agentflow.domain.secret_files import may_hold_secrets


@pytest.fixture(autouse=True)
def nothing_learned(monkeypatch):
    monkeypatch.setattr(secrecy, "_learned", {})


@pytest.mark.security("T16")
@pytest.mark.security("L15")
def test_variables_let_through_to_checks_are_secret_whatever_their_names(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE", "postgres://me:hunter22@db/x")
    monkeypatch.setenv("DEBUG", "1")
    secrecy.learn_variables(["DATABASE", "DEBUG", "NOT_SET"])
    data = {"tail": "no postgres://me:hunter22@db/x with hunter22, 1 time", "n": 1, "x": ["hunter22"]}
    told = {"tail": "no [redacted: DATABASE] with [redacted: DATABASE], 1 time", "n": 1, "x": ["[redacted: DATABASE]"]}
    assert secrecy.redacted(data) == told
    log = tmp_path / "log"
    log.write_bytes(b"\xff hunter22\n")
    secrecy.redact_file(log)
    assert log.read_bytes() == b"\xff [redacted: DATABASE]\n"
    secrecy.redact_file(tmp_path / "missing")


def test_the_environment_is_looked_at_anew_each_time(monkeypatch):
    assert secrecy.redact("orange-juice-7") == "orange-juice-7"
    monkeypatch.setenv("SERVICE_TOKEN", "orange-juice-7")
    assert secrecy.redact("orange-juice-7") == "[redacted: SERVICE_TOKEN]"


def test_files_of_secrets_are_learned_and_nothing_is_followed(tmp_path):
    (tmp_path / ".env").write_text("API_KEY=orange-juice-7\n")
    (tmp_path / "outside.env").symlink_to("/proc/self/environ")
    os.mkfifo(tmp_path / "fifo.env")
    (tmp_path / "folder.env").mkdir()
    (tmp_path / "main.py").write_text("API_KEY = 'apple-juice-8'\n")
    secrecy.learn_files(tmp_path, [".env", "outside.env", "fifo.env", "folder.env", "missing.env", "main.py"])
    assert secrecy._learned == {"orange-juice-7": "API_KEY"}


def test_a_librarys_log_has_no_secrets():
    record = logging.LogRecord("x", logging.ERROR, "", 1, "failed with %s", ("sk-ant-" + "api03-canary",), None)
    assert secrecy.RedactingFormatter().format(record) == "failed with [redacted: Anthropic key]"


@pytest.mark.parametrize("path", [".env", "a/.env.local", "id_rsa", "tls/server.pem", ".aws/credentials", "x/.netrc"])
@pytest.mark.security("L12")
def test_files_of_secrets_are_known_by_name(path):
    assert may_hold_secrets(path)


@pytest.mark.parametrize("path", [".env.example", "src/secrets.py", "credentials.ts", "id_rsa.pub", "env.py", "a.md"])
def test_samples_and_code_are_none(path):
    assert not may_hold_secrets(path)
