import asyncio
import json
import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from agentflow.checks.environment import check_environment
from agentflow.checks.run import run_check
from agentflow.checks.sandbox import CheckSandbox, bubblewrap_works, why_no_sandbox
from agentflow.domain.evidence import Check, CheckResult, TestOutcomes

needs_bubblewrap = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap cannot start a sandbox here")


@pytest.fixture
def home(monkeypatch, tmp_path) -> Path:
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    (folder / ".ssh/id").write_text("private")
    monkeypatch.setenv("HOME", str(folder))
    return folder


def sandbox_around(checkout: Path) -> CheckSandbox:
    """Of a repository whose git directory holds a secret in its configuration."""
    common = checkout / ".git"
    common.mkdir(parents=True)
    (common / "config").write_text("[remote]\n\turl = https://token@host\n")
    (common / "HEAD").write_text("ref: refs/heads/main\n")
    for name in (
        "config.worktree",
        "worktrees/one/config.worktree",
        "modules/a/b/config",
        "modules/a/b/modules/c/config",
    ):
        (common / name).parent.mkdir(parents=True, exist_ok=True)
        (common / name).write_text("[remote]\n\turl = https://token@host\n")
        (common / name).with_name("HEAD").touch()
    plain = checkout.parent / "plain"
    plain.write_text("[core]\n\tbare = false\n")
    return CheckSandbox(checkout, common, plain, plain)


@pytest.fixture
def sandboxed(home, tmp_path, python_on_path):
    """Runs a check in the sandbox, its worktree under the hidden home as in real life."""
    worktree, logs = home / "cache/worktree", home / "state/logs"
    worktree.mkdir(parents=True)
    logs.mkdir(parents=True)

    around = sandbox_around(home / "checkout")

    def run(command: str, timeout_s: float = 60, *, network: bool = False) -> CheckResult:
        environment = check_environment(worktree, tmp_path)

        def wrap(report: Path) -> list[str]:
            return around.command(worktree, [report], environment, network=network)

        return asyncio.run(
            run_check(Check(command, timeout_s=timeout_s), worktree, environment, logs / "log", wrap, retry=False)
        )

    run.worktree = worktree
    return run


@needs_bubblewrap
def test_pytest_runs_in_the_sandbox_and_reports_per_test(sandboxed):
    (sandboxed.worktree / "test_a.py").write_text("def test_a(tmp_path): (tmp_path / 'x').touch()")
    assert sandboxed("python -m pytest -q").tests == TestOutcomes(passed=("test_a.py::test_a",))


@needs_bubblewrap
def test_the_worktree_can_be_written(sandboxed):
    assert sandboxed("touch made").passed
    assert (sandboxed.worktree / "made").exists()


@needs_bubblewrap
@pytest.mark.parametrize("path", ["/etc/agentflow-was-here", "/usr/agentflow-was-here"])
def test_the_system_cannot_be_written(sandboxed, path):
    assert not sandboxed(f"touch {path}").passed
    assert not Path(path).exists()


@needs_bubblewrap
def test_home_is_empty_and_what_is_written_there_is_gone(sandboxed, home):
    assert sandboxed("test ! -e ~/.ssh && touch ~/scratch").passed
    assert not (home / "scratch").exists()


@needs_bubblewrap
@pytest.mark.security("L2")
def test_what_everyone_may_read_outside_home_can_be_read(sandboxed):
    assert sandboxed("cat /etc/passwd").passed


@needs_bubblewrap
def test_other_programs_temporary_files_are_hidden(sandboxed, tmp_path):
    (tmp_path / "other").write_text("secret")
    assert not sandboxed(f"cat {tmp_path}/other").passed


@needs_bubblewrap
@pytest.mark.security("T4")
def test_there_is_no_network(sandboxed):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
        assert not sandboxed(f'python -c "{code}"').passed


@needs_bubblewrap
@pytest.mark.security("L3")
def test_with_the_network_it_is_reached(sandboxed):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        assert sandboxed(f'python -c "{code}"', network=True).passed


@needs_bubblewrap
def test_a_suite_can_use_a_loopback_of_its_own(sandboxed):
    code = (
        "import socket; server = socket.create_server(('127.0.0.1', 0));"
        "socket.create_connection(server.getsockname(), 2); print('met')"
    )
    assert sandboxed(f'python -c "{code}"').output_tail == "met"


