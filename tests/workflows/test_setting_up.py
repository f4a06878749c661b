"""Set-up in an environment of agentflow's own: real git, real virtualenvs, real pip, no network."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agentflow.config.paths import environments_dir
from agentflow.config.settings import load_settings
from agentflow.errors import EnvironmentError_
from agentflow.git.copying import inventory, restore
from agentflow.git.repository import open_repository
from agentflow.git.watching import Watch
from agentflow.git.worktrees import add_worktree
from agentflow.workflows.setting_up import SetUp, SetupFailed

#: A project whose build backend lies in it, so that pip needs no network.
BACKEND = """
import os, zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    about = {
        "thing.pth": os.path.join(os.getcwd(), "src"),
        "thing-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: thing\\nVersion: 1\\n",
        "thing-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        "thing-1.dist-info/RECORD": "",
    }
    name = "thing-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        for path, text in about.items():
            wheel.writestr(path, text)
    return name
"""
PROJECT = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "thing"\nversion = "1"\n',
    "backend.py": BACKEND,
    "src/thing.py": "value = 1\n",
    ".gitignore": ".venv\nnode_modules\n",
}


@pytest.fixture
def worktrees(world, monkeypatch):
    """Set-ups of a repository of these files, and fresh worktrees of it."""
    for name in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"AGENTFLOW_{name}_DIR", world.env[f"AGENTFLOW_{name}_DIR"])
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    return Worktrees(world)


class Worktrees:
    def __init__(self, world) -> None:
        self.world = world
        self.count = 0

    def of(self, files: dict[str, str]) -> None:
        self.root = self.world.repository(files)
        self.repository = asyncio.run(open_repository(self.root))

    def set_up(self, command: str | None, run: str = "run-1", **more) -> SetUp:
        settings = replace(load_settings(None, {}, {}), setup=command, **more)
        logs = self.world.folder / "state" / "runs" / run / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        watch = Watch(self.repository, print, sandboxed=False)
        return SetUp(run, self.repository.head, self.repository, settings, logs, watch, None)

    def fresh(self) -> Path:
        self.count += 1
        path = self.world.folder / "cache" / "worktrees" / "run" / f"w{self.count}"
        asyncio.run(add_worktree(self.repository, path, self.repository.head))
        return path

    def prepared(self, set_up: SetUp) -> Path:
        path = self.fresh()
        asyncio.run(set_up.prepare(path))
        return path

    def run(self, set_up: SetUp, worktree: Path, *command: str) -> str:
        env = set_up.environment(worktree)
        done = subprocess.run(command, cwd=worktree, env=env, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.root / name).write_text(text)
        self.world.git(self.root, "add", "-A")
        self.world.git(self.root, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "More")
        self.repository = asyncio.run(open_repository(self.root))


@pytest.fixture
def with_virtualenv(worktrees) -> Callable[[], Path]:
    """The user's own virtualenv in the checkout, with a package and a script that are nowhere else."""

    def make() -> Path:
        virtualenv: Path = worktrees.root / ".venv"
        subprocess.run([sys.executable, "-m", "venv", virtualenv], check=True)
        (site,) = virtualenv.glob("lib/python*/site-packages")
        (site / "users_tool.py").write_text("import sys\ndef main(): print(sys.prefix)\n")
        script = virtualenv / "bin" / "users-tool"
        script.write_text(f"#!{virtualenv}/bin/python\nfrom users_tool import main\nmain()\n")
        script.chmod(0o755)
        return virtualenv

    return make


def test_an_editable_install_goes_into_a_virtualenv_of_the_runs_own_layered_on_the_users(worktrees, with_virtualenv):
    worktrees.of(PROJECT)
    virtualenv = with_virtualenv()
    known = inventory(worktrees.root, [".venv"])
    set_up = worktrees.set_up("pip install --no-index -e .")
    worktree = worktrees.prepared(set_up)
    assert restore(worktrees.root, [".venv"], known)
    assert not list(virtualenv.glob("lib/python*/site-packages/thing*"))
    own = set_up.environment(worktree)["VIRTUAL_ENV"]
    assert own.startswith(str(environments_dir()))
    assert worktrees.run(set_up, worktree, "users-tool") == own
    told = "import users_tool, thing; from importlib.metadata import version; print(version('thing'))"
    assert worktrees.run(set_up, worktree, "python", "-c", told) == "1"
    roots = set_up.environment(worktrees.prepared(set_up))["AGENTFLOW_CHECK_ROOTS"]
    assert roots.split(os.pathsep) == [str(worktrees.root), str(worktree)]


