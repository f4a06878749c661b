"""What an interpreter of a check does before it does anything else; nothing where no variable asks for it."""

from __future__ import annotations

import atexit
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

TYPE_CHECKING = False  # typing's own would cost every interpreter some milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SHIM = os.path.dirname(os.path.abspath(__file__))


def start() -> None:
    """Put the worktree in the place of the user's checkout, and have test runners leave their sealed report."""
    worktree, roots = os.environ.get("AGENTFLOW_CHECK_WORKTREE"), os.environ.get("AGENTFLOW_CHECK_ROOTS")
    report = os.environ.get("AGENTFLOW_CHECK_REPORT")
    if not worktree:
        return
    _leave_installed(worktree)
    guard = load("agentflow_roots").Roots(worktree, (roots or "").split(os.pathsep))
    load("agentflow_roots").remap(guard)
    if report:
        atexit.register(guard.write_loaded, report)
        after_import("_pytest.config", lambda module: _watch_pytest(module, guard, report))
        after_import("unittest.runner", lambda module: _load_runner("agentflow_unittest").attach(module, guard, report))


def _leave_installed(worktree: str) -> None:
    """Have no source folder hide what tox or nox has installed from it, built modules and all."""
    if not {"TOX_ENV_NAME", "NOX_CURRENT_SESSION"}.intersection(os.environ):
        return
    sources = {worktree, os.path.join(worktree, "src")}
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in named if path not in sources)
    sys.path[:] = [path for path in sys.path if path not in sources.intersection(named)]


def load(name: str) -> Any:
    """A module of this folder, whatever else has its name: the repository's own folder comes first on the path."""
    if name not in sys.modules:
        sys.modules[name] = _module(name, [SHIM])
    return sys.modules[name]


def _module(name: str, path: list[str]) -> ModuleType:
    """Raises ImportError where it is not in these folders."""
    spec = PathFinder.find_spec(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = ModuleType(name)
    module.__spec__, module.__file__, module.__loader__ = spec, spec.origin, spec.loader
    previous = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if previous is not None:
            sys.modules[name] = previous
        raise
    return module


def _load_runner(name: str) -> Any:
    load("agentflow_seal")
    return load(name)


def _watch_pytest(module: Any, guard: Any, report: str) -> None:
    """Its plugin needs a pytest that is wholly there, so it is loaded when the first configuration is made."""
    if not hasattr(module, "get_config"):
        return
    make = module.get_config

    def get_config(*args: Any, **kwargs: Any) -> Any:
        config = make(*args, **kwargs)
        _load_runner("agentflow_pytest").register(config, guard, report)
        return config

    module.get_config = get_config


def run_next_sitecustomize() -> None:
    """The sitecustomize that this one hides, if there is one."""
    path = [entry for entry in sys.path if os.path.abspath(entry) != SHIM]
    if PathFinder.find_spec("sitecustomize", path) is not None:
        _module("sitecustomize", path)


class _AfterImport:
    """A finder that finds nothing itself, but sees to it that something is done once a module has been loaded."""

    def __init__(self) -> None:
        self.actions: dict[str, Callable[[ModuleType], None]] = {}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        action = self.actions.pop(name, None)
        if action is None:
            return None
        others = (finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        found = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if found is not None and found.loader is not None:
            load = found.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                action(module)

            found.loader.exec_module = exec_module  # type: ignore[method-assign]
        return found


_after_import = _AfterImport()


def after_import(name: str, action: Callable[[ModuleType], None]) -> None:
    """Call `action` with the module of that name as soon as it is loaded, at once if it is already."""
    if name in sys.modules:
        action(sys.modules[name])
        return
    _after_import.actions[name] = action
    if _after_import not in sys.meta_path:
        sys.meta_path.insert(0, _after_import)