#: What a check tries, and which must fail in there. Paths that tests know are put in by name.
ATTEMPTS = {
    "a login of the repository's remote": "grep -rq token@host {checkout}",
    "a file of the checkout that git ignores": "cat {checkout}/.env",
    "the ledger": "cat {home}/state/agentflow/ledger.db",
    "another log of the run": "cat {home}/state/logs/other.log",
    "writing beside the report": "touch {home}/state/logs/planted; false",
    "writing to the common git directory": "touch {checkout}/.git/planted",
    "its configuration": "git config --file {checkout}/.git/config core.pager evil",
    "a ref": "git --git-dir={checkout}/.git update-ref refs/heads/main 0123456789012345678901234567890123456789",
    "kernel settings": "echo 1 > /proc/sys/kernel/sysrq",
    "keys of other processes": "grep -sq CANARY-IN-ENVIRONMENT /proc/[0-9]*/environ",
    "signals to other processes": "kill -0 {pid}",
    "the sockets of services": "ls /run/* 2>/dev/null | grep -q .",
    "a link out of the worktree": "ln -s {home}/.ssh out && cat out/id",
    "mounting": "mount -t tmpfs none /mnt",
}


@needs_bubblewrap
@pytest.mark.parametrize("what", ATTEMPTS)
@pytest.mark.security("T4")
def test_out_of_the_sandbox_there_is_no_way_to(sandboxed, home, monkeypatch, what):
    places = {"checkout": home / "checkout", "home": home, "pid": os.getpid()}
    (home / "checkout/.env").write_text("KEY=1")
    (home / "state/agentflow").mkdir()
    (home / "state/agentflow/ledger.db").write_text("spent")
    (home / "state/logs/other.log").write_text("said")
    monkeypatch.setenv("CANARY", "CANARY-IN-ENVIRONMENT")
    with subprocess.Popen(["sleep", "60"]) as sleeper:  # a process whose environment could be read outside
        before = sorted(home.rglob("*"))
        assert not sandboxed(ATTEMPTS[what].format(**places)).passed
        sleeper.kill()
    made = {path for path in sorted(home.rglob("*")) if path not in before}
    assert {path.name for path in made} <= {"log", "out"}


@needs_bubblewrap
def test_git_works_in_there(sandboxed, home, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    main = home / "repository"
    run = partial(subprocess.run, check=True, capture_output=True)
    run(["git", "init", "-qb", "main", main])
    run(
        ["git", "-C", main, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "Start"]
    )
    run(["git", "-C", main, "worktree", "add", "-q", sandboxed.worktree / "tree"])
    plain = home / "plain"
    around = CheckSandbox(main, main / ".git", plain, plain)
    environment = check_environment(sandboxed.worktree / "tree", main)
    argv = around.command(sandboxed.worktree / "tree", [], environment, network=False)
    script = "git describe --always && git status --short && git rev-parse --show-toplevel && git log --format=%s"
    said = run([*argv, "/bin/sh", "-c", script], env=environment, text=True).stdout
    assert said.splitlines()[-2:] == [str(sandboxed.worktree / "tree"), "Start"]


@pytest.mark.security("T8")
def test_a_bubblewrap_of_the_repositorys_is_never_run(home, tmp_path, monkeypatch):
    planted = tmp_path / "bwrap"
    planted.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    planted.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    why_no_sandbox.__wrapped__()
    assert not (tmp_path / "ran").exists()


@needs_bubblewrap
@pytest.mark.security("T4")
def test_no_process_survives_the_sandbox(sandboxed):
    """Even one that left the process group: it ends with its process namespace."""
    holder = "import os, time; open('started', 'w'); time.sleep(1000)"
    result = sandboxed(f'setsid python -c "{holder}" & while ! test -e started; do sleep 0.05; done')
    assert result.passed
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert not any(holder.encode() in line for line in running)


@needs_bubblewrap
def test_a_virtualenv_under_home_still_runs(sandboxed, home, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "env"], check=True)
    monkeypatch.setenv("PATH", f"{home}/env/bin:{os.environ['PATH']}")
    result = sandboxed("python -c 'import sys; print(sys.prefix)'")
    assert (result.exit_code, result.output_tail) == (0, str(home / "env"))


@needs_bubblewrap
def test_a_toolchain_that_is_a_link_is_found_under_its_name(sandboxed, home, tmp_path):
    (tmp_path / "disk/go/bin").mkdir(parents=True)
    (tmp_path / "disk/go/bin/tool").write_text("here")
    (home / "go").symlink_to(tmp_path / "disk/go")
    assert sandboxed("cat ~/go/bin/tool").output_tail == "here"


