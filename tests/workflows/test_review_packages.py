"""`agentflow review .` of real sources: two well-known Python packages, some JavaScript and some Go."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "review" / "samples"


@pytest.fixture
def sources(world):
    """A repository of them; nobody's caches are part of it."""
    root = world.repository({".gitignore": "__pycache__/\n"})
    for package in ("typer", "starlette"):
        shutil.copytree(Path(find_spec(package).origin).parent, root / package)
    for sample in ("users.js", "app.ts", "server.go"):
        shutil.copy(SAMPLES / sample, root / sample)
    return root


def test_every_file_is_read_once_or_listed_as_skipped(world, reviewing, sources):
    server = reviewing.scene(*reviewing.clean())
    told = reviewing.review(sources, ".", "--json", replay=server).json
    paths = (path for path in sources.rglob("*") if path.is_file() and ".git" not in path.parts)
    files = {str(path.relative_to(sources)) for path in paths if "__pycache__" not in path.parts}
    skipped = [one["file"] for one in told["files_skipped"] if not one["file"].endswith("__pycache__/")]
    given = sorted(reviewing.given(server), key=lambda excerpt: (excerpt.name, excerpt.first))
    by_name = {name: list(excerpts) for name, excerpts in groupby(given, key=lambda excerpt: excerpt.name)}
    assert sorted([*by_name, *skipped]) == sorted(files)
    assert sorted(told["files_reviewed"]) == sorted(by_name)
    assert {"typer/main.py", "starlette/routing.py", "users.js", "app.ts", "server.go"} <= by_name.keys()
    for name, excerpts in by_name.items():
        shown = "\n".join(excerpt.code for excerpt in excerpts).split("\n")
        lines = (sources / name).read_text(encoding="utf-8").removesuffix("\n").split("\n")
        assert shown == [f"{n} {line}" for n, line in enumerate(lines, start=1)]
    packs = [request.labels["subtask"] for request in server.requests if request.labels["agent"] == "reviewer"]
    assert sorted(packs) == sorted(f"pack-{n + 1}" for n in range(told["packs"]))
    assert told["packs"] > 1
