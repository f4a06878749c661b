"""Node projects: the package manager that the lock file belongs to, by way of corepack or npx where it is missing."""

from __future__ import annotations

from agentflow.checks.setups.folder import Folder, Installed, Step

_DEPENDENCIES = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "workspaces")
_LOCKS = {
    "pnpm": ("pnpm-lock.yaml",),
    "yarn": ("yarn.lock",),
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
    "bun": ("bun.lock", "bun.lockb"),
}
LOCK_FILES = tuple(name for names in _LOCKS.values() for name in names)


def node_step(folder: Folder, installed: Installed) -> Step | None:
    """What installs a folder's packages; None where its `package.json` needs none."""
    if not folder.has("package.json") or not (folder.has(*LOCK_FILES) or any(map(folder.package.get, _DEPENDENCIES))):
        return None
    manager = _manager(folder)
    lock = folder.has(*_LOCKS[manager])
    return Step("node", f"{_started(manager, installed)} {_words(manager, folder, lock)}", lock or "package.json")


def _manager(folder: Folder) -> str:
    named = str(folder.package.get("packageManager", "")).partition("@")[0]
    if named in _LOCKS:
        return named
    return next((manager for manager, locks in _LOCKS.items() if folder.has(*locks)), "npm")


def _started(manager: str, installed: Installed) -> str:
    if installed(manager) or manager == "npm":
        return manager
    if manager != "bun" and installed("corepack"):
        return f"corepack {manager}"
    return f"npx --yes {manager}"


def _words(manager: str, folder: Folder, lock: str | None) -> str:
    if manager == "npm":
        return "ci" if lock else "install --no-package-lock"
    if not lock:
        return "install"
    if manager == "yarn" and _is_berry(folder):
        return "install --immutable"
    return "install --frozen-lockfile"


def _is_berry(folder: Folder) -> bool:
    """Yarn 2 and later."""
    named = str(folder.package.get("packageManager", ""))
    is_new = named.startswith("yarn@") and not named.startswith("yarn@1.")
    return is_new or bool(folder.has(".yarnrc.yml")) or "__metadata:" in folder.text("yarn.lock")[:2_000]
