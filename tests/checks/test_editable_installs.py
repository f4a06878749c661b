"""One repository whose packages are installed in place by every build tool there is; its checks must judge the worktree."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agentflow.checks.environment import check_environment
from agentflow.checks.run import run_check
from agentflow.domain.evidence import Check, CheckResult

SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
PROJECT = '[project]\nname = "{name}"\nversion = "1"\n'


@dataclass(frozen=True)
class Shape:
    """A package `name` in `packages/<name>`, and how it is installed from there."""

    name: str
    backend: str
    project: str
    source: str
    settings: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def write(self, root: Path) -> None:
        folder = root / "packages" / self.name
        files = {"pyproject.toml": PROJECT.format(name=self.name) + self.project, **self.files}
        for name, text in {**files, self.source: "value = 'checkout'\n"}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        (root / "tests" / f"test_{self.name}.py").write_text(
            f"def test_value():\n    from {self.module} import value\n    assert value == 'worktree'\n"
        )

    @property
    def module(self) -> str:
        parts = self.source.removesuffix(".py").removesuffix("/__init__").split("/")
        return ".".join(parts[parts.index("lib") + 1 :] if "lib" in parts else parts)


def setuptools(name: str, config: str, source: str = "", **settings: str) -> Shape:
    where = source or f"lib/{name}/__init__.py"
    return Shape(name, "setuptools.build_meta", f"{SETUPTOOLS}[tool.setuptools]\n{config}", where, settings)


SHAPES = (
    setuptools("lax_src", 'packages.find.where = ["lib"]'),
    setuptools("lax_flat", 'packages = ["lax_flat"]', "lax_flat/__init__.py"),
    setuptools("lax_module", 'py-modules = ["lax_module"]', "lax_module.py"),
    setuptools("lax_renamed", 'packages = ["lax_renamed"]\npackage-dir = {lax_renamed = "code/lib/lax_renamed"}',
               "code/lib/lax_renamed/__init__.py"),
    setuptools("strict_src", 'packages.find.where = ["lib"]', editable_mode="strict"),
    setuptools("strict_flat", 'packages = ["strict_flat"]', "strict_flat/__init__.py", editable_mode="strict"),
    setuptools("spacename", 'packages.find.namespaces = true\npackages.find.where = ["lib"]', "lib/spacename/inner/a.py"),
    Shape("hatch", "hatchling.build", "[tool.hatch.build.targets.wheel]\npackages = ['lib/hatch']", "lib/hatch/__init__.py"),
    Shape("hatch_exact", "hatchling.build", "[tool.hatch.build.targets.wheel]\npackages = ['lib/hatch_exact']\n"
          "[tool.hatch.build]\ndev-mode-exact = true", "lib/hatch_exact/__init__.py"),
    Shape("flit", "flit_core.buildapi", "description = 'x'\n", "flit/__init__.py"),
    Shape("poetry", "poetry.core.masonry.api", "description = 'x'\n[tool.poetry]\npackages = [{include = 'poetry', from = 'lib'}]",
          "lib/poetry/__init__.py"),
    Shape("pdm_lib", "pdm.backend", "[tool.pdm.build]\npackage-dir = 'lib'", "lib/pdm_lib/__init__.py"),
    Shape("pdm_links", "pdm.backend", "[tool.pdm.build]\npackage-dir = 'lib'\neditable-backend = 'editables'",
          "lib/pdm_links/__init__.py"),
)  # fmt: skip
COMPILED = (
    Shape("scikit", "scikit_build_core.build", "[tool.scikit-build]\nwheel.packages = ['lib/scikit']", "lib/scikit/__init__.py",
          files={"CMakeLists.txt": "cmake_minimum_required(VERSION 3.15)\nproject(scikit LANGUAGES NONE)\n"}),
    Shape("meson_lib", "mesonpy", "", "lib/meson_lib/__init__.py",
          files={"meson.build": "project('meson_lib', version: '1')\npy = import('python').find_installation(pure: true)\n"
                                "py.install_sources('lib/meson_lib/__init__.py', subdir: 'meson_lib')\n"}),
)  # fmt: skip
#: Not installed by a tool any more, but still found: `flit install --symlink`, and a .pth file of `setup.py develop`.
LINKED = Shape("linked", "", "", "lib/linked/__init__.py")
DEVELOP = Shape("develop", "", "", "deep/lib/develop/__init__.py")
ALL = (*SHAPES, LINKED, DEVELOP)


class Installed:
    """A checkout with a virtualenv, and worktrees of it in which every package says something else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = folder / "checkout"
        (self.checkout / "tests").mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.checkout / ".venv"], check=True)
        (self.site,) = (self.checkout / ".venv/lib").glob("python*/site-packages")
        (self.site / "zz_tools.pth").write_text(str(next(Path(p) for p in sys.path if p.endswith("site-packages"))))

    def install(self, *shapes: Shape) -> None:
        for shape in shapes:
            shape.write(self.checkout)
            if shape.backend:
                self._build(shape)

    def link(self) -> None:
        (self.site / "linked").symlink_to(self.checkout / "packages/linked/lib/linked")
        (self.site / "easy-install.pth").write_text(str(self.checkout / "packages/develop/deep/lib"))

    def _build(self, shape: Shape) -> None:
        wheels = self.folder / "wheels" / shape.name
        wheels.mkdir(parents=True)
        code = f"import sys, json, {shape.backend} as b; b.build_editable(sys.argv[1], json.loads(sys.argv[2]))"
        command = [sys.executable, "-c", code, str(wheels), json.dumps(dict(shape.settings))]
        env = check_environment(self.folder, self.folder)
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"  # meson and ninja are programs
        done = subprocess.run(
            command, cwd=self.checkout / "packages" / shape.name, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (wheel,) = wheels.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.site)

    def worktree(self, name: str, source: str) -> Path:
        """As git gives it: nothing of what the installation built."""
        worktree = self.folder / name
        shutil.copytree(
            self.checkout, worktree, ignore=shutil.ignore_patterns(".venv", "build", "*.egg-info", "__pycache__")
        )
        for path in worktree.rglob("*.py"):
            if path.read_text() == "value = 'checkout'\n":
                path.write_text(source)
        return worktree

    def check(self, worktree: Path, **env: str) -> CheckResult:
        (logs := self.folder / f"{worktree.name}-logs").mkdir()
        environment = {**check_environment(worktree, self.checkout), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        environment |= {"PATH": f"{self.checkout}/.venv/bin:/usr/bin:/bin", **env}
        command = Check("python -m pytest -q tests --import-mode=importlib", timeout_s=300)
        return asyncio.run(run_check(command, worktree, environment, logs / "log", retry=False))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place = Installed(tmp_path_factory.mktemp("installed"))
    place.install(*ALL)
    place.link()
    return place


@pytest.fixture(scope="module")
def fixed(installed: Installed) -> CheckResult:
    return installed.check(installed.worktree("fixed", "value = 'worktree'\n"))


@pytest.fixture(scope="module")
def raising(installed: Installed) -> CheckResult:
    return installed.check(installed.worktree("raising", "raise RuntimeError('broken by the agent')\n"))


def node(shape: Shape) -> str:
    return f"tests/test_{shape.name}.py::test_value"


@pytest.mark.parametrize("shape", ALL, ids=lambda shape: shape.name)
def test_a_fix_in_the_worktree_makes_the_check_pass(fixed, shape):
    assert node(shape) in fixed.tests.passed, fixed.output_tail
    assert fixed.doubts == ()


@pytest.mark.parametrize("shape", ALL, ids=lambda shape: shape.name)
def test_a_module_that_raises_in_the_worktree_makes_the_check_fail(raising, shape):
    (failure,) = (failure for failure in raising.failures if failure.test == node(shape))
    assert failure.message == "RuntimeError: broken by the agent"
    assert raising.doubts == ()


def test_where_nothing_is_mapped_the_check_is_doubted(installed):
    """What the others would say without the shim's mapping: the roots are known, the worktree is another one's."""
    worktree = installed.worktree("unmapped", "value = 'worktree'\n")
    shutil.rmtree(worktree / "packages")
    result = installed.check(worktree)
    assert len(result.tests.failed) == len(ALL)
    assert result.doubts == (f"loaded {len(ALL)} modules from the user's checkout: develop, flit, hatch, …",)


@pytest.mark.long
@pytest.mark.parametrize("shape", COMPILED, ids=lambda shape: shape.name)
def test_build_tools_that_keep_a_list_of_files_are_mapped_too(tmp_path, shape):
    place = Installed(tmp_path)
    place.install(shape)
    fixed = place.check(place.worktree("fixed", "value = 'worktree'\n"))
    raising = place.check(place.worktree("raising", "raise RuntimeError('broken by the agent')\n"))
    assert (fixed.tests.passed, fixed.doubts) == ((node(shape),), ()), fixed.output_tail
    assert (raising.tests.failed, raising.doubts) == ((node(shape),), ())
