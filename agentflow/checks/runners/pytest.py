"""pytest: found by its settings or test modules, reported by a plugin of the interpreter's shim."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentflow.checks.runners.files import ini_sections, interpreter, table, toml_of
from agentflow.checks.runners.python_projects import PYTEST_MARK, pytest_setting, test_module
from agentflow.checks.runners.runner import Ended, Invocation, Report, Runner
from agentflow.checks.runners.sealed import read_sealed, sealed
from agentflow.domain.evidence import Check, Obstacle

_STARTS = re.compile(r"(?:^|[\s;&|(/'\"])(?:pytest|py\.test)(?=$|[\s;&|)'\"])")
_INSTALLS = re.compile(r"\b(?:pip|uv|poetry|pdm|conda)3? (?:pip )?(?:install|add)\b")
_NOTHING = re.compile(
    r"^=* ?(?:no tests (?:ran|collected)\b(?!.*error)|\d+ deselected(?:, \d+ warnings?)? in )", re.MULTILINE
)
_COVERED = re.compile(r"(?:^|\s)--cov\b")
_PLAIN_LINE = re.compile(r"(?:cd (?P<folder>[^\s;&|<>$`'\"]+) && )?(?P<line>[^;&|<>$`\n]+)")
#: Options of pytest and its best known plugins whose value is a word of its own.
_VALUED = frozenset({
    "-k", "-m", "-p", "-c", "-n", "-W", "-o", "-r", "--tb", "--rootdir", "--maxfail", "--durations", "--ignore",
    "--ignore-glob", "--deselect", "--confcutdir", "--basetemp", "--junitxml", "--junit-xml", "--log-level", "--color",
    "--import-mode", "--capture", "--dist", "--numprocesses", "--timeout", "--cov-config", "--cov-fail-under",
    "--cov-report", "--reruns", "--ds", "--override-ini", "--config-file",
})  # fmt: skip
#: The plugin that an option belongs to.
_PLUGINS = {
    "--cov": "pytest-cov", "-n": "pytest-xdist", "--numprocesses": "pytest-xdist", "--dist": "pytest-xdist",
    "--timeout": "pytest-timeout", "--asyncio": "pytest-asyncio", "--reruns": "pytest-rerunfailures",
    "--benchmark": "pytest-benchmark", "--randomly": "pytest-randomly", "--ds": "pytest-django",
    "--reuse-db": "pytest-django", "--nomigrations": "pytest-django", "--snapshot": "syrupy",
    "--mypy": "pytest-mypy", "--ruff": "pytest-ruff", "--flake8": "pytest-flake8", "--black": "pytest-black",
    "--docker": "pytest-docker", "--hypothesis": "hypothesis", "--disable-socket": "pytest-socket",
    "--doctest-plus": "pytest-doctestplus", "--mpl": "pytest-mpl", "--html": "pytest-html",
}  # fmt: skip


def detect(root: Path) -> Iterator[Check]:
    source = pytest_setting(root) or test_module(root, PYTEST_MARK)
    if source:
        yield Check(f"{interpreter(root)} -m pytest -q", source)


def runs(command: str, worktree: Path) -> bool:  # noqa: ARG001  the seam's signature
    return any(_STARTS.search(part) and not _INSTALLS.search(part) for part in re.split(r"[;&|\n]+", command))


def reporting(invocation: Invocation, folder: Path) -> Invocation:
    """Sealed into `folder` by the shim, so any command that starts pytest reports, `make test` too.

    The cache goes there too (`-p no:cacheprovider` would break commands that use `--lf` or `--ff`), so one run of a
    check cannot change what the next one runs. A coverage threshold of the whole suite is no matter of a few files.
    """
    options = ["-o", f"cache_dir={folder}/cache"]
    if _is_narrow(invocation.command) and _measures_coverage(invocation.command, invocation.worktree):
        options.append("--cov-fail-under=0")
    addopts = f"{invocation.env.get('PYTEST_ADDOPTS', '')} {shlex.join(options)}".strip()
    return sealed(replace(invocation, env={**invocation.env, "PYTEST_ADDOPTS": addopts}), folder)


def read(folder: Path, worktree: Path, ended: Ended) -> Report | None:  # noqa: ARG001  the seam's signature
    """The sealed report; what pytest prints is held against it."""
    report = read_sealed(folder, ended)
    if report is not None and not report.tests.failed and (printed := _printed_failures(ended.output)):
        doubt = f"pytest's summary says {printed}, its report has no failing test"
        return replace(report, doubts=(*report.doubts, doubt))
    return report


def ran_nothing(ended: Ended) -> bool:
    return ended.exit_code not in {0, None} and bool(_NOTHING.search(ended.output))


def obstacle(ended: Ended) -> Obstacle | None:
    """A missing interpreter, pytest, plugin or, for every test module alike, a module that they import."""
    if ended.exit_code in {0, None}:
        return None
    return _missing_program(ended) or _missing_plugin(ended.output) or _missing_module(ended)


def narrowed(command: str, files: Iterable[str]) -> str | None:
    """The line with these files instead of the paths it names; None for a line that does more than start pytest."""
    parts = _PLAIN_LINE.fullmatch(command.strip())
    words = _words(parts["line"]) if parts else None
    if parts is None or words is None or not _STARTS.search(command):
        return None
    folder = parts["folder"] or "."
    kept = [word for word, is_path in words if not is_path]
    wanted = [posixpath.relpath(file, folder) for file in files]
    if any(file.startswith("..") for file in wanted):
        return None
    return (f"cd {folder} && " if parts["folder"] else "") + shlex.join([*kept, *wanted])


PYTEST = Runner("pytest", detect, runs, reporting, read, ran_nothing, obstacle, narrowed)


def _words(line: str) -> list[tuple[str, bool]] | None:
    """The line's words, and which of them are paths given to pytest; None where it cannot be read."""
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    start = next((n for n, word in enumerate(words) if re.fullmatch(r"(?:.*/)?(?:pytest|py\.test)", word)), None)
    if start is None:
        return None
    return [(word, n > start and _is_path(word, words[n - 1])) for n, word in enumerate(words)]


