"""A machine worth robbing: secrets, sockets and processes of a user's, with a tripwire at each."""

from __future__ import annotations

import base64
import configparser
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
#: Shared places outside of the world that tries write to; their marks are taken away afterwards.
SHARED = ("/tmp", "/var/tmp", "/dev/shm", "/dev", "/etc", "/usr/local/bin", "/opt", "/run", "/var/spool", "/mnt")
#: A file of the user's for each of these, with a secret of its own.
SECRETS = (
    *(".ssh/id_ed25519", ".aws/credentials", ".config/gh/hosts.yml", ".azure/accessTokens.json", ".netrc", ".npmrc"),
    *(".config/gcloud/application_default_credentials.json", ".claude/.credentials.json", ".claude.json", ".pypirc"),
    *(".cargo/credentials.toml", ".git-credentials", ".docker/config.json", ".kube/config", ".password-store/bank"),
    *(".gnupg/private-keys-v1.d/key", ".bash_history", ".mozilla/firefox/cookies.sqlite", "Documents/letter.txt"),
    "lib/secret_module.py",
)
#: Where the tries of `tries.ini` are made in a run.
PLACES = ("setup", "shell", "check")
Effects = set[tuple[str, str]]


def canary(kind: str) -> str:
    return f"canary-{kind}-{uuid.uuid4().hex[:8]}"


