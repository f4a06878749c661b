"""What of git's configuration code in a sandbox may read."""

import asyncio
import subprocess

import pytest

from agentflow.git.plain_config import write_plain_config
from agentflow.git.repository import open_repository

#: Where git keeps logins, and programs to start.
SECRETS = {
    "remote.origin.url": "https://me:CANARY@host/x.git",
    "http.https://github.com/.extraheader": "AUTHORIZATION: basic CANARY",
    "url.https://CANARY@host/.insteadOf": "https://host/",
    "credential.helper": "!echo CANARY",
    "branch.main.description": "CANARY",
    "sendemail.smtppass": "CANARY",
    "alias.x": "!CANARY",
}


@pytest.fixture
def repository(world, monkeypatch):
    root = world.repository({"a": "a"})
    users = world.folder / "users"
    users.write_text("[user]\n\tname = Ada \\\\ L\n\temail = ada@b\n[github]\n\ttoken = CANARY\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(users))
    for key, value in SECRETS.items():
        world.git(root, "config", key, value)
    world.git(root, "config", "extensions.worktreeConfig", "true")
    return asyncio.run(open_repository(root))


def test_no_login_is_left_and_git_understands_the_rest(world, repository):
    files = asyncio.run(write_plain_config(repository, world.folder))
    assert all("CANARY" not in path.read_text() for path in files)
    asked = ["git", "config", "--list", "--file"]
    own, users = (subprocess.run([*asked, path], capture_output=True, text=True, check=True).stdout for path in files)
    assert {"core.bare=false", "extensions.worktreeconfig=true"} <= set(own.splitlines())
    assert users.splitlines() == ["user.name=Ada \\ L", "user.email=ada@b"]
