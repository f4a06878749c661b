"""How the CLI is started: which binary, with which environment, and so that it dies with its parent."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from agentflow.config.machine import make_folder, write_private
from agentflow.config.nesting import INSIDE
from agentflow.config.paths import bubblewrap, user_home
from agentflow.domain.tiers import Tier
from agentflow.errors import EnvironmentError_
from agentflow.models.login import HANDOVER, Login
from agentflow.models.proxy_login import PROXY_HANDOVER
from agentflow.models.session import Endpoint, SessionRequest

#: Inherited variables that the CLI and a worker's commands keep; every other one (keys, tokens, sessions) is removed.
_KEPT = frozenset(
    {
        *("PATH", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "TZ", "TMPDIR", "PWD", "VIRTUAL_ENV"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("JAVA_HOME", "GOROOT", "GOFLAGS", "CONDA_PREFIX", "NVM_BIN", "MAKEFLAGS", "CI", "COLORTERM", "NO_COLOR"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "XDG_RUNTIME_DIR"),
    }
)
#: Toolchain homes below the user's home: they keep pointing there, since HOME itself is private.
_TOOLCHAIN_HOMES = {
    "PYENV_ROOT": ".pyenv",
    "CARGO_HOME": ".cargo",
    "RUSTUP_HOME": ".rustup",
    "GOPATH": "go",
    "NVM_DIR": ".nvm",
    "RBENV_ROOT": ".rbenv",
    "VOLTA_HOME": ".volta",
    "ASDF_DATA_DIR": ".asdf",
    "MISE_DATA_DIR": ".local/share/mise",
    "SDKMAN_DIR": ".sdkman",
    "BUN_INSTALL": ".bun",
    "PYTHONUSERBASE": ".local",
}
#: What the SDK itself adds to the child's environment.
_SDK_VARIABLES = {"CLAUDE_CODE_ENTRYPOINT": "sdk-py", "CLAUDE_CODE_SDK_READS_SESSION_STATE": "1"}

_SCRIPT = """#!/bin/sh
exec 3<<END
${handover}
END
exec 4<<END
${proxy}
END
exec env {unset}{guarded}{cli} "$@"
"""
#: A session of its own that dies with the process that started it, and a watcher in it: `$0` is the watcher's script.
_GUARDED = (
    "setsid setpriv --pdeathsig TERM -- /bin/sh -c "
    '\'setpriv --pdeathsig TERM -- /bin/sh -c "$0" watch $$ 3<&- 4<&- </dev/null >/dev/null 2>&1 & exec "$@"\' {watch} '
)
#: Waits until the CLI, its parent, has died, however that came about, and then kills what it left in its process group:
#: the sandbox's network helpers go on for ever when the CLI is killed before it can end them.
_WATCH = "trap 'kill -KILL 0' TERM; [ $PPID = $1 ] || kill -KILL 0; sleep 2147483647 & wait"

#: The system's bubblewrap with what the CLI leaves out: its fresh /proc lets root change the kernel's settings, and it
#: shares System V memory. The options come after that /proc, since each mount covers those before it.
_BUBBLEWRAP = """#!/bin/sh
for word; do
    shift
    set -- "$@" "$word"
    [ "$last $word" != "--proc /proc" ] || set -- "$@" --unshare-ipc --ro-bind /proc/sys /proc/sys
    last=$word
