"""The user's checkout and the worktree that stands for it: paths mapped from one to the other, and who is left there.

An installation "in place" of the checkout makes its folders importable, by an entry in a `.pth` file or by a finder
of the build tool's. Seen from the worktree they are the wrong folders: the tests would judge the user's own files.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

TYPE_CHECKING = False  # typing's own would cost every interpreter some milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

_NOT_SOURCE = frozenset(("site-packages", "dist-packages", "__pypackages__", ".eggs"))
_SHIM = os.path.dirname(os.path.abspath(__file__))


class Roots:
    """Source roots (the user's checkout, a set-up's own source tree) and the worktree. Symlinks are seen through."""

    def __init__(self, worktree: str, roots: Sequence[str]) -> None:
        self.worktree = os.path.abspath(worktree)
        real = os.path.realpath(worktree)
        others = [root for root in roots if root and os.path.realpath(root) != real]
        self._roots = [path for root in others for path in (os.path.abspath(root), os.path.realpath(root))]
        self._ours = (self.worktree, real, _SHIM)
        self._folders: dict[str, bool] = {}
        self._real: dict[str, str] = {}

    def below(self, path: str) -> str | None:
        """The path relative to the source root it lies in; None in the worktree, an environment or anywhere else."""
        if any(_within(path, folder) for folder in self._ours):
            return None
        for root in self._roots:
            if _within(path, root):
                return None if self._is_foreign(path, root) else path[len(root) :].strip(os.sep)
        return None

    def replaced(self, path: str) -> list[str]:
        """What stands in the worktree for a path in a source root; the path itself where nothing does."""
        if not os.path.isabs(path):
            return [path]
        inside = self.below(os.path.normpath(path))
        if inside is None:
            inside = self.below(os.path.realpath(path))
        if inside is None:
            return [path]
        counterpart = os.path.join(self.worktree, inside).rstrip(os.sep)
        if os.path.exists(counterpart) or os.path.exists(counterpart + ".py"):
            return [counterpart]
        return list(dict.fromkeys(self._behind_links(path))) or [path]

    def _behind_links(self, tree: str) -> Iterator[str]:
        """A strict editable install is a tree of links to the files of a source folder."""
        for folder, _, names in os.walk(tree):
            for name in names:
                link = os.path.join(folder, name)
                target, tail = os.path.realpath(link), os.sep + os.path.relpath(link, tree)
                if os.path.islink(link) and target.endswith(tail):
                    inside = self.below(target[: -len(tail)])
                    if inside is not None and os.path.isdir(os.path.join(self.worktree, inside)):
                        yield os.path.join(self.worktree, inside).rstrip(os.sep)

    def _is_foreign(self, path: str, root: str) -> bool:
        """Whether it is an environment's, or of another repository that lies in this one."""
        prefixes = (sys.prefix, sys.exec_prefix, sys.base_prefix)
        if any(_within(path, prefix) for prefix in prefixes if prefix != root and _within(prefix, root)):
            return True
        folder = root
        for part in filter(None, path[len(root) :].split(os.sep)):
            folder = os.path.join(folder, part)
            if folder not in self._folders:
                found = os.path.isfile(os.path.join(folder, "pyvenv.cfg")) or os.path.isdir(
                    os.path.join(folder, ".git")
                )
                self._folders[folder] = part in _NOT_SOURCE or found
            if self._folders[folder]:
                return True
        return False

    def loaded(self) -> list[str]:
        """Names of the modules in this interpreter whose file lies in a source root."""
        return sorted(name for name, module in list(sys.modules.items()) if self._is_left(module))

    def _is_left(self, module: Any) -> bool:
        try:
            path = getattr(module, "__file__", None)
        except Exception:  # noqa: BLE001  a lazy module may do anything
            return False
        if not isinstance(path, str) or not os.path.isabs(path):
            return False
        folder, name = os.path.split(path)
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        real = os.path.join(self._real[folder], name)
        if os.path.islink(real):
            real = os.path.realpath(real)
        return self.below(real) is not None or self.below(path) is not None

    def write_loaded(self, report: str) -> None:
        """Leave their names in the report's folder, if there are any."""
        names = self.loaded()
        if names:
            try:
                path = os.path.join(report, f"loaded-{os.getpid()}")
                with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
                    file.write("\n".join(names))
            except OSError:  # the folder is gone: this process outlived its check
                pass


def remap(roots: Roots) -> None:
    """Have everything importable from a source root imported from the worktree instead."""
    path: list[str] = []
    for entry in sys.path:
        path += [*_linked(roots, entry), *roots.replaced(entry)]
    sys.path[:] = dict.fromkeys(path)
    for module in list(sys.modules.values()):
        _map(roots, getattr(module, "__path__", None))
    for finder in list(sys.meta_path):
        _map_finder(roots, finder)


def _linked(roots: Roots, entry: str) -> Iterator[str]:
    """Folders whose modules are linked into an environment (`flit install --symlink`)."""
    if os.path.basename(entry) not in _NOT_SOURCE or not os.path.isdir(entry):
        return
    with os.scandir(entry) as entries:
        links = [link.path for link in entries if link.is_symlink()]
    for link in links:
        folder, name = os.path.split(os.path.realpath(link))
        if name == os.path.basename(link) and roots.below(folder) is not None:
            yield from roots.replaced(folder)


def _map_finder(roots: Roots, finder: Any) -> None:
    """Build tools' finders keep their paths in attributes and globals: setuptools, scikit-build-core, `editables`."""
    kind = finder if isinstance(finder, type) else type(finder)
    if "editable" not in kind.__module__:
        return
    module = sys.modules.get(kind.__module__)
    for holder in (finder, kind, module if isinstance(module, ModuleType) else None):
        for name, value in list(vars(holder).items()) if hasattr(holder, "__dict__") else ():
            if not name.startswith("__"):
                _map(roots, value)
    rebuild = getattr(finder, "_rebuild", None)
    if callable(rebuild):  # meson-python's: its tree of files is made when first asked for
        finder._rebuild = lambda: _map(roots, rebuild())  # noqa: SLF001


def _map(roots: Roots, value: Any) -> Any:
    """Replace paths inside containers, in place; a lone path is given back replaced."""
    if isinstance(value, str):
        return roots.replaced(value)[0] if os.path.isabs(value) else value
    if isinstance(value, dict):
        for key, inner in list(value.items()):
            mapped = _map(roots, inner)
            if mapped is not inner:
                value[key] = mapped
    elif type(value) is list:
        value[:] = [_map(roots, inner) for inner in value]
    elif type(value) is set:
        mapped = {_map(roots, inner) for inner in value if isinstance(inner, str)}
        if len(mapped) == len(value):
            value.clear()
            value.update(mapped)
    return value


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
