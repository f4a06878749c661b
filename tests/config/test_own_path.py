"""Where agentflow looks for programs of its own: nowhere that a repository fills."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from agentflow.config.own_path import leave_out_repository, users_path, without_left_out

pytestmark = pytest.mark.security("T8")

OWN = str(Path(sys.executable).parent)


@pytest.fixture
def root(world):
    root = world.repository({"tools/git": "#!/bin/sh\n"})
    (world.folder / "link").symlink_to(root / "tools")
    world.git(root, "worktree", "add", "-q", "../linked")
    return root


def path_of(monkeypatch, folder, *entries):
    monkeypatch.setenv("PATH", os.pathsep.join(entries))
    leave_out_repository(folder)
    return os.environ["PATH"].split(os.pathsep)


def test_folders_of_the_repository_and_those_relative_to_where_one_stands_are_left_out(root, monkeypatch):
    inside = (str(root), f"{root}/tools", f"{root}/../link", f"{root}/tools/../new", "", ".", "tools", "../bin")
    beside = (f"{root}-tools", "/usr/bin", OWN)
    assert path_of(monkeypatch, root / "tools", *inside, *beside) == list(beside)
    assert users_path().split(os.pathsep) == [*inside, *beside]


def test_a_linked_worktree_leaves_out_its_checkout_too(root, monkeypatch):
    linked = root.parent / "linked"
    assert path_of(monkeypatch, linked, f"{root}/tools", f"{linked}/tools", "/usr/bin") == ["/usr/bin"]


def test_where_nothing_is_left_the_systems_own_folders_are(root, monkeypatch):
    assert path_of(monkeypatch, root, "", str(root)) == os.defpath.split(os.pathsep)


def test_the_folder_that_agentflow_itself_is_in_stays(monkeypatch):
    project = next(folder for folder in Path(OWN).parents if folder.is_dir())
    monkeypatch.setattr("agentflow.config.own_path.repository_root", lambda _: project)
    assert path_of(monkeypatch, project, OWN, f"{project}/tools", "/usr/bin") == [OWN, "/usr/bin"]


def test_it_stays_left_out_and_known_in_the_next_repository(root, world, monkeypatch):
    other = world.repository({"a": ""}, name="other")
    path_of(monkeypatch, root, f"{root}/tools", f"{other}/tools", "/usr/bin")
    leave_out_repository(other)
    assert os.environ["PATH"] == "/usr/bin"
    assert users_path() == os.pathsep.join([f"{root}/tools", f"{other}/tools", "/usr/bin"])


def test_a_path_for_checks_gives_up_what_is_left_out_but_for_what_was_chosen(root, monkeypatch):
    path_of(monkeypatch, root, f"{root}/tools", f"{root}/.venv/bin", "/usr/bin")
    given = os.pathsep.join([f"{root}/.venv/bin", f"{root}/tools", "/usr/bin", "/opt/own/bin"])
    assert without_left_out(given, [f"{root}/.venv/bin"]) == f"{root}/.venv/bin:/usr/bin:/opt/own/bin"
