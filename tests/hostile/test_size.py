"""Repositories that hold more than anybody would read."""

from __future__ import annotations

import os

import pytest


def a_large_file(lair):
    for name in ("large.py", "new.py", "CLAUDE.md"):
        lair.write(name, "x = 1\n" * 8_000_000)
        if name == "large.py":
            lair.commit()


def many_files(lair):
    for n in range(20_000):
        lair.write(f"many/{n % 100}/f{n}.py", "")
    lair.commit()
    for n in range(2_000):
        lair.write(f"new/f{n}.py", "n = 1\n")


def deep_folders(lair):
    lair.write("/".join(["d"] * 500) + "/deep.py", "x = 1\n")
    lair.commit()


def long_lines(lair):
    lair.write("wide.py", "x = '" + "a" * 4_000_000 + "'\n")
    lair.commit()
    lair.write("a.py", "y" * 4_000_000)


def many_branches(lair):
    made = "".join(
        f"create refs/heads/b{n} {lair.head}\ncreate refs/agentflow/r{n}/x {lair.head}\n" for n in range(5_000)
    )
    (lair.folder / "made").write_text(made)
    os.system(f"cd '{lair.root}' && git update-ref --stdin < '{lair.folder}/made'")


def many_rules(lair):
    for name in (".gitattributes", ".gitignore", ".worktreeinclude"):
        lair.write(name, "".join(f"/a*{n}*b*[!x]**/**/*.py\n" for n in range(20_000)))
    lair.commit()


def attributes(lair):
    text = "* text=auto eol=crlf ident export-subst working-tree-encoding=UTF-16 conflict-marker-size=999999\n"
    lair.write(".gitattributes", text + "[attr]binary -diff\n*.py filter=lfs merge=union diff=cpp whitespace=-all\n")
    lair.write("c.py", "$Id: x$ $Format:%s%n%(trailers)$\r\n")
    (lair.root / ".git/info/attributes").write_text("*.py -text working-tree-encoding=nowhere\n")


CASES = {
    case.__name__: case
    for case in (a_large_file, many_files, deep_folders, long_lines, many_branches, many_rules, attributes)
}


@pytest.mark.parametrize("build", CASES.values(), ids=CASES)
@pytest.mark.security("T19")
def test_no_size_hangs_a_command_or_starts_a_process_for_each(holds, build):
    holds(build)
