"""Pipes, sockets, devices, folders and links where a repository's small files are looked for; trees without end."""

from __future__ import annotations

import os
import socket
from functools import partial

import pytest

#: Files by who looks for them.
PLACES = {
    "settings": (
        ".agentflow/config.yaml",
        ".agentflow/agents/execute.yaml",
        ".agentflow/agents/own.md",
        ".agentflow/review.md",
    ),
    "claude": (
        *(".claude/settings.json", ".claude/settings.local.json", ".claude/agents/own.md", ".mcp.json"),
        *(".claude/commands/agentflow/run.md", "CLAUDE.md", "AGENTS.md"),
    ),
    "git": (
        ".gitattributes",
        ".gitignore",
        ".gitmodules",
        ".worktreeinclude",
        ".mailmap",
        ".lfsconfig",
        "sub/.gitignore",
    ),
    "python": (
        *("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "noxfile.py", "pytest.ini", "conftest.py", "uv.lock"),
        *("requirements.txt", "poetry.lock", "Pipfile", ".python-version", "tests/test_a.py", ".venv/pyvenv.cfg"),
    ),
    "node": (
        "package.json",
        "package-lock.json",
        "pnpm-workspace.yaml",
        "yarn.lock",
        ".npmrc",
        "packages/a/package.json",
    ),
    "others": (
        *("Cargo.toml", "go.mod", "Gemfile", ".rspec", "pom.xml", "build.gradle", "composer.json", "phpunit.xml"),
        *("CMakeLists.txt", "a.sln", "a.bats", "mix.exs", ".pre-commit-config.yaml", "justfile", "Makefile"),
    ),
    "secrets": (".env", ".envrc", ".netrc", "id_rsa", "a.py", "new.py"),
}


def fifo(path):
    os.mkfifo(path)


def a_socket(path):
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


def folder(path):
    (path / "inside").mkdir(parents=True)


def device(path):
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))


def link(path, target):
    path.symlink_to(target)


def link_to_a_fifo(path):
    os.mkfifo(path.with_name(f"{path.name}.pipe"))
    path.symlink_to(f"{path.name}.pipe")


def secret(path):
    path.touch()
    path.chmod(0)


def huge(path):
    with path.open("wb") as file:
        file.truncate(100_000_000)


KINDS = {
    "fifo": fifo,
    "socket": a_socket,
    "folder": folder,
    "link-to-zero": partial(link, target="/dev/zero"),
    "link-to-random": partial(link, target="/dev/urandom"),
    "link-to-tty": partial(link, target="/dev/tty"),
    "link-to-stdin": partial(link, target="/dev/stdin"),
    "link-to-itself": partial(link, target="."),
    "link-to-memory": partial(link, target="/proc/self/mem"),
    "link-to-environment": partial(link, target="/proc/self/environ"),
    "link-to-nowhere": partial(link, target="/nowhere/at/all"),
    "link-to-a-fifo": link_to_a_fifo,
    "link-to-everything": partial(link, target="/"),
    "huge": huge,
    **({"device": device} if os.geteuid() == 0 else {"unreadable": secret}),
}


def odd(lair, places, make):
    for place in places:
        path = lair.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        make(path)


def committed_links(lair, places, target):
    odd(lair, [place for place in places if place != ".gitmodules"], partial(link, target=target))
    lair.commit()


#: Folders that are read, by nobody but agentflow itself or its hooks.
FOLDERS = (
    *(".agentflow/agents", ".claude/agents", ".claude/commands", ".venv", "venv", "node_modules", "packages", "src"),
    *("tests", ".github/workflows", "vendor"),
)


def maze(lair, place):
    """A folder with a number of ways in it that doubles at every step."""
    path = lair.root / place
    path.mkdir(parents=True)
    for name in ("a", "b"):
        (path / name).symlink_to(".")
    (path / "package.json").write_text('{"workspaces": ["**"], "scripts": {"test": "x"}}')
    (path / "own.md").write_text("---\nname: own\ndescription: x\n---\nx\n")


def endless_folder(lair, place, target):
    path = lair.root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def workspace_of_everything(lair):
    (lair.root / "everything").symlink_to("/")
    lair.write("package.json", '{"workspaces": ["everything/**", "/**", "../**", "**"], "scripts": {"test": "x"}}')
    lair.write("pnpm-workspace.yaml", "packages: ['everything/**', '/**']\n")
    lair.write("pyproject.toml", '[tool.pytest.ini_options]\ntestpaths = ["everything", "/", "../.."]\n')
    lair.write("Cargo.toml", '[workspace]\nmembers = ["everything/*", "/*"]\n')
    lair.write(".worktreeinclude", "everything/**\n/**\n../**\n")


def written_through(lair, place, target):
    """Where agentflow writes when it is told to, a link out of the repository."""
    path = lair.root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target.format(outside=lair.outside))


WRITTEN = {
    ".claude": "{outside}",
    ".claude/settings.json": "{outside}/kept.txt",
    ".claude/settings.local.json": "{outside}/kept.txt",
    ".claude/commands": "{outside}",
    ".claude/commands/agentflow": "{outside}",
    ".claude/commands/agentflow/run.md": "{outside}/kept.txt",
    ".agentflow": "{outside}",
    ".agentflow/config.yaml": "{outside}/new.yaml",
    "late.py": "{outside}/kept.txt",
}


def files_below_a_link(lair):
    """What the run added lies below a folder that is a link by now."""
    lair.git("switch", "-q", "-c", "own", "work")
    lair.write("kept/deep.py", "x = 1\n")
    lair.git("add", "kept")
    lair.git("commit", "-qm", "Deep")
    lair.git("branch", "-f", "agentflow/20261123-100000-aaaa", "own")
    lair.git("switch", "-q", "work")
    (lair.root / "kept").symlink_to(lair.outside)
    lair.head = lair.git("rev-parse", "own")


def a_pipe_below(lair, place):
    """Where git alone looks, on its way through the folders."""
    path = lair.write(f"{place.rpartition('/')[0]}/new.txt").with_name(place.rpartition("/")[2])
    for folder in ("objects", "refs") if "/.git/" in place else ():
        (path.parent / folder).mkdir()
    os.mkfifo(path)


CASES = {
    **{
        f"pipe-{place}": partial(a_pipe_below, place=place)
        for place in ("sub/.gitignore", "sub/deep/.gitattributes", "nested/.git/HEAD")
    },
    **{
        f"{kind}-{who}": partial(odd, places=places, make=make)
        for kind, make in KINDS.items()
        for who, places in PLACES.items()
    },
    **{
        f"committed-link-to-{name}-{who}": partial(committed_links, places=places, target=target)
        for name, target in {"zero": "/dev/zero", "home": "../home/.bashrc", "itself": "."}.items()
        for who, places in PLACES.items()
    },
    **{f"maze-{place}": partial(maze, place=place) for place in FOLDERS},
    **{
        f"{place}-to-{name}": partial(endless_folder, place=place, target=target)
        for place in FOLDERS
        for name, target in {"everything": "/", "processes": "/proc"}.items()
    },
    **{f"written-{place}": partial(written_through, place=place, target=to) for place, to in WRITTEN.items()},
    "workspace-of-everything": workspace_of_everything,
    "files-below-a-link": files_below_a_link,
}


@pytest.mark.parametrize("build", CASES.values(), ids=CASES)
@pytest.mark.security("T19")
def test_nothing_odd_among_the_files_is_waited_for_followed_or_written_through(holds, build):
    holds(build)