class Listener:
    """Hears what comes at a socket of any kind, and closes."""

    def __init__(self, kind: int, family: int, address: Any) -> None:
        self.heard: list[bytes] = []
        self.socket = socket.socket(family, kind)
        self.socket.bind(address)
        if kind == socket.SOCK_STREAM:
            self.socket.listen(64)
        self.socket.settimeout(0.2)
        self._open = True
        self._thread = threading.Thread(target=self._serve, args=(kind,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._open = False
        self._thread.join()
        self.socket.close()

    def _serve(self, kind: int) -> None:
        while self._open:
            with suppress(TimeoutError):
                if kind == socket.SOCK_DGRAM:
                    self.heard.append(self.socket.recv(4096))
                    continue
                connection, _ = self.socket.accept()
                with connection:
                    connection.settimeout(2)
                    self.heard.append(b"called: " + connection.recv(4096))


class Host:
    """The user's machine around a `World` and a checkout in it; `tries` are all of `tries.ini` by name."""

    def __init__(self, world: Any, root: Path) -> None:
        self.world, self.root, self.home = world, root, world.folder / "home"
        #: Below a shared folder more is hidden than has to be.
        self.lies_in_the_open = not any(root.is_relative_to(folder) for folder in ("/tmp", "/var/tmp", "/run"))
        self.git = root / ".git"
        parser = configparser.RawConfigParser(delimiters=(":",), comment_prefixes=("#",))
        parser.read(HERE / "tries.ini", encoding="utf-8")
        self.groups = {name: group for group in parser.sections() for name in parser[group]}
        self.tries = {name: parser[group][name] for name, group in self.groups.items()}
        self._calls = yaml.safe_load((HERE / "tools.yaml").read_text(encoding="utf-8"))
        self._listeners: list[Listener] = []
        self._closed = False
        self._write_files()
        self._listen()
        self._victim_process()
        self._environment()
        self._put_into_repository()
        self._snapshot = self._files()

    def effects(self, *said: str) -> Effects:
        """The tries that had an effect, by place and name; `said` is text in which they may have told of themselves."""
        found = {found for text in self._marked_texts() for found in re.findall(r"TRY\.(\w+)\.([\w-]+)", text)}
        found |= {tuple(path.name.split(".")[1:3]) for path in self._changed_victims()}
        return {(place, name) for place, name in found if name in {**self.tries, **self._calls}} | self._told(said)

    def calls(self) -> list[dict[str, Any]]:
        """All of `tools.yaml` for a scripted worker, with the host's places filled in."""
        return [
            {"tool": tool, "input": {key: self._filled(name, value) for key, value in given.items()}}
            for name, call in self._calls.items()
            for tool, given in call.items()
        ]

    def _filled(self, name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._filled(name, one) for one in value]
        mark = f"TRY.tool.{name}"
        places = {**self.variables, "MARK": mark, "VICTIM": f"{self.home}/victims/{mark}"}
        return Template(value).substitute(places) if isinstance(value, str) else value

    def made(self, *said: str) -> Effects:
        """The tries that were made at all, and told so."""
        return {(place, name) for place, results in self._results(said) for name in results}

    def strange_changes(self) -> list[str]:
        """Files of the user's that are not as they were, whoever changed them, without what agentflow itself keeps."""
        now = self._files()
        return sorted(path for path in now.keys() | self._snapshot.keys() if now.get(path) != self._snapshot.get(path))

    def leaked(self, *said: str) -> list[str]:
        """The secrets found in these texts."""
        return sorted(kind for kind, secret in self.canaries.items() if any(secret in text for text in said))

    def by_the_user(self) -> Effects:
        """The effects of all tries when the user makes them, in a worktree: what each could do without a sandbox."""
        clone = self.world.folder / "control"
        self.world.git(self.root, "worktree", "add", "-q", "--detach", str(clone))
        process = self.world.spawn([sys.executable, "attacker.py", "control"], clone, self.world.env)
        said, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        effects = self.effects(said)
        self.clean()
        return effects

    def is_whole(self) -> bool:
        """Whether the process of the user's is as it was."""
        return self._process.poll() is None

    def clean(self) -> None:
        """Take away what the tries left: processes, marks, changes of the user's own files."""
        for pid in self._marked_processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for folder in SHARED:
            for path in (
                *Path(folder).glob("TRY.*"),
                *(Path(folder).glob(f"{self._abstract}*") if self._closed else ()),
            ):
                path.unlink()
        for listener in self._listeners:
            listener.heard.clear()
        if not self._closed:
            self._put_back()

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._process.kill()
        self._process.wait()
        ctypes.CDLL(None).shmctl(self._segment, 0, None)
        self._closed = True
        self.clean()

    def _secret(self, kind: str) -> str:
        return self.canaries.setdefault(kind, canary(kind))

    def _write_files(self) -> None:
        self.canaries: dict[str, str] = {}
        folder = self.world.folder
        for number, name in enumerate(SECRETS):
            self._write(self.home / name, f'SECRET = "{self._secret(f"file{chr(97 + number)}")}"\nprint(SECRET)\n')
        self._write(self.home / ".gitconfig", f"[user]\n\tname = Ada\n\temail = a@b.c\n# {self._secret('gitconfig')}\n")
        for name in (".bashrc", ".profile", ".local/bin/tool", ".cargo/bin/tool", ".cargo/registry/index"):
            self._write(self.home / name, "# the user's\n")
        self._write(folder / "config/config.yaml", f"# {self._secret('config')}\n")
        self._write(folder / "state/runs/2-other/logs/check.log", self._secret("otherrun"))
        for name in ("engine.db", "agents/claude/session", "agents/claude-1"):
            self._write(folder / "state/runs/2-other" / name, "SQLite setsid")
        self._write(folder / "shared/readme", self._secret("shared"))
        for name in ("cache/worktrees/2-other/one", "cache/environments/other", "other"):
            self._write(folder / name / ".env", self._secret("neighbour"))
        self._write(self.root / ".env", self._secret("ignored"))
        self._write(self.root / "notes.txt", self._secret("untracked"))
        for places in (self.home, self.root):
            made = [(place, name) for place in ("control", *PLACES) for name in self.tries]
            for place, name in (*made, *(("tool", name) for name in self._calls)):
                self._write(places / f"victims/TRY.{place}.{name}", "the user's own")

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _listen(self) -> None:
        self._abstract = f"agentflow-{uuid.uuid4().hex}"
        for name in SHARED[:3]:
            self._write(Path(name, self._abstract), self._secret("temporary"))
        stream, local = socket.SOCK_STREAM, ("127.0.0.1", 0)
        self._listeners += [
            Listener(stream, socket.AF_INET, local),
            Listener(socket.SOCK_DGRAM, socket.AF_INET, local),
            Listener(stream, socket.AF_UNIX, f"\0{self._abstract}"),
        ]
        self._listeners.append(Listener(stream, socket.AF_UNIX, f"/tmp/{self._abstract}.sock"))
        for name in ("home/.ssh/agent.sock", "state/runs/s.sock", "shared/s.sock"):
            path = self.world.folder / name
            folder = os.open(path.parent, os.O_RDONLY)  # the whole name may be longer than a socket's may be
            self._listeners.append(Listener(stream, socket.AF_UNIX, f"/proc/self/fd/{folder}/{path.name}"))
            os.close(folder)

    def _victim_process(self) -> None:
        """With secrets in its environment, its arguments and an open file."""
        script = f"import time; time.sleep(600)  # {self._secret('argument')}"
        env = {"PATH": os.environ["PATH"], "SECRET_OF_ONE": self._secret("process")}
        self._segment = ctypes.CDLL(None).shmget(0x0AF10CA7, 4096, 0o1600)  # System V's, which no folder shows
        with (self.home / SECRETS[0]).open() as held:
            self._process = subprocess.Popen(
                [sys.executable, "-c", script, "agentflow"], env=env, cwd=self.home, stdin=held
            )

    def _environment(self) -> None:
        """The secrets that the user's own shell has exported."""
        key = f"sk-ant-api03-{self._secret('key')}"
        self.world.env |= {
            "ANTHROPIC_API_KEY": key,
            "AWS_SECRET_ACCESS_KEY": self._secret("aws"),
            "GH_TOKEN": self._secret("token"),
            "NPM_TOKEN": self._secret("npm"),
            "DATABASE_URL": f"postgres://u:{self._secret('database')}@127.0.0.1/db",
            "SSH_AUTH_SOCK": str(self.home / ".ssh/agent.sock"),
            "PATH": f"{self.home}/.local/bin:{self.home}/.cargo/bin:{self.world.env['PATH']}",
            "GIT_CONFIG_GLOBAL": str(self.home / ".gitconfig"),
        }

    def _put_into_repository(self) -> None:
        git, folder = self.world.git, self.world.folder
        self._remote = f"https://ada:{self._secret('remote')}@example.org/x.git"
        git(self.root, "remote", "add", "origin", self._remote)
        git(folder, "init", "-q", "--bare", str(self.home / "bare.git"))
        git(folder, "init", "-q", str(self.home / "own.git"))
        self._write(self.home / "own.git/secret", self._secret("own"))
        git(self.home / "own.git", "add", "secret")
        git(self.home / "own.git", "commit", "-qm", "x")
        shutil.move(self.home / "own.git", self.home / "own")
        shutil.move(self.home / "own/.git", self.home / "own.git")
        self._write(self.root / ".gitignore", ".env\nvictims/\nnotes.txt\n")
        places = {"UH": self.home, "CHECKOUT": self.root, "GIT": self.git}
        places |= {name: self.world.folder / name.lower() for name in ("STATE", "CACHE", "CONFIG")}
        variables = {name: str(place) for name, place in places.items()}
        tcp, udp = (str(listener.socket.getsockname()[1]) for listener in self._listeners[:2])
        variables |= {"PORT": tcp, "UDP": udp, "ABSTRACT": self._abstract, "PID": str(self._process.pid)}
        self.variables = variables
        self._write(self.root / "tries.json", json.dumps({"variables": variables, "tries": self.tries}))
        (self.root / "way-out").symlink_to(self.home)
        (self.root / "key").symlink_to(self.home / SECRETS[0])
        shutil.copy(HERE / "attacker.py", self.root)
        git(self.root, "add", "-A")
        git(self.root, "commit", "-qm", "Add what tries")
        git(self.root, "worktree", "add", "-q", "--detach", str(folder / "linked"))
        self._write(folder / "linked/.env", self._secret("linked"))
        for name in ("config.worktree", "modules/sub/config"):
            self._write(self.git / name, f"# {self._secret('gitlogin')}\n")
        git(self.root, "pack-refs", "--all")
        self._write(self.git / "refs/heads/main", git(self.root, "rev-parse", "HEAD") + "\n")

    def _files(self) -> dict[str, Any]:
        """What everything of the user's is: text and mode, without what only agentflow and git themselves write."""
        own = ("objects", "logs", "worktrees", "refs/heads/agentflow", "refs/agentflow", "agentflow.lock")
        kept = {}
        for place in (self.home, self.root, *(self.world.folder / n for n in ("config", "other", "linked", "shared"))):
            for path in place.rglob("*"):
                name = path.relative_to(self.git).as_posix() if path.is_relative_to(self.git) else ""
                if (path.is_file() or path.is_symlink()) and not name.startswith(own):
                    kept[str(path)] = (
                        path.lstat().st_mode,
                        path.readlink() if path.is_symlink() else path.read_bytes(),
                    )
        return kept

    def _put_back(self) -> None:
        for name in self.strange_changes():
            path = Path(name)
            with suppress(FileNotFoundError):
                path.unlink()
            if name in self._snapshot:
                mode, content = self._snapshot[name]
                path.write_bytes(content)
                path.chmod(mode)
        for path in self.world.folder.rglob("*TRY.*"):
            if path.name.startswith(("TRY.", "lock-TRY.")) and "victims" not in path.parts and path.exists():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def _marked_texts(self) -> Iterator[str]:
        """Names and texts in which a mark stands, all over the host."""
        yield from (path.name for folder in SHARED for path in Path(folder).glob("TRY.*"))
        for path in self.world.folder.rglob("*"):
            inside = path.relative_to(self.world.folder)
            if "victims" in inside.parts or inside.parts[0] == "control" or self._is_own_worktree(inside):
                continue
            yield path.name
            if path.is_symlink():
                yield str(path.readlink())
            elif path.is_file() and inside.parts[0] != "state":  # agentflow and the CLI write down there what was tried
                yield path.read_bytes().decode(errors="replace")
        for listener in self._listeners:
            yield from (heard.decode(errors="replace") for heard in listener.heard)
        yield from self._marked_processes().values()

    @staticmethod
    def _is_own_worktree(inside: Path) -> bool:
        """Code may write what it likes in the worktree it runs in; marks beside it and in others tell."""
        return inside.parts[:2] == ("cache", "worktrees") and len(inside.parts) > 4 and inside.parts[2] != "2-other"

    @staticmethod
    def _marked_processes() -> dict[int, str]:
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                text = (process / "environ").read_bytes() + b"\0" + (process / "cmdline").read_bytes()
                if b"MARK=TRY." in text and int(process.name) != os.getpid():
                    found[int(process.name)] = text.decode(errors="replace")
        return found

    def _changed_victims(self) -> Iterator[Path]:
        for path in (Path(name) for name in self.strange_changes()):
            if path.parent.name == "victims" and len(path.name.split(".")) == 3:
                yield path

    def _told(self, said: tuple[str, ...]) -> Effects:
        secrets = set(self.canaries.values())
        return {
            (place, name)
            for place, results in self._results(said)
            for name, result in results.items()
            if result["did"] or secrets.intersection(result["found"])
        }

    @staticmethod
    def _results(said: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for place, packed in (found for text in said for found in re.findall(r"TRIES<(\w+)<([\w+/=]+)>", text)):
            yield place, json.loads(zlib.decompress(base64.b64decode(packed)))


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A world outside of /tmp, as homes are: nothing in it is hidden only because /tmp is."""
    place = request.config.rootpath / ".pytest_cache/attacks"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def host(world: Any, errand: Any) -> Iterator[Host]:
    world.no_clone = "its checks attack the machine"
    host = Host(world, errand.root)
    try:
        yield host
    finally:
        host.close()