@needs_bubblewrap
def test_a_library_installed_in_place_from_beside_is_found_and_the_checkout_is_not(sandboxed, home, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "env"], check=True)
    (site,) = (home / "env").glob("lib/python*/site-packages")
    for name, place in (("beside", home / "My library"), ("own", home / "checkout")):
        (place / name).mkdir(parents=True)
        (place / name / "__init__.py").touch()
        (site / f"{name}-1.dist-info").mkdir()
        url = {"url": place.as_uri(), "dir_info": {"editable": True}}
        (site / f"{name}-1.dist-info/direct_url.json").write_text(json.dumps(url))
        (site / f"{name}.pth").write_text(f"{place}\n")
    monkeypatch.setenv("PATH", f"{home}/env/bin:{os.environ['PATH']}")
    assert sandboxed("python -c 'import beside'").passed
    assert not sandboxed("python -c 'import own'").passed


def _planted(way: str, worktree: Path, own: Path, private: Path) -> None:
    """What code of models can leave in its worktree, or in the virtualenv that its set-up fills, to lead out."""
    record = own / "lib/python3.11/site-packages"
    record.mkdir(parents=True)
    if way == "sources":
        (worktree / "src").symlink_to(private)
    elif way == "virtualenv":
        own.rename(own.with_name("moved"))
        own.symlink_to(private)
    elif way == "programs":
        (own / "bin").symlink_to(private)
    elif way == "interpreter":
        (own / "bin").mkdir()
        (own / "bin/python").symlink_to(private / "bin/python")
    elif way == "record":
        (record / "x-1.dist-info").mkdir()
        url = {"url": private.as_uri(), "dir_info": {"editable": True}}
        (record / "x-1.dist-info/direct_url.json").write_text(json.dumps(url))
    elif way == "old record":
        (record / "x.egg-link").write_text(f"{private}\n.")


@needs_bubblewrap
@pytest.mark.security("T4")
@pytest.mark.parametrize("way", ["sources", "virtualenv", "programs", "interpreter", "record", "old record"])
def test_what_models_can_write_leads_to_nothing_of_the_users(sandboxed, home, monkeypatch, way):
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(home / "cache"))
    own, private = home / "cache/own", home / ".ssh"
    (private / "bin").mkdir()
    for name in ("pyvenv.cfg", "bin/python"):
        (private / name).touch()
    _planted(way, sandboxed.worktree, own, private)
    if own.is_dir():
        (own / "pyvenv.cfg").touch()
    monkeypatch.setenv("PATH", f"{own}/bin:{os.environ['PATH']}")
    assert sandboxed("! grep -Rqs private ~").passed


def test_home_itself_and_folders_around_it_are_never_shown_again(home, tmp_path):
    (home / ".cargo/bin").mkdir(parents=True)
    environment = {"HOME": str(home), "PATH": f"{home}:{tmp_path}:{home}/.cargo/bin", "GOPATH": str(home)}
    argv = sandbox_around(tmp_path / "checkout").command(tmp_path, [], environment, network=False)
    shown = [argv[at + 1] for at, word in enumerate(argv) if word == "--ro-bind"]
    assert [path for path in shown if path.startswith(str(home))] == [f"{home}/.cargo/bin"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("cat: {home}/.aws/config: No such file or directory", "the sandbox hides {home}/.aws/config"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '{home}/.aws/config'", "hides {home}/.aws/config"),
        ("Error: ENOENT: no such file or directory, open '{home}/.aws/config'", "the sandbox hides {home}/.aws/config"),
        ("{home}/.nowhere: No such file or directory", ""),
        ("OSError: [Errno 30] Read-only file system: '/usr/made'", "lets nothing be written to /usr/made"),
        ("touch: cannot touch '/etc/made': Read-only file system", "lets nothing be written to /etc/made"),
        ("src/nowhere.py: No such file or directory", ""),
        ("1 failed", ""),
    ],
)
def test_what_the_sandbox_keeps_from_a_check_is_named(home, said, told):
    (home / ".aws").mkdir()
    (home / ".aws/config").touch()
    found = sandbox_around(home / "checkout").kept_away(said.format(home=home), {"HOME": str(home)})
    assert told.format(home=home) in found
    assert bool(found) == bool(told)
