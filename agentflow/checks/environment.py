"""What a check gets to see of the user's environment: an allow-list, so that no key or token can slip through."""

from __future__ import annotations

import os
import re
from pathlib import Path

from agentflow.checks.interpreter import with_shim
from agentflow.config.nesting import INSIDE

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


def check_environment(worktree: Path, checkout: Path) -> dict[str, str]:
    """The environment of a check that runs in `worktree`, a copy of the user's `checkout`.

    Logins inside URLs (a package index, a proxy) are cut out. When no virtualenv is active and the checkout has one
    (`.venv` or `venv`), it is activated.

    PYTHONPATH names the worktree's own `src` and root: a virtualenv often holds an editable install of the *checkout*,
    whose path entry or import hook comes after PYTHONPATH. Without it the checks would test the user's untouched
    files and pass whatever the agent did.
    """
    allowed = {name: _URL_LOGIN.sub("", value) for name, value in os.environ.items() if _is_allowed(name)}
    return with_shim({**allowed, **_virtualenv(allowed, checkout), **_fixed(worktree)}, worktree, [checkout])


def _is_allowed(name: str) -> bool:
    return name in _ALLOWED or name.startswith("LC_")


def _fixed(worktree: Path) -> dict[str, str]:
    sources = [folder for folder in (worktree / "src", worktree) if folder.is_dir()]
    return {
        "PYTHONPATH": os.pathsep.join(map(str, sources)),
        "PYTHONDONTWRITEBYTECODE": "1",
        **INSIDE,
    }


def _virtualenv(allowed: dict[str, str], checkout: Path) -> dict[str, str]:
    folder = virtualenv_of(checkout)
    if folder is None or "VIRTUAL_ENV" in allowed:
        return {}
    path = os.pathsep.join(filter(None, (str(folder / "bin"), allowed.get("PATH", os.defpath))))
    return {"VIRTUAL_ENV": str(folder), "PATH": path}


def virtualenv_of(checkout: Path) -> Path | None:
    """The virtualenv kept inside a checkout, if there is one."""
    folders = (checkout / name for name in (".venv", "venv"))
    return next((folder for folder in folders if (folder / "bin" / "python").exists()), None)
