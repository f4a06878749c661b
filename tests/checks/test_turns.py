"""Checks of a repository run beside one another, or alone, whatever run they belong to."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from agentflow.checks.turns import Turns


@pytest.fixture
def turns(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(tmp_path / "cache"))
    return Turns(tmp_path / "repo" / ".git")


def test_a_check_by_itself_has_no_company(turns):
    async def run():
        async with turns.beside() as had_company:
            pass
        return had_company()

    assert asyncio.run(run()) is False


def test_two_at_once_both_had_company_whoever_came_first(turns):
    async def run():
        async with turns.beside() as first, turns.beside() as second:
            pass
        return first(), second()

    assert asyncio.run(run()) == (True, True)


def test_who_is_alone_waits_for_those_inside_and_keeps_others_out(turns):
    seen = []

    async def shared(name: str, hold: asyncio.Event):
        async with turns.beside():
            seen.append(f"{name} in")
            await hold.wait()
            seen.append(f"{name} out")

    async def alone():
        async with turns.alone():
            seen.append("alone in")
            await asyncio.sleep(0.1)
            seen.append("alone out")

    async def run():
        hold, open_ = asyncio.Event(), asyncio.Event()
        open_.set()
        first = asyncio.create_task(shared("first", hold))
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(alone())
        await asyncio.sleep(0.1)
        late = asyncio.create_task(shared("late", open_))
        await asyncio.sleep(0.1)
        hold.set()
        await asyncio.gather(first, waiting, late)

    asyncio.run(run())
    assert seen == ["first in", "first out", "alone in", "alone out", "late in", "late out"]


def test_another_repository_is_no_company(turns, tmp_path):
    async def run():
        async with turns.beside() as had_company, Turns(tmp_path / "other").alone():
            pass
        return had_company()

    assert asyncio.run(run()) is False


def test_another_process_is_company_and_leaves_no_lock_when_it_is_killed(turns, tmp_path):
    script = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom agentflow.checks.turns import Turns\n"
        "async def run():\n    async with Turns(Path(sys.argv[1])).beside():\n"
        "        print('in', flush=True); await asyncio.sleep(60)\nasyncio.run(run())"
    )
    place = str(tmp_path / "repo" / ".git")
    with subprocess.Popen([sys.executable, "-c", script, place], stdout=subprocess.PIPE, cwd=Path.cwd()) as other:
        other.stdout.readline()

        async def beside():
            async with turns.beside() as had_company:
                pass
            return had_company()

        async def alone():
            async with asyncio.timeout(30), turns.alone():
                return True

        assert asyncio.run(beside()) is True
        other.kill()
        other.wait()
        assert asyncio.run(alone()) is True
