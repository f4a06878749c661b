"""Programs, modules and build files that a repository lays where something of the user's, or ours, might start them."""

from __future__ import annotations

import json
from functools import partial

import pytest

#: Found by name where PATH has the working directory in it, or an activated virtualenv.
PROGRAMS = (
    *("git", "sh", "bash", "env", "ssh", "less", "python", "python3", "claude", "bwrap", "socat", "gh", "node", "npm"),
    *("make", "pytest", "git-lfs", "git-remote-ext", "agentflow", "agentflow-hook", "uv", "cargo", "ps", "touch"),
)
#: Modules that a Python that starts in the repository would take for the library's.
MODULES = (
    *("sitecustomize", "usercustomize", "json", "typing", "re", "subprocess", "git", "typer", "yaml", "pydantic"),
    *("agentflow/__init__", "encodings/__init__", "rich/__init__", "_bootlocale", "dbos/__init__", "ast"),
)
#: What a PATH may begin with that leads into a repository: where one stands, by name, by a link, in a checkout.
PATHS = {
    "empty": ("", "."),
    "dot": (".", "."),
    "relative": ("tools", "tools"),
    "up-and-down": ("../repo/tools", "tools"),
    "top": ("{root}", "."),
    "tracked-folder": ("{root}/tools", "tools"),
    "by-a-link": ("{root}/../link/tools", "tools"),
    "virtualenv": ("{root}/.venv/bin", ".venv/bin"),
    "modules": ("{root}/node_modules/.bin", "node_modules/.bin"),
}
FOLDERS = (".venv/bin", "venv/bin", "node_modules/.bin", "bin", "vendor/bin", ".venv/Scripts", "tools")
#: Files whose commands belong to checks, which nobody has agreed to; {line} is one.
BUILDS = {
    "Makefile": "$(shell {line})\ntest:\n\t{line}\n",
    "GNUmakefile": "include evil.mk\n$(shell {line})\ntest:\n\t{line}\n",
    "setup.py": "{py}\n",
    "setup.cfg": "[tool:pytest]\naddopts = -p evil\n",
    "conftest.py": "{py}\n",
    "tests/conftest.py": "{py}\n",
    "tests/test_a.py": "{py}\ndef test_a(): pass\n",
    "pytest.ini": "[pytest]\naddopts = -p evil\n",
    "evil.py": "{py}\n",
    "tox.ini": "[testenv]\ncommands_pre = {line}\ncommands = {line}\n",
    "noxfile.py": "{py}\n",
    "package.json": '{{"scripts": {{"test": {json}, "preinstall": {json}, "prepare": {json}}}, "workspaces": ["*"]}}',
    ".npmrc": "script-shell={p}\nnode-options=--require ./evil.js\n",
    ".yarnrc.yml": "yarnPath: {p}\n",
    ".envrc": "{line}\n",
    ".env": "BASH_ENV={p}\nPATH=.\n",
    "mise.toml": "[hooks]\nenter = {json}\n[env]\n_.source = {json}\n",
    ".python-version": "../../evil\n",
    ".cargo/config.toml": '[build]\nrustc-wrapper = "{p}"\n[target.x86_64-unknown-linux-gnu]\nrunner = "{p}"\n',
    "Cargo.toml": '[package]\nname = "x"\nversion = "0.1.0"\nbuild = "evil.rs"\n',
    "rust-toolchain.toml": '[toolchain]\npath = "."\n',
    "go.mod": "module x\ntoolchain go99.99\n",
    "Gemfile": "system({json})\n",
    ".rspec": "--require ./evil\n",
    "build.gradle": "{json}.execute()\n",
    "pom.xml": "<project/>\n",
    "mix.exs": "System.shell({json})\n",
    "CMakeLists.txt": "execute_process(COMMAND {line})\n",
    "poetry.toml": "[virtualenvs]\nin-project = true\n",
    ".pre-commit-config.yaml": "repos: [{{repo: local, hooks: [{{id: x, entry: {json}, language: system}}]}}]\n",
    "uv.toml": 'python-preference = "only-system"\n',
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "evil"\nbackend-path = ["."]\n[tool.pytest.ini_options]\n'
    'addopts = "-p evil"\n',
}


def planted(lair, folder, *, path=None, committed=True):
    """Every program, executable, in one folder; `path` is put before the user's PATH."""
    for name in PROGRAMS:
        lair.program(f"{folder}/{name}")
    lair.write(".venv/pyvenv.cfg", f"home = {lair.root}/tools\n") if folder.startswith(".venv") else None
    if committed:
        lair.commit()
    if path is not None:
        (lair.folder / "link").symlink_to(lair.root)
        lair.env["PATH"] = f"{path.format(root=lair.root)}:{lair.env['PATH']}"


def planted_in_the_checkout(lair, path):
    """What a linked worktree is met with while the checkout is on PATH."""
    lair.git("worktree", "add", "-q", "../linked", "main")
    planted(lair, "tools", path=path)
    lair.root = lair.folder / "linked"


def modules(lair):
    for name in MODULES:
        lair.write(f"{name}.py", f"open({str(lair.tripped / name.replace('/', '.'))!r}, 'w')\n")
    lair.write("evil.pth", f"import os; os.system({lair.line('pth')!r})\n")
    lair.commit()


def builds(lair, names):
    program = lair.program("tools/evil")
    given = {"line": lair.line("build"), "py": f"open({str(lair.tripped / 'py')!r}, 'w')", "p": program}
    for name in names:
        lair.write(name, BUILDS[name].format(**given, json=json.dumps(given["line"])))
    lair.commit()


CASES = {
    **{f"programs-in-{folder}": partial(planted, folder=folder) for folder in FOLDERS},
    **{f"path-{name}": partial(planted, folder=folder, path=path) for name, (path, folder) in PATHS.items()},
    "path-untracked": partial(planted, folder="tools", path="{root}/tools", committed=False),
    "path-of-the-checkout": partial(planted_in_the_checkout, path="{root}/tools"),
    "programs-untracked": partial(planted, folder=".venv/bin", committed=False),
    "programs-at-the-top": partial(planted, folder="."),
    "modules": modules,
    "builds": partial(builds, names=BUILDS),
    **{f"build-{name}": partial(builds, names=[name]) for name in BUILDS},
}


@pytest.mark.parametrize("build", CASES.values(), ids=CASES)
@pytest.mark.security("T8", "T19")
def test_nothing_planted_is_started_before_anybody_agreed(holds, build):
    holds(build)
