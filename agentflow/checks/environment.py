"""What a check gets to see of the user's environment: an allow-list, so that no key or token can slip through."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from agentflow.checks.interpreter import with_shim
from agentflow.checks.virtualenvs import users_environment
from agentflow.config.nesting import INSIDE
from agentflow.config.own_path import users_path

_LOGIN = ("HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "NO_COLOR", "CI")
_TOOLCHAINS = (
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "PYENV_VERSION", "UV_CACHE_DIR", "UV_PYTHON_INSTALL_DIR",
    "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "GOPATH", "GOROOT", "GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY",
    "JAVA_HOME", "GRADLE_USER_HOME", "MAVEN_HOME", "SDKMAN_DIR", "NVM_DIR", "NVM_BIN", "NODE_PATH", "PNPM_HOME",
    "VOLTA_HOME", "FNM_DIR", "RBENV_ROOT", "GEM_HOME", "ASDF_DIR", "ASDF_DATA_DIR", "MISE_DATA_DIR",
    "CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
)  # fmt: skip
_NETWORK = (
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CERT", "PIP_TRUSTED_HOST",
    "PIP_CACHE_DIR", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_EXTRA_INDEX_URL",
    "NPM_CONFIG_REGISTRY", "npm_config_registry",
)  # fmt: skip
_ALLOWED = frozenset((*_LOGIN, *_TOOLCHAINS, *_NETWORK))
_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")


def check_environment(
    worktree: Path,
    checkout: Path,
    *,
    own: Path | None = None,
    passed: Collection[str] = (),
    sources: Sequence[Path] = (),
    command: str = "",
    tracked: Collection[Path] = (),
) -> dict[str, str]:
    """The environment of a check that runs in `worktree`, a copy of the user's `checkout`.

    `command`: the check's; a project in a folder of a monorepo, which it changes to, may have a virtualenv of its own.

    `own`: the virtualenv that set-up made for the worktree; without one the user's is activated: the checkout's `.venv`
    or `venv`, what poetry, pipenv or conda keep for it, or whichever is active. Never one of those in `tracked`, which
    the repository brings. `passed`: names that the user lets through (`check_env`). Logins inside URLs (a package
    index, a proxy) are cut out of all others.

    A virtualenv often holds an editable install of the *checkout*: the shim maps it, and the trees in `sources`, which
    set-up was run in, onto the worktree. Without it the checks would test the user's untouched files and pass whatever
    the agent did. PYTHONPATH names the worktree's own `src` and root too, for what is not installed at all.
    """
    allowed = {name: _URL_LOGIN.sub("", value) for name, value in os.environ.items() if _is_allowed(name)}
    path = filter(_is_placed, users_path().split(os.pathsep))
    allowed["PATH"] = os.pathsep.join(entry for entry in path if not {Path(entry).parent}.intersection(tracked))
    let_through = {name: os.environ[name] for name in passed if name in os.environ}
    users = users_environment(checkout, allowed, _folder_of(command), tracked)
    environment = {**_activated(allowed, users, own), **let_through, **_fixed(worktree)}
    return with_shim(environment, worktree, [checkout, *sources])


def session_environment(environment: Mapping[str, str], passed: Collection[str] = ()) -> dict[str, str]:
    """What of a check's environment a worker's session is given, so that its commands find what the checks find.

    Only what leads to programs, packages and caches: what is the session's own (home, network, login) stays so, and
    what the user lets through to checks alone stays with them.
    """
    kept_away = {*_LOGIN, *_NETWORK, *INSIDE, *passed} - {"PATH"}
    return {name: value for name, value in environment.items() if name not in kept_away and not name.startswith("XDG_")}


def setup_environment(environment: Mapping[str, str], own: Path | None) -> dict[str, str]:
    """A check's environment made fit for set-up: whatever installs Python packages installs them into `own`.

    Without such a virtualenv pip refuses to install: it would write to the user's.
    """
    if own is None:
        return {**environment, "PIP_REQUIRE_VIRTUALENV": "1"}
    return {
        **environment,
        "UV_PROJECT_ENVIRONMENT": str(own),
        "UV_LINK_MODE": "copy",  # with hard links, what a check does to a file would be done to uv's cache as well
        "UV_COMPILE_BYTECODE": "1",
        "UV_NO_SYNC": "0",
        "POETRY_VIRTUALENVS_CREATE": "false",
        "PDM_IGNORE_SAVED_PYTHON": "1",
        "PIP_USER": "0",
    }


def build_folders(command: str, worktrees: Path) -> dict[str, str]:
    """Build output that the checks of one run share, beside its `worktrees`; the folders are there afterwards.

    Only for a plain `cargo` line: scripts may look for what they have built below the worktree.
    """
    if not re.match(r"\s*cargo\s", command):
        return {}
    folder = worktrees / "cargo-target"
    folder.mkdir(parents=True, exist_ok=True)
    return {"CARGO_TARGET_DIR": str(folder)}


def _is_placed(entry: str) -> bool:
    """A folder relative to the worktree is what a model may write in, but for those that package managers fill."""
    return Path(entry).is_absolute() or Path(entry).parts[-2:] in {("node_modules", ".bin"), ("vendor", "bin")}


def _is_allowed(name: str) -> bool:
    return name in _ALLOWED or name.startswith("LC_")


def _fixed(worktree: Path) -> dict[str, str]:
    sources = [folder for folder in (worktree / "src", worktree) if folder.is_dir()]
    return {
        "PYTHONPATH": os.pathsep.join(map(str, sources)),
        "PYTHONDONTWRITEBYTECODE": "1",
        **INSIDE,
    }


def _folder_of(command: str) -> str:
    """The folder inside the repository that a check changes to before anything else."""
    found = re.match(r"\s*cd (\w[\w./@-]*) && ", command)
    return found[1] if found and ".." not in found[1] else ""


def _activated(allowed: Mapping[str, str], users: Path | None, own: Path | None) -> dict[str, str]:
    """With the virtualenv first on PATH; the user's comes second where there is one of our own."""
    chosen = own or users
    dropped = {"VIRTUAL_ENV", "CONDA_PREFIX"} if chosen else {"VIRTUAL_ENV"}
    kept = {name: value for name, value in allowed.items() if name not in dropped}
    if chosen is None:
        return kept
    bins = [str(folder / "bin") for folder in (own, users) if folder is not None]
    rest = [entry for entry in allowed.get("PATH", os.defpath).split(os.pathsep) if entry and entry not in bins]
    named = "VIRTUAL_ENV" if own or str(users) != allowed.get("CONDA_PREFIX") else "CONDA_PREFIX"
    sync = {"UV_PROJECT_ENVIRONMENT": str(own), "UV_NO_SYNC": "1"} if own else {}
    return {**kept, named: str(chosen), "PATH": os.pathsep.join([*bins, *rest]), **sync}