@pytest.mark.long
def test_set_up_runs_once_for_all_worktrees_and_later_runs(worktrees):
    worktrees.of(PROJECT)
    command = f"echo ran >> {worktrees.world.folder}/ran; python -c pass"
    first, later = worktrees.set_up(command), worktrees.set_up(command, run="run-2")
    places = {str(set_up.environment(worktrees.prepared(set_up))["VIRTUAL_ENV"]) for set_up in (first, first, later)}
    assert len(places) == 1
    assert (worktrees.world.folder / "ran").read_text() == "ran\n"
    worktrees.commit({"pyproject.toml": PROJECT["pyproject.toml"] + 'dependencies = ["other"]\n'})
    worktrees.prepared(worktrees.set_up(command, run="run-3"))
    assert (worktrees.world.folder / "ran").read_text() == "ran\nran\n"


@pytest.mark.long
def test_what_is_compiled_is_built_again_where_its_sources_differ(worktrees):
    worktrees.of({**PROJECT, "fast.c": "int one;\n"})
    command = f"cat fast.c >> {worktrees.world.folder}/built; touch fast.so"
    set_up = worktrees.set_up(command)
    old = worktrees.prepared(set_up)
    assert asyncio.run(set_up.fits(old))
    worktrees.commit({"fast.c": "int two;\n"})
    worktrees.prepared(set_up)
    worktrees.prepared(set_up)
    assert (worktrees.world.folder / "built").read_text() == "int one;\nint two;\n"
    assert asyncio.run(set_up.fits(old))


@pytest.mark.long
def test_sources_that_do_not_compile_are_the_commits_fault_and_not_the_environments(worktrees):
    worktrees.of({**PROJECT, "fast.c": "int one;\n"})
    set_up = worktrees.set_up("! grep error fast.c")
    worktrees.prepared(set_up)
    worktrees.commit({"fast.c": "#error\n"})
    with pytest.raises(SetupFailed) as failed:
        worktrees.prepared(set_up)
    assert not failed.value.on_base


@pytest.mark.long
def test_what_set_up_made_from_the_code_serves_this_run_and_not_one_on_other_code(worktrees):
    worktrees.of(PROJECT)
    command = "python -c pass; mkdir -p gen node_modules; cp src/thing.py gen/made.py; ln -s ../src node_modules/own"
    set_up = worktrees.set_up(command)
    worktrees.prepared(set_up)
    second = worktrees.prepared(set_up)
    assert (second / "gen/made.py").read_text() == "value = 1\n"
    assert (second / "node_modules/own").resolve() == second / "src"
    worktrees.commit({"src/thing.py": "value = 2\n"})
    later = worktrees.prepared(worktrees.set_up(command, run="run-2"))
    assert (later / "gen/made.py").read_text() == "value = 2\n"


def test_a_virtualenv_that_set_up_makes_in_the_worktree_wins_and_is_at_home_in_its_copies(worktrees):
    worktrees.of(PROJECT)
    set_up = worktrees.set_up("python -m venv --without-pip .venv && touch .venv/made")
    first, second = worktrees.prepared(set_up), worktrees.prepared(set_up)
    for worktree in (first, second):
        assert (worktree / ".venv/made").exists()
        assert worktrees.run(set_up, worktree, "python", "-c", "import sys; print(sys.prefix)") == f"{worktree}/.venv"


@pytest.mark.long
def test_a_spoilt_environment_is_left_and_another_one_made(worktrees):
    worktrees.of(PROJECT)
    set_up = worktrees.set_up("python -c pass")
    worktree = worktrees.prepared(set_up)
    own = Path(set_up.environment(worktree)["VIRTUAL_ENV"])
    (own / "lib" / "added.pyc").touch()
    assert asyncio.run(set_up.fits(worktree))
    assert not (own / "lib" / "added.pyc").exists()
    (own / "pyvenv.cfg").write_text((own / "pyvenv.cfg").read_text() + "evil = true\n")
    assert not asyncio.run(set_up.fits(worktree))
    assert set_up.environment(worktrees.prepared(set_up))["VIRTUAL_ENV"] != str(own)


