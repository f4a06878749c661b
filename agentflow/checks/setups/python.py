"""Python projects: locked by uv, poetry, pdm or pipenv where that tool is installed, by pip everywhere else."""

from __future__ import annotations

import configparser
import contextlib
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from agentflow.checks.setups.folder import Folder, Installed, Step, table

#: How projects call what their tests need, the likeliest first.
_TESTS = ("test", "tests", "testing", "dev", "develop", "development")
_REQUIREMENTS = (
    *(f"requirements{mark}{word}.txt" for word in _TESTS for mark in "-_"),
    *(f"{word}{mark}requirements.txt" for word in _TESTS for mark in "-_"),
    *(f"requirements/{word}.txt" for word in _TESTS),
    *("tests/requirements.txt", "test/requirements.txt"),
)
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")
_EXTRAS_IN_CODE = re.compile(r"extras_require\s*=\s*\{(.*?)\}", re.DOTALL)


def python_step(folder: Folder, installed: Installed, checks: Sequence[str]) -> Step | None:
    """What installs the project and its tests' needs. `checks`: a runner they name is installed where nothing does."""
    if found := _locked(folder, installed):
        return Step("python", found[0], found[1])
    installs_project = _is_project(folder)
    words = [*(["-e", _project(folder)] if installs_project else []), *_needs(folder)]
    if not words and (plain := folder.has("requirements.txt")):
        words = ["-r", plain]
    if not words:
        return None
    if not _names_pytest(folder, words) and any(re.search(r"\b(?:pytest|py\.test)\b", check) for check in checks):
        words.append("pytest")
    source = folder.has(*_PROJECT, *_REQUIREMENTS, "requirements.txt") or ""
    return Step("python", _pip(words, installed), source)


def _locked(folder: Folder, installed: Installed) -> tuple[str, str] | None:
    """The command of the project's own tool, and the file that names it."""
    tools = table(folder.pyproject, "tool")
    if folder.has("uv.lock") and installed("uv"):
        return " ".join(["uv sync --frozen", *_uv_extent(folder)]), "uv.lock"
    if ("poetry" in tools or folder.has("poetry.lock")) and installed("poetry"):
        return " ".join(["poetry install", *_poetry_extent(folder)]), folder.has("poetry.lock") or "pyproject.toml"
    if folder.has("pdm.lock") and installed("pdm"):
        return "pdm sync --dev", "pdm.lock"
    if folder.has("Pipfile.lock") and installed("pipenv"):
        return "pipenv sync --dev", "Pipfile.lock"
    return None


def _uv_extent(folder: Folder) -> Iterator[str]:
    if "workspace" in table(folder.pyproject, "tool", "uv"):
        yield "--all-packages"
    yield from _groups_and_extras(folder, ("--group", "--extra"), known=("dev",))


def _poetry_extent(folder: Folder) -> Iterator[str]:
    groups = table(folder.pyproject, "tool", "poetry", "group")
    hidden = [name for name in groups if name in _TESTS and table(groups, name).get("optional") is True]
    yield from (f"--with {name}" for name in hidden)
    extras = {**table(folder.pyproject, "tool", "poetry", "extras"), **_extras(folder)}
    yield from (f"--extras {name}" for name in _TESTS if name in extras)


def _groups_and_extras(folder: Folder, options: tuple[str, str], known: Sequence[str]) -> Iterator[str]:
    """The dependency groups and extras that are for tests, but for the `known` ones, as options."""
    group, extra = options
    groups = {name: value for name, value in table(folder.pyproject, "dependency-groups").items() if name in _TESTS}
    extras = {name: value for name, value in _extras(folder).items() if name in _TESTS}
    yield from (f"{group} {name}" for name in _TESTS if name in groups and name not in known)
    yield from (f"{extra} {name}" for name in _TESTS if name in extras)


def _needs(folder: Folder) -> list[str]:
    """Dependency groups, hatch's environment and requirements files for tests, as words for pip."""
    groups = table(folder.pyproject, "dependency-groups")
    chosen = [name for name in _TESTS if name in groups][:2]
    words = [word for name in chosen for word in ("--group", name)]
    words += _hatch(folder)
    if not words or not _names_pytest(folder, words):
        found = next((name for name in _REQUIREMENTS if folder.has(name)), None)
        words += ["-r", found] if found else []
    return words


def _hatch(folder: Folder) -> list[str]:
    """What hatch would put into the environment its tests run in."""
    environments = table(folder.pyproject, "tool", "hatch", "envs")
    for name in ("hatch-test", "test", "default"):
        environment = table(environments, name)
        listed = [*_strings(environment.get("dependencies")), *_strings(environment.get("extra-dependencies"))]
        plain = [word for word in listed if "{" not in word]
        if plain:
            return plain
    return []


def _is_project(folder: Folder) -> bool:
    data = folder.pyproject
    return "project" in data or "build-system" in data or bool(folder.has("setup.py")) or "metadata" in _config(folder)


def _config(folder: Folder) -> configparser.RawConfigParser:
    """`setup.cfg`."""
    parser = configparser.RawConfigParser(strict=False)
    with contextlib.suppress(configparser.Error):
        parser.read_string(folder.text("setup.cfg"))
    return parser


def _project(folder: Folder) -> str:
    extras = [name for name in _TESTS if name in _extras(folder)][:2]
    return f".[{','.join(extras)}]" if extras else "."


def _extras(folder: Folder) -> dict[str, Any]:
    """Extras by name, of pyproject.toml, setup.cfg or setup.py."""
    config, code = _config(folder), _EXTRAS_IN_CODE.search(folder.text("setup.py"))
    names = config.options("options.extras_require") if "options.extras_require" in config else []
    names += re.findall(r"""["']([\w.-]+)["']\s*:""", code[1]) if code else []
    return {**dict.fromkeys(names, ()), **table(folder.pyproject, "project", "optional-dependencies")}


def _names_pytest(folder: Folder, words: Sequence[str]) -> bool:
    """Whether what is to be installed brings pytest, as far as its files tell."""
    files = [folder.text(name) for option, name in pairwise(words) if option == "-r"]
    tables = (table(folder.pyproject, "dependency-groups"), table(folder.pyproject, "project", "optional-dependencies"))
    chosen = [str(value) for known in tables for name, value in known.items() if name in _TESTS]
    listed = table(folder.pyproject, "project").get("dependencies", "")
    told = [*files, *words, *chosen, str(listed), folder.text("setup.cfg"), folder.text("setup.py")]
    return any("pytest" in text for text in told)


def _pip(words: Sequence[str], installed: Installed) -> str:
    line = shlex.join(words)
    if "--group" in words:
        return f"uv pip install {line}" if installed("uv") else f"pip install -U 'pip>=25.1' && pip install {line}"
    return f"pip install {line}"


def _strings(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
