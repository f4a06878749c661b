"""Links are followed as a commit has them, inside the repository and where an entry names them."""

from __future__ import annotations

import asyncio

import pytest

from agentflow.git.links import followed_scope
from agentflow.git.repository import open_repository

LINKS = {
    "CLAUDE.md": "AGENTS.md",
    "docs": "site/pages",
    "twice.md": "CLAUDE.md",
    "app/[id].tsx": "../shared/id.tsx",
    "src/out.py": "/etc/passwd",
    "src/up.py": "../../up.py",
    "src/git": "../.git/config",
    "src/root": "..",
    "circle-a": "circle-b",
    "circle-b": "circle-a",
    "src/link.py": "../tests/real.py",
    "dangling": "not/there",
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    import subprocess

    root = tmp_path_factory.mktemp("links")
    for path, target in LINKS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)
    (root / "AGENTS.md").write_text("rules\n")
    identity = ["-c", "user.name=Ada", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "Start"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    return asyncio.run(open_repository(root))


@pytest.mark.parametrize(
    ("scope", "more"),
    [
        (["CLAUDE.md"], ["AGENTS.md"]),
        (["./CLAUDE.md"], ["AGENTS.md"]),
        (["{CLAUDE,README}.md"], []),
        (["twice.md"], ["CLAUDE.md", "AGENTS.md"]),
        (["docs/**"], ["site/pages/**"]),
        (["docs/guide/*.md"], ["site/pages/guide/*.md"]),
        (["docs"], ["site/pages"]),
        (["app/[id].tsx"], ["shared/id.tsx"]),
        (["dangling"], ["not/there"]),
        (["circle-a"], ["circle-b"]),
        (["src/**"], []),
        (["**"], []),
        (["*.md"], []),
        (["src/out.py", "src/up.py", "src/git", "src/root"], []),
        (["AGENTS.md", "new.py"], []),
        (["../x", ""], []),
    ],
)
def test_a_scope_holds_what_its_links_lead_to(repository, scope, more):
    assert asyncio.run(followed_scope(repository, "HEAD", scope)) == (*scope, *more)
