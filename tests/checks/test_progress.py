import asyncio
import os

import pytest

from agentflow.checks import progress
from agentflow.checks.environment import check_environment
from agentflow.checks.progress import following
from agentflow.checks.run import run_check
from agentflow.domain.evidence import Check


def told(folder, monkeypatch, *steps):
    """What is told while these steps are done, one after the other."""
    monkeypatch.setattr(progress, "_EVERY_S", 0.01)
    heard = []

    async def follow():
        async with following(folder, lambda *numbers: heard.append(numbers)):
            for step in steps:
                step()
                await asyncio.sleep(0.2)

    asyncio.run(follow())
    return heard


def test_a_suites_progress_is_told_as_it_moves_and_only_then(tmp_path, monkeypatch):
    def write(text):
        def append():
            with (tmp_path / "progress").open("a") as file:
                file.write(text)

        return append

    steps = (lambda: None, write("1 3 0\n"), write("2 3 1\n3 3 "), write("1\n"))
    assert told(tmp_path, monkeypatch, *steps) == [(1, 3, 0), (3, 3, 1)]


@pytest.mark.parametrize("put", [os.mkfifo, lambda path: path.symlink_to("/etc/passwd"), lambda path: path.mkdir()])
def test_what_is_no_file_of_numbers_tells_nothing(tmp_path, monkeypatch, put):
    assert told(tmp_path, monkeypatch, lambda: put(tmp_path / "progress")) == []


def test_a_real_suite_is_followed_from_its_first_test_on(repo, monkeypatch):
    monkeypatch.setattr(progress, "_EVERY_S", 0.01)
    repo.write({"test_a.py": "import time\ndef test_a(): pass\ndef test_b(): assert 0\ndef test_c(): time.sleep(1)\n"})
    heard = []
    environment = {**check_environment(repo.root, repo.root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    check = Check("python -m pytest -q")
    asyncio.run(run_check(check, repo.root, environment, repo.logs / "log", tell=lambda *n: heard.append(n)))
    assert (2, 3, 1) in heard
