"""The file: private, shared by processes, and refused in words when it cannot be trusted."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from agentflow.config.paths import ledger_path
from agentflow.domain.events import Event, EventKind
from agentflow.errors import StoreError
from agentflow.store.database import open_file, reading, writing
from agentflow.store.ledger import open_ledger


def test_the_default_file_stands_in_the_state_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", str(tmp_path / "mine"))
    open_ledger().close()
    assert ledger_path() == tmp_path / "mine" / "ledger.db"
    assert ledger_path().exists()


def test_file_and_folder_are_private(path, ledger, a_run):
    ledger.create_run(a_run())
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {
        "ledger.db": 0o600,
        "ledger.db-wal": 0o600,
        "ledger.db-shm": 0o600,
    }


def test_commits_are_durable_and_readers_do_not_wait_for_a_writer(path, ledger, a_run):
    ledger.create_run(a_run())
    engine = open_file(path)
    with writing(engine) as writer:
        assert writer.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert writer.execute(text("PRAGMA synchronous")).scalar() == 2
        writer.execute(text("UPDATE runs SET goal = 'later'"))
        assert ledger.run("run-1").goal == "refactor auth"
    engine.dispose()
    assert ledger.run("run-1").goal == "later"


def test_a_failed_transaction_leaves_nothing(path, ledger, a_run):
    ledger.create_run(a_run())
    engine = open_file(path)

    def fail_half_way() -> None:
        with writing(engine) as writer:
            writer.execute(text("UPDATE runs SET goal = 'half'"))
            writer.execute(text("UPDATE no_such_table SET goal = 'half'"))

    with pytest.raises(StoreError, match="no_such_table"):
        fail_half_way()
    engine.dispose()
    assert ledger.run("run-1").goal == "refactor auth"


def test_a_snapshot_does_not_change_under_its_reader(path, ledger, a_run):
    ledger.create_run(a_run())
    engine = open_file(path)
    with reading(engine) as reader:
        before = reader.execute(text("SELECT goal FROM runs")).scalar()
        ledger.update_run("run-1", goal="later")
        assert reader.execute(text("SELECT goal FROM runs")).scalar() == before
    engine.dispose()


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_is_refused_with_a_hint(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        open_ledger(path)
    assert caught.value.exit_code == 3
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert path.read_bytes() == content


def test_damage_in_the_middle_is_reported_as_damage(path, ledger, a_run):
    for n in range(200):
        ledger.create_run(a_run(f"run-{n}", goal="x" * 1000))
    ledger.close()
    pages = path.read_bytes()
    path.write_bytes(pages[:20480] + b"\xff" * (len(pages) - 20480))
    with pytest.raises(StoreError) as caught, open_ledger(path) as damaged:
        damaged.runs(limit=1000)
    assert "recover" in (caught.value.hint or "")


def test_a_value_from_elsewhere_is_reported_not_raised_raw(path, ledger, a_run):
    ledger.create_run(a_run())
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE runs SET status = 'dancing'")
    raw.close()
    with pytest.raises(StoreError, match="dancing"):
        ledger.run("run-1")


def test_broken_json_is_reported_not_raised_raw(path, ledger, a_run):
    ledger.create_run(a_run())
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE runs SET spec = '{'")
    raw.close()
    with pytest.raises(StoreError, match="cannot be read"):
        ledger.run("run-1")


def test_a_folder_in_the_ledgers_place_is_refused(path):
    path.mkdir(parents=True)
    with pytest.raises(StoreError) as caught:
        open_ledger(path)
    assert "AGENTFLOW_STATE_DIR" in (caught.value.hint or "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        open_ledger(tmp_path / "state" / "ledger.db")


_WRITER = """
import sys
from pathlib import Path
from agentflow.domain.events import Event, EventKind
from agentflow.store.ledger import open_ledger
with open_ledger(Path(sys.argv[1])) as ledger:
    for n in range(int(sys.argv[3])):
        ledger.emit("run-1", Event(EventKind.NOTICE, data={"from": sys.argv[2], "n": n}))
"""


def test_processes_that_create_and_write_at_once_lose_nothing(path):
    argv = [sys.executable, "-c", _WRITER, str(path)]
    writers = [subprocess.Popen([*argv, name, "40"], stderr=subprocess.PIPE) for name in ("one", "two", "three")]
    errors = [writer.communicate()[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0], errors
    with open_ledger(path) as ledger:
        events = ledger.events("run-1")
    for name in ("one", "two", "three"):
        assert [event.data["n"] for event in events if event.data["from"] == name] == list(range(40))


# One process forks all writers, so that the imports are paid once. Each writer reports a commit after it returned.
_KILLS = """
import os, random, signal, sys
from pathlib import Path
from agentflow.domain.events import Event, EventKind
from agentflow.store.ledger import open_ledger

path, kills, chance = Path(sys.argv[1]), int(sys.argv[2]), random.Random(7)
for kill in range(kills):
    acknowledged, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with open_ledger(path) as ledger:
            while True:
                ledger.emit(f"run-{kill}", Event(EventKind.NOTICE, data={"text": "x" * 20_000}))
                os.write(tell, b".")
    os.close(tell)
    told = sum(len(os.read(acknowledged, 1)) for _ in range(chance.randrange(1, 12)))
    for _ in range(chance.randrange(20_000)):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(acknowledged, 4096):
        told += len(more)
    os.close(acknowledged)
    with open_ledger(path) as ledger:
        kept = len(ledger.events(f"run-{kill}"))
    print(told, kept, flush=True)
"""


def test_twenty_kills_lose_no_acknowledged_commit_and_damage_nothing(path):
    done = subprocess.run(
        [sys.executable, "-c", _KILLS, str(path), "20"], capture_output=True, text=True, check=True, timeout=120
    )
    kills = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(kills) == 20
    assert all(0 < told <= kept <= told + 1 for told, kept in kills)
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()


def test_a_ledger_closed_after_a_crash_opens_again_for_writing(path):
    with open_ledger(path) as ledger:
        ledger.emit("run-1", Event(EventKind.NOTICE))
    assert not Path(f"{path}-wal").exists()
    with open_ledger(path) as ledger:
        ledger.emit("run-1", Event(EventKind.NOTICE))
        assert len(ledger.events("run-1")) == 2


def test_processes_that_make_the_ledger_at_the_same_moment_all_succeed(tmp_path):
    code = (
        "import sys, time, pathlib\n"
        "from agentflow.store.ledger import open_ledger\n"
        "start, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])\n"
        "print('ready', flush=True)\n"
        "while not start.exists(): pass\n"
        "for n in range(8):\n"
        "    with open_ledger(folder / f'{n}.db') as ledger: ledger.runs()\n"
    )
    start = tmp_path / "start"
    argv = [sys.executable, "-c", code, str(start), str(tmp_path)]
    makers = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert all(maker.stdout.readline() == "ready\n" for maker in makers)
    start.touch()
    assert [maker.communicate()[1] for maker in makers] == ["", "", ""]
