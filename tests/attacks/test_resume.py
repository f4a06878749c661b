"""A run that was killed, and what is planted in its folders before it goes on: nothing is followed out of them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from agentflow.checks.sandbox import bubblewrap_works

pytestmark = [
    pytest.mark.cli,
    pytest.mark.long,
    pytest.mark.skipif(not bubblewrap_works(), reason="no sandbox works here"),
]


@pytest.fixture
def killed(world, errand, host):
    """A run killed in the middle of a worker's session; its folder, its worktrees' and its server."""
    server = errand.serve(errand.hangs(subtask="tea"), errand.writes("tea"))
    subtask = errand.subtask("tea", files=["**"], checks=["grep -q good tea.txt"])
    process = world.start(errand.root, "run", "--plan", errand.plan_file(subtask), "--yes", "--json", replay=server)
    world.until(lambda: errand.asked(server, subtask="tea"), process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    world.until(lambda: not [line for line in world.processes().values() if "time.sleep" not in line])
    (run,) = (world.folder / "state/runs").glob("20*")
    return run, world.folder / "cache/worktrees" / run.name, server


def put_link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir() and not place.is_symlink():
        place.rename(place.with_name(f"{place.name}-moved"))
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def goes_on(world, errand, server):
    ended = world.agentflow(errand.root, "resume", "--json", replay=server)
    assert "Traceback" not in ended.err
    assert ended.code != 3, ended.err
    return ended


def test_a_worktree_that_leads_elsewhere_is_made_anew(world, errand, host, killed):
    _, worktrees, server = killed
    (worktree,) = [path for path in worktrees.iterdir() if path.name.startswith("tea")]
    traps = world.folder / "traps"
    traps.mkdir()
    evil = world.folder / "evil"
    world.git(world.folder, "init", "-q", str(evil))
    for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external"):
        world.git(evil, "config", name, f"touch {traps}/{name};")
    (worktree / ".git").write_text(f"gitdir: {evil}/.git\n")
    for name in ("tea.txt", "README.md", "attacker.py"):
        put_link(worktree / name, host.home / ".bashrc")
    for name in ("base", "merge", "check-1", "tea-2"):
        put_link(worktrees / name, host.home)
    ended = goes_on(world, errand, server)
    assert host.strange_changes() == []
    assert list(traps.iterdir()) == []
    assert (host.home / ".ssh/id_ed25519").exists()
    assert ended.code in {0, 4}, ended.err


def test_a_log_that_is_a_link_is_not_written_through(world, errand, host, killed):
    run, _, server = killed
    tree = world.git(errand.root, "rev-parse", "HEAD^{tree}")
    names = ("detached.log", "setup-base.log", "setup-check-1.log", f"check-{tree[:12]}.log")
    for path in {*(run / "logs" / name for name in names), *run.glob("logs/check-*")}:
        put_link(path, host.home / "victims" / path.name)
    goes_on(world, errand, server)
    assert host.strange_changes() == []


@pytest.mark.parametrize("name", ["engine.log", "git-config", "agents/home", "agents/claude"])
def test_other_links_in_the_folder_of_a_run_are_not_written_through(world, errand, host, killed, name):
    run, _, server = killed
    put_link(run / name, host.home / ".config" if name.startswith("agents") else host.home / "victims/planted")
    goes_on(world, errand, server)
    assert host.strange_changes() == []
