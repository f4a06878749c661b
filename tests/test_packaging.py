"""What a user installs is what is tested."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import jsonschema
import pytest
import typer
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from agentflow.cli.app import app
from agentflow.report.documents import schema

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_agents_schemas_and_the_demo(wheel, tmp_path, world):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")

    installed = {**world.env, "PYTHONPATH": str(tmp_path / "installed")}
    listed = subprocess.run(
        [sys.executable, "-P", "-m", "agentflow", "agents", "list"],
        check=False,
        env=installed,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert listed.returncode == 0, listed.stderr
    assert "planner" in listed.stdout
    holds = {path.name for path in (tmp_path / "installed" / "agentflow").rglob("*") if path.is_file()}
    assert {"execute.yaml", "run-1.json", "scenario.yaml", "repository.yaml", "py.typed"} <= holds
    assert {"sitecustomize.py", "agentflow_start.py", "agentflow_pytest.py"} <= holds
    assert {"plugin.json", "hooks.json", "run.md", "example_config.yaml"} <= holds


@pytest.mark.parametrize(
    "place",
    ["a folder with spaces", *(pytest.param(p, marks=pytest.mark.long) for p in ("b" * 140, "quo'te", "übung ☕"))],
)
def test_the_hooks_command_starts_from_wherever_it_is_installed(wheel, tmp_path, world, place):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / place], check=True)
    python = tmp_path / place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel]
    subprocess.run(pip, check=True, capture_output=True)
    env = {**world.env, "PATH": f"{python.parent}:/usr/bin:/bin"}
    hook = subprocess.run(
        ["/bin/sh", "-c", "agentflow-hook Stop"], env=env, cwd=tmp_path, input=b"{}", capture_output=True, check=False
    )
    assert (hook.returncode, hook.stdout, hook.stderr) == (0, b"", b"")


def test_the_sdist_holds_every_file_of_the_repository(tmp_path):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode or not (ROOT / ".git").exists():
        pytest.skip("these files are of an sdist already")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (sdist,) = tmp_path.iterdir()
    with tarfile.open(sdist) as archive:
        holds = {name.partition("/")[2] for name in archive.getnames()}
    missing = {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()} - holds
    assert missing - {".gitignore"} == set()


def test_importing_the_command_line_starts_nothing_heavy():
    heavy = "dbos claude_agent_sdk anthropic git sqlalchemy uvicorn starlette genai_prices jsonschema mcp pydantic"
    code = f"import sys, agentflow.cli.app; print([m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _documented() -> list[str]:
    """The commands that stand in code in the README, without what follows the first option or argument."""
    found = re.findall(r"`agentflow ([a-z]+(?: [a-z|\\]+)?)", (ROOT / "README.md").read_text())
    return sorted({f"{words.split()[0]} {part}".strip() for words in found for part in _parts(words)})


def _parts(words: str) -> list[str]:
    first, _, rest = words.partition(" ")
    return rest.replace("\\", "").split("|") if first in ("runs", "agents", "config", "replay") and rest else [""]


@pytest.mark.parametrize("words", _documented())
def test_every_command_in_the_readme_exists(words):
    result = CliRunner().invoke(typer.main.get_command(app), [*words.split(), "--help"])
    assert result.exit_code == 0, result.output


def test_every_option_in_the_readme_exists():
    row = next(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `agentflow run"))
    options = re.findall(r"`(--[a-z-]+)", row)
    helped = CliRunner().invoke(typer.main.get_command(app), ["run", "--help"]).output
    assert len(options) > 5
    assert [option for option in options if option not in helped] == []


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDED = {canonicalize_name(needed.name): needed for needed in map(Requirement, PROJECT["dependencies"])}


def test_what_is_imported_is_declared():
    """What a dependency happens to bring may be gone tomorrow."""
    trees = (ast.parse(path.read_text()) for path in (ROOT / "agentflow").rglob("*.py") if "shim" not in path.parts)
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    foreign = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"agentflow"}
    sources = packages_distributions()
    assert [name for name in foreign if not NEEDED.keys() & set(map(canonicalize_name, sources[name]))] == []


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_not_yet_at_1_is_capped(name):
    bounds = {bound.operator: bound.version for bound in NEEDED[name].specifier}
    if Version(bounds.get(">=") or bounds["=="]).major == 0:
        assert bounds.keys() & {"<", "=="}


@pytest.mark.parametrize("file", ["newest", "lowest"])
def test_the_constraints_name_a_version_of_all_that_is_needed(file):
    lines = (ROOT / "constraints" / f"{file}.txt").read_text().splitlines()
    pinned = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in map(Requirement, lines)}
    assert [name for name, needed in NEEDED.items() if not needed.specifier.contains(pinned[name])] == []
    if file == "lowest":
        least = {n: b.version for n, needed in NEEDED.items() for b in needed.specifier if b.operator == ">="}
        assert {name: pinned[name] for name, low in least.items() if Version(pinned[name]) != Version(low)} == {}


def test_the_same_pythons_are_promised_and_tried():
    promised = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    tried = re.search(r"python: \[(.*)\]", (ROOT / ".github/workflows/ci.yml").read_text())
    matrix = re.search(r"^PYTHONS = \((.*)\)", (ROOT / ".ci/matrix.py").read_text(), re.MULTILINE)
    for words in (tried, matrix):
        assert words
        assert re.findall(r"3\.\d+", words[1]) == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


def test_the_readme_leads_nowhere_that_a_package_index_does_not_have():
    """There, what is relative to the repository is broken, and so are pictures in the text itself."""
    targets = re.findall(r"\]\(([^)]*)\)|(?:src|href)=\"([^\"]*)", (ROOT / "README.md").read_text())
    assert [a or b for a, b in targets if not (a or b).startswith("https://")] == []


def test_the_readme_and_the_code_name_the_same_git():
    from agentflow.git.repository import _NEEDED

    assert f"git {'.'.join(map(str, _NEEDED))} or newer" in (ROOT / "README.md").read_text()


def test_what_a_bug_report_needs_is_told_in_one_place(world):
    root = world.repository({"a.py": "a = 1\n"})
    version = world.agentflow(root, "--version")
    assert re.fullmatch(r"agentflow \d+\.\d+\.\d+\n", version.out)
    told = world.agentflow(root, "doctor", "--json")
    validator = jsonschema.Draft202012Validator(schema("doctor-1"))
    validator.validate(told.json)
    assert not validator.is_valid({**told.json, "facts": [{"name": "git"}]})
    facts = {fact["name"]: fact for fact in told.json["facts"]}
    assert {"agentflow", "python", "git", "claude code", "sandbox", "state", "cache", "config"} <= facts.keys()
    assert (told.code, [name for name, fact in facts.items() if fact["problem"]]) == (0, [])
    assert world.env["ANTHROPIC_API_KEY"] not in told.out


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        ({"PATH": "/nowhere"}, "git ✗ git was not found on PATH"),
        ({"ANTHROPIC_API_KEY": ""}, "login ✗ no login"),
        ({"AGENTFLOW_CACHE_DIR": "/proc/nowhere"}, "cache ✗ cannot use /proc/nowhere"),
        ({"AGENTFLOW_STATE_DIR": "~no-such-user-here/x"}, "state ✗ AGENTFLOW_STATE_DIR: there is no home folder"),
    ],
    ids=str,
)
def test_what_is_missing_is_told_as_well(world, env, problem):
    told = world.agentflow(world.folder, "doctor", **env)
    assert told.code == 4
    assert problem in " ".join(told.out.split())
