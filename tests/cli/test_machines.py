"""What a machine refuses is said as such, with the setting that helps; it is no bug of agentflow's and no verdict."""

from __future__ import annotations

import ast
import contextlib
import errno
import json
import os
import pwd
import resource
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event

import agentflow
from agentflow.config.machine import make_folder, refusal
from agentflow.errors import EnvironmentError_
from agentflow.workflows import engine

PACKAGE = Path(agentflow.__file__).parent
UNKNOWN = "~no-such-user-here"


@pytest.fixture
def root(world):
    return world.repository({"a.py": "a = 1\n"})


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("AGENTFLOW_STATE_DIR", "runs list"),
        ("AGENTFLOW_STATE_DIR", "init --yes"),
        pytest.param("AGENTFLOW_CACHE_DIR", "run tea --yes", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null/below", "{file}"])
def test_a_folder_that_cannot_be_used_is_named_with_the_setting_that_moves_it(world, root, setting, words, place):
    (world.folder / "file").write_text("")
    folder = place.format(file=world.folder / "file")
    ended = world.agentflow(root, *words.split(), **{setting: folder})
    assert ended.code in (3, 4), ended.err
    problem, _, hint = ended.err.rpartition("\n\nhint: ")
    assert folder in problem
    assert f"set {setting} to a folder" in hint


@pytest.mark.parametrize("setting", ["AGENTFLOW_STATE_DIR", "AGENTFLOW_CACHE_DIR", "AGENTFLOW_CONFIG_DIR"])
def test_a_home_that_nobody_has_is_named(world, root, setting):
    ended = world.agentflow(root, "run", "tea", "--yes", "--json", **{setting: f"{UNKNOWN}/x"})
    assert (ended.code, ended.json["error"]["kind"]) == (2, "usage"), ended
    assert ended.json["error"]["message"].startswith(f"{setting}: there is no home folder for '{UNKNOWN}'")
    assert not list(root.glob("~*"))


def test_hooks_write_no_folder_of_that_name_either(world, root):
    hook = [sys.executable, "-P", "-c", "from agentflow.claude_code.hook import main; main()", "Stop"]
    env = {**world.env, "AGENTFLOW_STATE_DIR": f"{UNKNOWN}/x"}
    done = subprocess.run(hook, cwd=root, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not list(root.glob("~*"))


@pytest.mark.parametrize("words", ["status", "runs list --json", "config show", "agents list", "-C . init", "review"])
def test_a_working_folder_that_was_removed_is_said(world, words):
    gone = world.folder / "gone"
    command = f"mkdir {gone} && cd {gone} && rmdir {gone} && {shlex.quote(sys.executable)} -P -m agentflow {words}"
    done = subprocess.run(["/bin/sh", "-c", command], env=world.env, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done
    assert "the folder you are in does not exist any more" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words", ["config show", "review --dry-run", "runs list --json", "run tea --dry-run", "init --yes"]
)
def test_reading_and_writing_names_its_encoding(world, root, words):
    strict = {"PYTHONWARNINGS": "error::EncodingWarning", "PYTHONWARNDEFAULTENCODING": "1"}
    ended = world.agentflow(root, *words.split(), **strict)
    assert ended.code == 0, ended.err


def test_a_bug_is_reported_whatever_warnings_do(world, root):
    code = (
        "import sys; sys.argv = ['agentflow', 'agents', 'list', '--json']\n"
        "from agentflow.cli import app; from agentflow.config import agents\n"
        "def broken(*_): raise KeyError('\\udcff\\u2603')\n"
        "agents.load_agents = broken\n"
        "app.main()"
    )
    strict = {"PYTHONWARNINGS": "error", "PYTHONWARNDEFAULTENCODING": "1", "PYTHONIOENCODING": "ascii"}
    for state, kept in ((world.folder / "state", True), (Path("/proc/nowhere"), False)):
        env = {**world.env, **strict, "AGENTFLOW_STATE_DIR": str(state)}
        done = subprocess.run([sys.executable, "-P", "-c", code], cwd=root, env=env, capture_output=True, check=False)
        assert (done.returncode, json.loads(done.stdout)["error"]["kind"]) == (3, "internal"), done.stderr
        assert (state / "crash.log").exists() is kept
        assert (b"Traceback" in done.stderr) is not kept


def _implied_encodings(path: Path) -> list[str]:
    """Calls that open text without saying in which encoding."""
    found = []
    for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
        name, given = ast.unparse(call.func), {word.arg for word in call.keywords}
        modes = [a.value for a in call.args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        is_text = (
            name.endswith((".read_text", ".write_text", "FileHandler", "fdopen"))
            or (
                name in {"open", "io.open"}
                or (name.endswith(".open") and (modes or not call.args) and name != "os.open")
            )
            or bool(given & {"text", "universal_newlines"} and name.startswith("subprocess."))
        )
        if is_text and "encoding" not in given and not any("b" in mode for mode in modes):
            found.append(f"{path.relative_to(PACKAGE)}:{call.lineno}: {name}")
    return found


def test_no_text_is_opened_in_an_encoding_that_the_machine_chooses():
    assert [line for path in sorted(PACKAGE.rglob("*.py")) for line in _implied_encodings(path)] == []


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "/x/y: No space left on device", "free some disk"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device", "free some disk"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", b"/x"), "/x: Disk quota exceeded", "quota"),
        (OSError(errno.EFBIG, "File too large"), "File too large", "ulimit -f"),
        (OSError(errno.EMFILE, "Too many open files", "/x"), "/x: Too many open files", "ulimit -n"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "Resource temporarily", "ulimit -u"),
        (RuntimeError("can't start new thread"), "no more threads", "ulimit -u"),
        (MemoryError(), "no memory left", "memory"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "cannot use /x: Permission denied", "make it yours"),
        (OSError(errno.EROFS, "Read-only file system", "/state/y"), "cannot use /state/y", "set AGENTFLOW_STATE_DIR"),
    ],
)
def test_what_the_system_refuses_is_said_with_a_way_out(monkeypatch, error, message, hint):
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", "/state")
    refused = refusal(error)
    assert isinstance(refused, EnvironmentError_)
    assert message in refused.message
    assert hint in refused.hint


