"""Set-up: what a fresh worktree lacks, made once in an environment of agentflow's own, and copied from there on.

The user's virtualenv is never written to. What set-up installs for Python goes into a virtualenv layered on it, kept in
the cache folder by what it was made from and shared by all worktrees and later runs. What it leaves beside the code
(`node_modules`, generated files) is kept there too, and copied into every other worktree.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from agentflow.checks.environment import check_environment, session_environment, setup_environment
from agentflow.checks.limits import limits_of
from agentflow.checks.process import run_command
from agentflow.checks.runners.obstacles import wants_network
from agentflow.checks.sandbox import CheckSandbox
from agentflow.checks.setups.finding import fingerprint, has_python
from agentflow.checks.setups.node import LOCK_FILES
from agentflow.checks.virtualenvs import add_layer, below_of, interpreter_in, make_layered, virtualenv_of
from agentflow.config import reading
from agentflow.config.machine import make_folder, open_private, write_private
from agentflow.config.paths import environments_dir
from agentflow.config.secrecy import redact, redact_file
from agentflow.config.settings import Network, Settings
from agentflow.errors import EnvironmentError_
from agentflow.git.commits import read_file, tree_of
from agentflow.git.copying import copy_beside, inventory, restore
from agentflow.git.included import generated_versions
from agentflow.git.linked import (
    entry_of,
    git_in,
    record_environment,
    record_included,
    recorded_environment,
    recorded_included,
)
from agentflow.git.repository import Repository
from agentflow.git.watching import Watch

#: What holds installed packages and nothing made from the code.
_INSTALLED = frozenset({"node_modules", ".venv", "venv", ".bundle", ".yarn", ".pnp.cjs", ".pnp.loader.mjs"})
_COMPILED = ("*.c", "*.h", "*.cc", "*.cpp", "*.cxx", "*.hpp", "*.pyx", "*.pxd", "*.rs", "*.f90")
_CACHES = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".cache"})
_INSTALLS_PYTHON = re.compile(r"\b(?:pip|python[\d.]*|uv|poetry|pdm|hatch|pipenv)\b")
_LISTED = ("ls-files", "-z", "--others", "--directory", "--no-empty-directory")
_LOCK_POLL_S = 0.1
#: Environments that nobody used for so long are deleted.
_UNUSED_S = 14 * 86_400.0


class SetupFailed(EnvironmentError_):
    """The set-up command did not end well. `on_base`: in a checkout of what the run started from."""

    def __init__(self, message: str, *, hint: str | None = None, on_base: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.on_base = on_base


@dataclass(frozen=True, slots=True)
class Made:
    """What one set-up made, and where. `source`: the worktree it ran in, which editable installs point at.

    `left`: what it left beside the code, by relative name. `tree`: the only tree that is good for, None for any.
    """

    key: str
    source: str
    left: tuple[str, ...]
    tree: str | None


class SetUp:
    """The set-up of one run, as its settings say it; without one, what the user's checkout can lend."""

    def __init__(
        self, run_id: str, base: str, repository: Repository, settings: Settings, logs: Path, watch: Watch,
        sandbox: CheckSandbox | None, tracked: Collection[Path] = (),
    ) -> None:  # fmt: skip
        self._run_id = run_id
        self._base = base
        self._repository = repository
        self._settings = settings
        self._logs = logs
        self._watch = watch
        self._checks_environment = partial(check_environment, checkout=repository.root, tracked=tracked)
        self._sandbox = sandbox
        self._record = logs.parent / "manifests"
        self._lent: tuple[str, ...] | None = None
        self._used = set[str]()

    async def prepare(self, worktree: Path) -> None:
        """Give a fresh worktree what it lacks. Raises SetupFailed."""
        left: tuple[str, ...] = ()
        if self._settings.setup:
            made = await self._made(worktree)
            left, entry = made.left, entry_of(self._repository, worktree)
            if made.source != str(worktree):
                await asyncio.to_thread(copy_beside, _place(made.key) / "left", worktree, left)
            record_environment(entry, made.key)
            self._used.add(made.key)
        elif lent := await self._lendable():
            left = await asyncio.to_thread(copy_beside, self._repository.root, worktree, lent)
        if left:
            entry = entry_of(self._repository, worktree)
            record_included(entry, tuple(sorted(recorded_included(entry).union(left))))

    async def fits(self, worktree: Path) -> bool:
        """Whether a worktree that was prepared is so for the commit it holds now, and its environment unspoilt."""
        if not self._settings.setup:
            return True
        made = _read(recorded_environment(entry_of(self._repository, worktree)))
        if made is None or made.key.partition("-")[0] != await self._key(worktree):
            return False
        return await asyncio.to_thread(_is_unspoilt, made)

    def environment(self, worktree: Path, command: str = "") -> dict[str, str]:
        """What checks in a prepared worktree get to see; `command`, if there is one that it is for."""
        made = self._of(worktree)
        passed = self._settings.check_env
        sources = (Path(made.source),) if made and made.source != str(worktree) else ()
        own = _own(made, worktree)
        return self._checks_environment(worktree, own=own, passed=passed, sources=sources, command=command)

    def session_environment(self, worktree: Path) -> dict[str, str]:
        """What a worker's session in a prepared worktree gets to see of it."""
        return session_environment(self.environment(worktree), self._settings.check_env)

    async def forget(self) -> None:
        """What this run was set up with is used no more: the next worktree is set up anew."""
        for name in self._used:
            await asyncio.to_thread((_place(name) / "spoilt").touch)
        self._used.clear()

    async def clear(self) -> None:
        """Delete what is of no use to other runs."""
        for marker in environments_dir().glob(f"*/{self._run_id}"):
            await asyncio.to_thread(shutil.rmtree, marker.parent, ignore_errors=True)

    def _of(self, worktree: Path) -> Made | None:
        """The environment a worktree was given; still so when it was spoilt meanwhile."""
        if not self._settings.setup:
            return None
        return _read(recorded_environment(entry_of(self._repository, worktree)), usable=False)

    async def _made(self, worktree: Path) -> Made:
        """The environment for the worktree as it is, made there if there is none yet."""
        key, tree = await self._key(worktree), await tree_of(self._repository, self._base)
        n = 1
        while True:  # what is spoilt, or good for another tree only, keeps its name: others may be at work in it
            name = f"{key}-{n}"
            async with _locked(name):
                made = await asyncio.to_thread(_read, name)
                if made is None and not _place(name).exists():
                    return await self._make(name, worktree, tree)
                if made is None and not (_place(name) / "spoilt").exists():
                    await asyncio.to_thread(shutil.rmtree, _place(name))  # half-made, by a process that was killed
                    continue
                if made is not None and made.tree in (None, tree) and await asyncio.to_thread(_is_unspoilt, made):
                    os.utime(_place(name))
                    return made
            n += 1

    async def _make(self, name: str, worktree: Path, tree: str) -> Made:
        place, command = _place(name), self._settings.setup or ""
        await asyncio.to_thread(_delete_unused)
        make_folder(place)
        is_base = self._is_of_base(worktree, await self._compiled(worktree))
        if not (is_base and self._is_pythons(worktree)):
            write_private(place / self._run_id, "")
        own, below = await self._virtualenv(place, worktree)
        await self._run(command, worktree, own, place, is_base=is_base)
        if own:
            await asyncio.to_thread(add_layer, own, below)
        entry = entry_of(self._repository, worktree)
        listed = await git_in(self._repository, worktree, *_LISTED)
        left = tuple(sorted(set(listed.fields) - recorded_included(entry)))
        left = tuple(item for item in left if PurePosixPath(item).name not in _CACHES)
        await asyncio.to_thread(copy_beside, worktree, place / "left", left)
        made = Made(name, str(worktree), left, tree if any(map(_is_bound, left)) else None)
        await asyncio.to_thread(_write, made)
        return made

    async def _virtualenv(self, place: Path, worktree: Path) -> tuple[Path | None, Path | None]:
        """A virtualenv of our own and the one below it, where Python packages may be installed at all."""
        environment = self._checks_environment(worktree)
        below = below_of(environment)
        if below is None and not self._is_pythons(worktree):
            return None, None
        own = place / "venv"
        await asyncio.to_thread(make_layered, own, {k: v for k, v in environment.items() if k != "PYTHONPATH"})
        return own, below

    async def _run(self, command: str, worktree: Path, own: Path | None, place: Path, *, is_base: bool) -> None:
        log = self._logs / f"setup-{worktree.name}.log"
        passed = self._settings.check_env
        environment = self._checks_environment(worktree, own=own, passed=passed)
        environment = setup_environment(environment, own)
        # What the user agreed to may fetch; what an agent's own manifests ask for is another matter.
        network = self._settings.network is Network.FULL or self._bases()[0] == _hash(fingerprint(worktree))
        wrapper = self._sandbox.command(worktree, [place], environment, network=network) if self._sandbox else []
        limit_s, limits = self._settings.setup_timeout_s, limits_of(self._settings)
        async with self._watch.over("set-up"):
            result = await run_command(command, worktree, environment, limit_s, log, wrapper=wrapper, limits=limits)
        await asyncio.to_thread(redact_file, log)
        if result.exit_code != 0:
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
            what = "ran out of time" if result.exit_code is None else f"ended with exit status {result.exit_code}"
            if result.exceeded:
                what = f"was stopped, since {result.exceeded}"
            said = next(filter(wants_network, result.output_tail.splitlines()), "") or _last_line(result.output_tail)
            message = f"the setup command {command!r} {what}: {redact(said)}"
            raise SetupFailed(message, hint=f"see {log}", on_base=is_base)

    async def _key(self, worktree: Path) -> str:
        """What an environment is made from. What an agent's own manifests ask for is shared with no other run.

        Sources that a build compiles are part of it: an environment holds what was built from them.
        """
        return await asyncio.to_thread(self._hashed, worktree, await self._compiled(worktree))

    async def _compiled(self, worktree: Path) -> str:
        """Python's compiled sources at the worktree's commit, by content; those of others are built by their checks."""
        if not self._is_pythons(worktree):
            return ""
        return (await git_in(self._repository, worktree, "ls-files", "--stage", "-z", "--", *_COMPILED)).stdout

    def _hashed(self, worktree: Path, compiled: str) -> str:
        environment = self._checks_environment(worktree)
        parts = [str(self._repository.common_dir), str(self._settings.setup), fingerprint(worktree)]
        python = interpreter_in(environment)
        is_shared = self._is_pythons(worktree) and self._is_of_base(worktree, compiled)
        parts += [f"{python} {python.resolve()}" if python else "", "" if is_shared else self._run_id, compiled]
        return _hash("\0".join(parts))

    def _is_pythons(self, worktree: Path) -> bool:
        return has_python(worktree) or bool(_INSTALLS_PYTHON.search(self._settings.setup or ""))

    def _is_of_base(self, worktree: Path, compiled: str) -> bool:
        """Whether set-up goes by the same as on the commit the run started from, which is set up first."""
        found = [_hash(fingerprint(worktree)), _hash(compiled)]
        if not self._record.exists():
            write_private(self._record, " ".join(found))
        return self._bases() == found

    def _bases(self) -> list[str]:
        """Hashes of the manifests and of the compiled sources of the commit the run started from."""
        return self._record.read_text(encoding="utf-8").split()

    async def _lendable(self) -> tuple[str, ...]:
        """The checkout's `node_modules` folders whose lock file is the one that the run started from.

        And the version modules that a build generated there.
        """
        if self._lent is None:
            root = self._repository.root
            found = (path for above in ("", "*/", "*/*/") for path in root.glob(f"{above}node_modules"))
            names = [path.relative_to(root).as_posix() for path in found if path.is_dir()]
            outer = [name for name in names if "node_modules/" not in name and not name.startswith(".")]
            installed = tuple([name for name in outer if await self._is_installed(root / name)])
            self._lent = installed + await generated_versions(self._repository)
        return self._lent

    async def _is_installed(self, modules: Path) -> bool:
        root = self._repository.root
        folders = [folder for folder in modules.parents if folder.is_relative_to(root)]
        named = (folder / name for folder in folders for name in LOCK_FILES)
        lock = next((path for path in named if path.is_file()), modules.parent / "package.json")
        committed = await read_file(self._repository, self._base, lock.relative_to(root).as_posix())
        try:
            return _plain(reading.read_file(lock)) == _plain(committed) if committed is not None else lock.is_file()
        except OSError:
            return False


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:24]