def test_a_worktree_whose_manifests_have_changed_does_not_fit(worktrees):
    worktrees.of(PROJECT)
    set_up = worktrees.set_up("python -c pass")
    worktree = worktrees.prepared(set_up)
    assert asyncio.run(set_up.fits(worktree))
    (worktree / "requirements.txt").write_text("other\n")
    assert not asyncio.run(set_up.fits(worktree))


@pytest.mark.long
def test_what_a_killed_process_left_half_made_is_discarded(worktrees):
    worktrees.of(PROJECT)
    set_up = worktrees.set_up("python -c pass")
    worktree = worktrees.prepared(set_up)
    place = Path(set_up.environment(worktree)["VIRTUAL_ENV"]).parent
    (place / "made.json").unlink()
    (place / "venv" / "rubbish").touch()
    again = worktrees.prepared(set_up)
    assert Path(set_up.environment(again)["VIRTUAL_ENV"]).parent == place
    assert not (place / "venv" / "rubbish").exists()


@pytest.mark.long
def test_a_set_up_that_fails_says_whether_it_is_the_bases_fault_and_leaves_nothing(worktrees):
    worktrees.of(PROJECT)
    set_up = worktrees.set_up("echo no compiler; exit 3")
    with pytest.raises(SetupFailed, match="ended with exit status 3: no compiler") as caught:
        worktrees.prepared(set_up)
    assert caught.value.on_base
    assert [path for path in environments_dir().iterdir() if path.is_dir()] == []
    changed = worktrees.fresh()
    (changed / "requirements.txt").write_text("no-such-thing\n")
    with pytest.raises(EnvironmentError_) as caught:
        asyncio.run(set_up.prepare(changed))
    assert not caught.value.on_base


def test_without_python_it_runs_once_per_run_and_is_cleared_with_it(worktrees, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    worktrees.of({"package.json": "{}", ".gitignore": "node_modules\n"})
    command = f"echo ran >> {worktrees.world.folder}/ran; mkdir -p node_modules; echo tool > node_modules/tool"
    set_up = worktrees.set_up(command)
    worktrees.prepared(set_up)
    assert (worktrees.prepared(set_up) / "node_modules/tool").read_text() == "tool\n"
    asyncio.run(set_up.clear())
    worktrees.prepared(worktrees.set_up(command, run="run-2"))
    assert (worktrees.world.folder / "ran").read_text() == "ran\nran\n"


def test_the_checkouts_node_modules_are_lent_while_its_lock_file_is_the_committed_one(worktrees):
    package = {"package.json": "{}", "package-lock.json": "{}", "packages/own/index.js": ""}
    worktrees.of({**package, ".gitignore": "node_modules\n"})
    modules = worktrees.root / "node_modules"
    (modules / ".bin").mkdir(parents=True)
    (modules / "own").symlink_to(worktrees.root / "packages/own")
    (modules / ".bin/tool").symlink_to("../tool")
    worktree = worktrees.prepared(worktrees.set_up(None))
    assert (worktree / "node_modules/own").resolve() == worktree / "packages/own"
    assert str((worktree / "node_modules/.bin/tool").readlink()) == "../tool"
    (worktrees.root / "package-lock.json").write_text(json.dumps({"other": 1}))
    assert not (worktrees.prepared(worktrees.set_up(None)) / "node_modules").exists()


def test_variables_let_through_reach_set_up_and_stay_out_of_its_log(worktrees, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://me:hunter22@db")
    worktrees.of(PROJECT)
    set_up = worktrees.set_up('echo "$DATABASE_URL"; exit 1', check_env=("DATABASE_URL",))
    with pytest.raises(SetupFailed) as caught:
        worktrees.prepared(set_up)
    (log,) = (worktrees.world.folder / "state").rglob("setup-*.log")
    assert "[redacted: DATABASE_URL]" in log.read_text()
    assert "hunter22" not in log.read_text()
    assert "hunter22" not in caught.value.message
