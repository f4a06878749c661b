import pytest

from agentflow.checks.secrecy import redact_file, redacted, secrets_of


@pytest.mark.security("T16")
def test_values_and_the_passwords_in_them_are_replaced_wherever_they_stand(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgres://me:hunter22@db/x")
    monkeypatch.setenv("DEBUG", "1")
    secrets = secrets_of(["DATABASE_URL", "DEBUG", "NOT_SET"])
    data = {"tail": "could not reach postgres://me:hunter22@db/x with hunter22, 1 time", "n": 1, "x": ["hunter22"]}
    told = {"tail": "could not reach [DATABASE_URL] with [DATABASE_URL], 1 time", "n": 1, "x": ["[DATABASE_URL]"]}
    assert redacted(data, secrets) == told
    log = tmp_path / "log"
    log.write_bytes(b"\xff hunter22\n")
    redact_file(log, secrets)
    assert log.read_bytes() == b"\xff [DATABASE_URL]\n"
    redact_file(tmp_path / "missing", secrets)