def _is_path(word: str, before: str) -> bool:
    if word.startswith("-") or before in _VALUED:
        return False
    unknown_option = before.startswith("--") and "=" not in before
    return not unknown_option or "/" in word or ".py" in word


def _is_narrow(command: str) -> bool:
    """Whether it runs some tests only: names files or folders in folders, or picks by name."""
    found = _STARTS.search(command)
    words = _words(re.split(r"[;&|<>]", command[found.start() :].lstrip(";&|( "))[0]) if found else None
    return any(
        word == "-k" or (is_path and (".py" in word or "/" in word.strip("./"))) for word, is_path in words or ()
    )


def _measures_coverage(command: str, worktree: Path) -> bool:
    return bool(_COVERED.search(command)) or any(_COVERED.search(options) for options in _addopts(worktree))


def _addopts(root: Path) -> Iterator[str]:
    project = table(toml_of(root / "pyproject.toml"), "tool", "pytest")
    tables = [project, table(project, "ini_options"), *map(_pytest_toml, (root / "pytest.toml", root / ".pytest.toml"))]
    for name in ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg"):
        sections = ini_sections(root / name)
        tables += [sections.get("pytest", {}), sections.get("tool:pytest", {})]
    for settings in tables:
        options = settings.get("addopts", "")
        yield " ".join(map(str, options)) if isinstance(options, list) else str(options)


def _pytest_toml(path: Path) -> dict[str, Any]:
    return table(toml_of(path), "pytest")


def _printed_failures(output: str) -> str:
    """What the last summary line says of failures and errors, empty when it says nothing of them."""
    lines = re.findall(r"^=* ?((?:\d+ \w+, )*\d+ \w+ in [\d.]+s)", output, re.MULTILINE)
    return ", ".join(re.findall(r"\d+ (?:failed|errors?)\b", lines[-1])) if lines else ""


def _missing_program(ended: Ended) -> Obstacle | None:
    if re.search(r"No module named '?pytest'?(?:[;\s]|$)", ended.output):
        return Obstacle("pytest is not installed for the interpreter that runs it", "python -m pip install pytest")
    missing = re.search(r"(?:^|[\s:])(pytest|py\.test|python[\d.]*): (?:command )?not found", ended.output)
    if ended.exit_code == 127 and missing:
        return Obstacle(f"{missing[1]} is not there")
    return None


def _missing_plugin(output: str) -> Obstacle | None:
    if found := re.search(r"Missing required plugins: ([\w.\- ,]+)", output):
        names = [word.strip() for word in found[1].split(",")]
        return Obstacle(f"pytest lacks plugins: {', '.join(names)}", f"python -m pip install {' '.join(names)}")
    found = re.search(r"error: (?:unrecognized arguments|no such option): (\S+)", output)
    if not found or "pytest" not in output:
        return None
    option = found[1]
    plugin = next((name for start, name in _PLUGINS.items() if option.startswith(start)), "")
    what = f"pytest does not know {option}: a plugin is missing"
    return Obstacle(what, f"python -m pip install {plugin}" if plugin else "")


def _missing_module(ended: Ended) -> Obstacle | None:
    """Only where no test ran at all, and for one reason."""
    conftest = "ImportError while loading conftest" in ended.output
    summary = re.findall(r"^=* ?(\d+) errors? in [\d.]+s", ended.output, re.MULTILINE)
    if not (conftest or (summary and ended.exit_code == 2)):
        return None
    missing = set(re.findall(r"ModuleNotFoundError: No module named '([\w.]+)'", ended.output))
    errors = set(re.findall(r"^E   (?!ModuleNotFoundError)(\w*(?:Error|Exception))\b", ended.output, re.MULTILINE))
    if len(missing) != 1 or errors:
        return None
    (name,) = missing
    return Obstacle(f"no test can be loaded: there is no module {name!r}")
