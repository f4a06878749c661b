"""What `agentflow init` brings into a repository, and how it goes away again.

The plugin's slash commands and hooks are written to where Claude Code looks for a project's own. What stood there
before is remembered, per user, so that an uninstallation gives back the very bytes. Where nothing is remembered (the
files came with a clone), the hooks are taken out one by one.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import json
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from agentflow.claude_code import changes
from agentflow.claude_code.changes import Change
from agentflow.claude_code.settings_text import with_hooks, without_hooks
from agentflow.claude_code.shipped import HOOK, SETTINGS, commands, hooks
from agentflow.config.machine import make_folder, write_private
from agentflow.config.paths import state_dir
from agentflow.errors import EnvironmentError_, UsageError

CONFIG = ".agentflow/config.yaml"
AGENTS = ".agentflow/agents/.gitkeep"


@dataclass(frozen=True, slots=True)
class Removal:
    """What goes, and files that stay because somebody has changed them."""

    changes: tuple[Change, ...]
    kept: tuple[str, ...]


def installation(root: Path) -> list[Change]:
    """What is missing in this repository, or is of another version. A config that is there stays as it is.

    Raises UsageError for settings that cannot be read, EnvironmentError_ for files that cannot.
    """
    return [*_own_files(root), *claude_files(root)]


def claude_files(root: Path) -> list[Change]:
    """The part that Claude Code reads: slash commands, and the hooks in the settings."""
    wanted = [Change(path, changes.read(root, path), content) for path, content in commands().items()]
    before = changes.read(root, SETTINGS)
    mark, text = _text(before)
    wanted.append(Change(SETTINGS, before, mark + with_hooks(text, hooks(), SETTINGS).encode()))
    return [change for change in wanted if change.before != change.after]


def removal(root: Path) -> Removal:
    """What an uninstallation does. Raises UsageError and EnvironmentError_ as `installation`."""
    remembered = {change.path: change for change in recall(root)}
    shipped = {CONFIG: example_config(), AGENTS: b"", **commands()}
    gone, kept = list[Change](), list[str]()
    for path, content in shipped.items():
        now = changes.read(root, path)
        if (old := remembered.get(path)) and now == old.after:
            gone.append(Change(path, now, old.before))
        elif now == content:
            gone.append(Change(path, now, None))
        elif now is not None:
            kept.append(path)
    gone += _settings_without_hooks(root, remembered.get(SETTINGS))
    return Removal(tuple(change for change in gone if change.before != change.after), tuple(kept))


def remember(root: Path, made: Sequence[Change]) -> None:
    """Keep what was there before. Of a file that agentflow wrote before, that is what stood there first."""
    old = {change.path: change for change in recall(root)}
    first = {change.path: _first(old.get(change.path), change) for change in made}
    entries = {path: [_encoded(change.before), _encoded(change.after)] for path, change in {**old, **first}.items()}
    path = _memory(root)
    try:
        make_folder(path.parent)
        write_private(path, json.dumps({"root": str(root), "files": entries}))
    except OSError as error:
        raise EnvironmentError_(f"cannot write {path}: {error.strerror}") from error


def recall(root: Path) -> list[Change]:
    """What was remembered; nothing when that cannot be read."""
    try:
        entries: Mapping[str, list[str | None]] = json.loads(_memory(root).read_bytes())["files"]
        return [Change(path, _decoded(before), _decoded(after)) for path, (before, after) in entries.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def forget(root: Path) -> None:
    _memory(root).unlink(missing_ok=True)


def why_silent() -> str | None:
    """Why Claude Code, which starts hooks with sh from PATH, could not start ours; None when it can."""
    try:
        tried = subprocess.run(
            ["/bin/sh", "-c", f"{HOOK} Check"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if tried.returncode == 0:
        return None
    if shutil.which(HOOK) is None:
        return f"{HOOK} is not on PATH; it is in {sysconfig.get_path('scripts')}"
    said = tried.stderr.decode("utf-8", "replace").strip().splitlines()
    return said[-1] if said else f"{HOOK} ends with exit status {tried.returncode}"


def example_config() -> bytes:
    """A config file that sets nothing and shows what can be set."""
    return (files("agentflow.claude_code") / "example_config.yaml").read_bytes()


def _own_files(root: Path) -> Iterator[Change]:
    if changes.read(root, CONFIG) is None:
        yield Change(CONFIG, None, example_config())
    if not (root / AGENTS).parent.exists():
        yield Change(AGENTS, None, b"")


def _settings_without_hooks(root: Path, old: Change | None) -> list[Change]:
    before = changes.read(root, SETTINGS)
    if before is None:
        return []
    if old is not None and before == old.after:
        return [Change(SETTINGS, before, old.before)]
    mark, text = _text(before)
    left = without_hooks(text or "", SETTINGS) if text and text.strip() else text or ""
    nothing_left = left != text and left.split() in (["{}"], ["{", "}"])
    return [Change(SETTINGS, before, None if nothing_left else mark + left.encode())]


def _text(content: bytes | None) -> tuple[bytes, str | None]:
    """A byte order mark, if there is one, and the text after it."""
    if content is None:
        return b"", None
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    try:
        return mark, content[len(mark) :].decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UsageError(f"{SETTINGS}:{line}: not UTF-8", hint="save it as UTF-8, then try again") from None


def _first(old: Change | None, change: Change) -> Change:
    return Change(change.path, old.before, change.after) if old and old.after == change.before else change


def _memory(root: Path) -> Path:
    name = hashlib.sha1(str(root.resolve()).encode(), usedforsecurity=False).hexdigest()
    return state_dir() / "hooks" / "installed" / f"{name}.json"


def _encoded(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