done
exec {bubblewrap} "$@"
"""


def cli_environment(
    request: SessionRequest, endpoint: Endpoint, login: Login, inherited: Mapping[str, str]
) -> dict[str, str]:
    """The variables a session sets, over what it inherits; what only its commands get is in the `commands_file`."""
    home = real_home(inherited)
    base_url = endpoint.base_url or inherited.get("ANTHROPIC_BASE_URL")
    return {
        **_SDK_VARIABLES,
        **INSIDE,
        **_toolchains(home, inherited),
        **_home(request.private_dir, home, login, inherited),
        **login.environment(),
        **({"ANTHROPIC_BASE_URL": base_url} if base_url else {}),
        "ANTHROPIC_CUSTOM_HEADERS": "\n".join(f"{name}: {value}" for name, value in request.label.headers().items()),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
        "CLAUDE_CODE_MAX_RETRIES": "2",
        "CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS": "120000",
        "API_TIMEOUT_MS": "120000",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
        **(_local_model(request.model) if request.label.tier is Tier.LOCAL else {}),
    }


def commands_file(request: SessionRequest) -> Path:
    """A script that sets `request.env`; the CLI puts its text before each command of the worker's. It is written here.

    The CLI itself gets nothing of it: PATH may lead to programs of the repository's or of an agent's making, and
    what the CLI starts itself is in no sandbox.
    """
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(request.env.items()))
    return _kept(request.private_dir / f"env-{hashlib.sha256(text.encode()).hexdigest()[:12]}.sh", text, 0o600)


def dropped_variables(inherited: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """Inherited names that the child must not see at all: everything not kept and not set anew."""
    return sorted(
        name
        for name in inherited
        if name not in _KEPT and name not in environment and not name.startswith("LC_") and "=" not in name
    )


def launcher(cli: Path, dropped: Iterable[str], private_dir: Path) -> Path:
    """A script to start instead of `cli`: same pid, without the dropped variables, the login handed over as fd 3.

    A proxy's login is handed over as fd 4.

    On Linux the CLI gets a session of its own (the terminal's Ctrl-C does not reach it), dies with its parent, and
    takes its helpers with it. The file is named by its content, so that parallel sessions of a run share it.
    """
    guarded = _GUARDED.format(watch=shlex.quote(_WATCH)) if _can_die_with_parent() else ""
    unset = "".join(f"-u {shlex.quote(name)} " for name in (HANDOVER, PROXY_HANDOVER, *dropped))
    script = _SCRIPT.format(
        handover=HANDOVER, proxy=PROXY_HANDOVER, unset=unset, guarded=guarded, cli=shlex.quote(str(cli))
    )
    return _kept(private_dir / f"claude-{hashlib.sha256(script.encode()).hexdigest()[:12]}", script, 0o700)


def tightened_path(private_dir: Path, path: str) -> str:
    """The PATH on which the CLI finds agentflow's `bwrap` before all others; the path itself where there is none."""
    if not (system := bubblewrap()):
        return path
    script = _BUBBLEWRAP.format(bubblewrap=shlex.quote(system))
    folder = make_folder(private_dir / f"sandbox-{hashlib.sha256(script.encode()).hexdigest()[:12]}")
    return os.pathsep.join((str(_kept(folder / "bwrap", script, 0o700).parent), path))


def bundled_cli() -> Path:
    """The CLI that comes with the SDK, or the one on PATH. Raises EnvironmentError_ when there is neither."""
    import claude_agent_sdk

    bundled = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
    found = bundled if bundled.is_file() else shutil.which("claude")
    if not found:
        raise EnvironmentError_("Claude Code is not installed", hint="pip install --force-reinstall claude-agent-sdk")
    return Path(found)


def _kept(path: Path, text: str, mode: int) -> Path:
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}")
        write_private(draft, text)
        draft.chmod(mode)
        draft.replace(path)
    return path


def real_home(inherited: Mapping[str, str]) -> Path:
    """The user's own home."""
    return Path(inherited.get("HOME") or user_home())


def _home(private_dir: Path, home: Path, login: Login, inherited: Mapping[str, str]) -> dict[str, str]:
    """A private home and config folder, unless the login lives in the user's own."""
    if not login.allows_private_home:
        chosen = inherited.get("CLAUDE_CONFIG_DIR")
        return {"HOME": str(home), **({"CLAUDE_CONFIG_DIR": chosen} if chosen else {})}
    return {"HOME": str(private_dir / "home"), "CLAUDE_CONFIG_DIR": str(private_dir / "claude")}


def _toolchains(home: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    below_home = {name: str(home / folder) for name, folder in _TOOLCHAIN_HOMES.items() if (home / folder).is_dir()}
    return below_home | {name: inherited[name] for name in _TOOLCHAIN_HOMES if inherited.get(name)}


def _local_model(model: str) -> dict[str, str]:
    """Settings for servers that speak the Messages API but know nothing of Claude: plain requests, a small window."""
    return {
        "ANTHROPIC_MODEL": model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
        "ANTHROPIC_DEFAULT_SONNET_MODEL": model,
        "ANTHROPIC_DEFAULT_OPUS_MODEL": model,
        "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS": "1",
        "CLAUDE_CODE_DISABLE_THINKING": "1",
        "CLAUDE_CODE_EFFORT_LEVEL": "unset",
        "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
        "DISABLE_PROMPT_CACHING": "1",
        "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "32000",
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "4096",
        "CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS": "600000",
        "API_TIMEOUT_MS": "600000",
    }


def _can_die_with_parent() -> bool:
    return sys.platform == "linux" and bool(shutil.which("setsid") and shutil.which("setpriv"))
