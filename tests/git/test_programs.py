from __future__ import annotations

import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from agentflow.git.programs import FENCED, FILES, FILTERS, INCLUDES, NEUTRAL, is_foreign_filter, is_include, neutral

HARMLESS = [
    word.lower()
    for line in (Path(__file__).with_name("harmless_keys.txt")).read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for word in line.split()
]
KNOWN = {key.lower() for key in (*NEUTRAL, *FILTERS, *INCLUDES, *FENCED, *FILES)}


def unknown(keys):
    return [key for key in keys if key.lower() not in KNOWN and not any(fnmatchcase(key.lower(), h) for h in HARMLESS)]


def test_every_key_that_this_git_documents_has_been_looked_at():
    """A newer git brings keys: look each up, and put it into `programs.py` or among the harmless ones."""
    listed = subprocess.run(["git", "help", "--config"], check=True, capture_output=True, encoding="utf-8").stdout
    keys = [line for line in listed.splitlines() if "." in line and " " not in line]
    assert len(keys) > 500
    assert unknown(keys) == []


def test_a_key_that_nobody_has_looked_at_is_noticed():
    assert unknown(["core.editor", "core.newProgram", "diff.<driver>.launcher"]) == [
        "core.newProgram",
        "diff.<driver>.launcher",
    ]


def test_no_key_is_called_harmless_and_a_program():
    assert [key for key in KNOWN if any(fnmatchcase(key, harmless) for harmless in HARMLESS)] == []


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("core.sshcommand", "ssh"),
        ("merge.My Driver.driver", "git merge-file --marker-size=%L %A %O %B"),
        ("diff.a.b.textconv", "cat"),
        ("hook.x.command", "true"),
        ("alias.lfs", "version"),
        ("credential.https://a.b/c.helper", ""),
        ("filter.x.process", ""),
        ("lfs.customtransfer.x.path", "false"),
        ("user.name", None),
        ("diff.x.xfuncname", None),
        ("core.editorx", None),
    ],
)
def test_a_name_as_git_lists_it_is_known_by_how_the_documentation_spells_it(key, instead):
    assert neutral(key) == instead


@pytest.mark.parametrize(
    ("key", "value", "foreign"),
    [
        ("filter.x.clean", "cat", True),
        ("filter.x.clean", "", False),
        ("filter.lfs.clean", "git-lfs clean -- %f", False),
        ("filter.lfs.clean", "git-lfs clean -- %f; evil", True),
        ("filter.lfs.process", "git-lfs filter-process --skip", False),
        ("lfs.extension.x.smudge", "cat", True),
        ("filter.x.required", "true", False),
    ],
)
@pytest.mark.security("L11")
def test_git_lfs_itself_is_the_one_filter_that_a_repository_may_name(key, value, foreign):
    assert is_foreign_filter(key, value) is foreign


def test_includes_are_known_whatever_their_condition():
    assert is_include("include.path")
    assert is_include("includeif.gitdir:/a.b/.path")
    assert not is_include("includeif.x.paths")
