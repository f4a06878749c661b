from __future__ import annotations

import pytest

from agentflow.config.trust import distrust, is_trusted, trust, trusted_path


@pytest.fixture
def root(world, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", world.env["AGENTFLOW_STATE_DIR"])
    return world.repository({"a.txt": "a\n"})


def test_nobody_is_trusted_until_the_user_says_so_and_no_longer_than_that(root, tmp_path):
    assert not is_trusted(root)
    trust(root)
    trust(root)
    trust(tmp_path / "other")
    assert is_trusted(root)
    distrust(root)
    assert not is_trusted(root)
    assert is_trusted(tmp_path / "other")


def test_a_link_to_a_trusted_repository_is_that_repository(root, tmp_path):
    trust(root)
    (tmp_path / "link").symlink_to(root)

    assert is_trusted(tmp_path / "link")
    assert not is_trusted(root / "below")


def test_a_linked_worktree_is_trusted_with_its_repository(world, root, tmp_path):
    world.git(root, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    assert not is_trusted(tmp_path / "linked")
    trust(root)
    assert is_trusted(tmp_path / "linked")


def test_a_folder_that_only_claims_to_be_a_linked_worktree_is_not_trusted(world, root, tmp_path):
    world.git(root, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    trust(root)
    claims = (f"gitdir: {root}/.git/worktrees/linked\n", f"gitdir: {root}/.git\n", "gitdir: \0", "", "nonsense")
    for number, claim in enumerate(claims):
        stranger = tmp_path / f"stranger-{number}"
        stranger.mkdir()
        (stranger / ".git").write_text(claim)
        assert not is_trusted(stranger)


@pytest.mark.parametrize("damage", ["", "{", "3", '{"a": 1}', "[[]]"])
def test_a_damaged_list_trusts_nobody_and_can_be_begun_anew(root, damage):
    trusted_path().parent.mkdir(parents=True)
    trusted_path().write_text(damage)
    assert not is_trusted(root)
    trust(root)
    assert is_trusted(root)
