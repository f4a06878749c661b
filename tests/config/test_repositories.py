"""What the user lets agentflow remember about a repository."""

import pytest

from agentflow.config.repositories import remember, repositories_path
from agentflow.config.settings import load_settings
from agentflow.errors import UsageError


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_CONFIG_DIR", str(tmp_path / "config"))
    folder = tmp_path / "repo"
    folder.mkdir()
    return folder


def test_what_is_remembered_holds_for_that_repository_alone(root, tmp_path):
    path = remember(root, setup="npm ci")
    remember(tmp_path / "other", setup="uv sync")
    settings = load_settings(root, {}, {})
    assert settings.setup == "npm ci"
    assert settings.origins["setup"] == f"user {path}:4"
    assert load_settings(tmp_path / "third", {}, {}).setup is None


def test_it_goes_before_the_repositorys_own_and_after_variables_and_flags(root):
    (root / ".agentflow").mkdir()
    (root / ".agentflow/config.yaml").write_text("setup: theirs\n")
    assert load_settings(root, {}, {}).setup == "theirs"
    remember(root, setup="mine")
    assert load_settings(root, {}, {}).setup == "mine"
    assert load_settings(root, {}, {"AGENTFLOW_SETUP": "variable"}).setup == "variable"
    assert load_settings(root, {"setup": "flag"}, {}).setup == "flag"


def test_remembering_more_keeps_what_was_remembered_before(root):
    remember(root, check_env=["DATABASE_URL"])
    remember(root, setup="npm ci")
    settings = load_settings(root, {}, {})
    assert (settings.setup, settings.check_env) == ("npm ci", ("DATABASE_URL",))


def test_variables_to_let_through_are_the_users_to_name(root):
    (root / ".agentflow").mkdir()
    (root / ".agentflow/config.yaml").write_text("check_env: [AWS_SECRET]\n")
    with pytest.raises(UsageError, match="check_env: a repository may not set this"):
        load_settings(root, {}, {})


@pytest.mark.parametrize("key", ["allow_broken_baseline: true", "check_env: [A]"])
def test_a_repository_may_not_widen(root, key):
    (root / ".agentflow").mkdir()
    (root / ".agentflow/config.yaml").write_text(f"{key}\n")
    with pytest.raises(UsageError, match="a repository may not set this"):
        load_settings(root, {}, {})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("repositories:\n  /x: {setpu: a}\n", "unknown key; did you mean 'setup'"),
        ("repositories:\n  /x: {check_env: [A=B]}\n", "check_env"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(root, text, complaint):
    repositories_path().parent.mkdir()
    repositories_path().write_text(text)
    with pytest.raises(UsageError, match=complaint) as caught:
        load_settings(root, {}, {})
    assert f"{repositories_path()}:2" in caught.value.message
