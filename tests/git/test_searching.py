from __future__ import annotations

import asyncio

import pytest

from agentflow.git.searching import Match, search


@pytest.mark.parametrize("name", ["a.py", "a b:1:c.py", "line\nbreak.py", "\nfirst.py", "ünï.py", "a\n7\nb.py"])
def test_a_line_is_found_in_a_file_of_any_name(make_repo, name):
    repo = make_repo("odd", {name: "one\ntwo: 2\n", "z.py": "two\n"})
    head = repo.git("rev-parse", "HEAD").strip()
    found = asyncio.run(search(repo.open(), head, ["two"]))
    assert sorted(found, key=lambda match: match.file) == sorted(
        [Match(name, 2, "two: 2"), Match("z.py", 1, "two")], key=lambda match: match.file
    )