@pytest.mark.parametrize(
    "error", [KeyError("x"), RuntimeError("x"), FileNotFoundError(2, "No such file", "/x"), PermissionError("x")]
)
def test_what_may_be_a_bug_stays_one(error):
    assert refusal(error) is None


def test_a_folder_of_agentflows_is_its_owners_alone(tmp_path):
    assert make_folder(tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_the_engine_has_its_clock_on_an_older_sqlite_too(tmp_path, monkeypatch):
    """`unixepoch('subsec')` is NULL before SQLite 3.42: with Python 3.12 on Debian 12 no run could begin."""
    monkeypatch.setattr(engine, "_KNOWS_SUBSEC", (99, 0))
    try:
        engine._new_or_old_database(tmp_path / "engine.db")
        with create_engine("sqlite://").connect() as connection:
            assert connection.exec_driver_sql("SELECT unixepoch('subsec') > 1e9").scalar() == 1
    finally:
        event.remove(Engine, "connect", engine._teach_subsec)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_limit_on_processes_is_named(world, root):
    nobody = pwd.getpwnam("nobody").pw_uid
    home = world.folder / "nobody"
    shutil.copytree(root, home / "repo")
    for place in (home, *home.rglob("*")):
        os.chown(place, nobody, nobody)
    for folder in (world.folder, *world.folder.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    env = {**world.env, "HOME": str(home), "AGENTFLOW_STATE_DIR": str(home / "state")}
    env["PYTHONPATH"] = os.pathsep.join([str(PACKAGE.parent), *sys.path[1:]])

    def as_nobody(python: str, *words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        command = [python, "-P", *words]
        return subprocess.run(
            command, cwd=home / "repo", env=env, user=nobody, capture_output=True, check=False, **more
        )

    def can_start(python: str | None) -> bool:
        with contextlib.suppress(OSError):
            return python is not None and not as_nobody(python, "-c", "import agentflow.cli.app, sqlalchemy").returncode
        return False

    known = (sys.executable, shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin"))
    if not (python := next((python for python in known if can_start(python)), None)):
        pytest.skip("nobody can start no Python that has what agentflow needs")

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))

    done = as_nobody(python, "-m", "agentflow", "review", "--dry-run", "--json", preexec_fn=limited)
    assert done.returncode == 4, done
    assert "ulimit -u" in json.loads(done.stdout)["error"]["hint"]


@pytest.mark.cli
@pytest.mark.parametrize(
    ("place", "code"), [("AGENTFLOW_STATE_DIR", 4), pytest.param("AGENTFLOW_CACHE_DIR", 0, marks=pytest.mark.long)]
)
def test_a_place_where_nothing_can_start_is_named(world, errand, place, code):
    mount = world.folder / "noexec"
    mount.mkdir()
    inside = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c"]
    mounting = f"mount -t tmpfs -o noexec tmpfs {mount}"
    if subprocess.run([*inside, mounting], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    words = ["run", "--plan", errand.plan_file("tea"), "--yes"]
    server = errand.serve(errand.writes("tea"))
    env = {**world.env, place: str(mount), "ANTHROPIC_BASE_URL": server.base_url}
    command = shlex.join([sys.executable, "-P", "-m", "agentflow", *words])
    done = subprocess.run(
        [*inside, f"{mounting} && {command}"], cwd=errand.root, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert "noexec" in done.stderr
    assert f"set {place}" in done.stderr