def _place(name: str) -> Path:
    return environments_dir() / name


def _own(made: Made | None, worktree: Path) -> Path | None:
    """The virtualenv that set-up made: in the worktree, if it made one there, else in the cache folder."""
    if made is None:
        return None
    if {".venv/", "venv/"}.intersection(made.left):
        return virtualenv_of(worktree)
    own = _place(made.key) / "venv"
    return own if own.exists() else None


def _is_bound(name: str) -> bool:
    """Whether what set-up left was made from the code, so that it is good for this code only."""
    last = PurePosixPath(name).name
    return last not in _INSTALLED and not last.endswith(".egg-info")


def _read(name: str, *, usable: bool = True) -> Made | None:
    """An environment that was made to the end; `usable`: and that is neither spoilt nor without its Python by now."""
    place = _place(name)
    if not name or not (place / "made.json").exists():
        return None
    is_broken = (place / "venv").exists() and not (place / "venv" / "bin" / "python").exists()
    if usable and (is_broken or (place / "spoilt").exists()):
        return None
    data = json.loads((place / "made.json").read_bytes())
    return Made(data["key"], data["source"], tuple(data["left"]), data["tree"])


def _write(made: Made) -> None:
    """The marker comes last."""
    place = _place(made.key)
    write_private(place / "inventory.json", json.dumps(inventory(place, _WATCHED)))
    draft = place / "made.draft"
    write_private(draft, json.dumps(asdict(made)))
    draft.replace(place / "made.json")


_WATCHED = ("venv", "left")


def _is_unspoilt(made: Made) -> bool:
    """Whether nothing has changed in the environment since it was made; what was added is removed.

    One that a check has written to is used no more: the next one is made beside it.
    """
    place = _place(made.key)
    known = json.loads((place / "inventory.json").read_bytes())
    if restore(place, _WATCHED, known):
        return True
    write_private(place / "spoilt", "")
    return False


def _delete_unused() -> None:
    """What nobody used for a long time, and locks of what is gone."""
    for place in environments_dir().iterdir() if environments_dir().is_dir() else ():
        if place.is_dir() and time.time() - place.stat().st_mtime > _UNUSED_S:
            shutil.rmtree(place, ignore_errors=True)


@asynccontextmanager
async def _locked(name: str) -> AsyncIterator[None]:
    """One process, and one task in it, at an environment."""
    folder = environments_dir()
    make_folder(folder)
    with open_private(folder / f"{name}.lock") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOCK_POLL_S)
        yield


def _plain(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it printed nothing")
