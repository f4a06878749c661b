"""Git configuration that code in a sandbox may read: what git needs to work, and no login."""

from __future__ import annotations

import re
from pathlib import Path

from agentflow.config.machine import write_private
from agentflow.git.command import git
from agentflow.git.repository import Repository

_OF_REPOSITORY = re.compile(r"(core|extensions|user)\..*", re.DOTALL)
#: Suites that make repositories of their own commit in them.
_OF_USER = re.compile(r"user\.(name|email)|init\.defaultbranch")


async def write_plain_config(repository: Repository, folder: Path) -> tuple[Path, Path]:
    """The repository's configuration and the user's own, each as a file in `folder`, cut to what names nobody's login.

    Remotes may hold a token in their address, `http.extraheader` is one, includes lead anywhere.
    """
    own = ("config", "--file", str(repository.common_dir / "config"), "--no-includes", "--list", "-z")
    users = ("config", "--global", "--includes", "--list", "-z")
    of_repository, of_user = folder / "git-config", folder / "user-git-config"
    for path, words, allowed in ((of_repository, own, _OF_REPOSITORY), (of_user, users, _OF_USER)):
        listed = await git(repository.root, *words, check=False)
        lines = (entry.partition("\n") for entry in listed.fields)
        text = "".join(_line(key, value) for key, _, value in lines if allowed.fullmatch(key))
        write_private(path, text)
    return of_repository, of_user


def _line(key: str, value: str) -> str:
    section, _, name = key.rpartition(".")
    head, dot, rest = section.partition(".")
    within = f" {_quoted(rest)}" if dot else ""
    return f"[{head}{within}]\n\t{name} = {_quoted(value)}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
