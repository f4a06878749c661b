"""Which login an environment offers."""

from __future__ import annotations

import json

import pytest

from agentflow.domain.tiers import Tier
from agentflow.errors import EnvironmentError_
from agentflow.models.login import HANDOVER, Login, LoginKind, endpoint_login, find_login
from agentflow.models.session import Endpoint


@pytest.fixture
def home(tmp_path):
    (tmp_path / ".claude").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("variable", "kind"),
    [
        ("ANTHROPIC_API_KEY", LoginKind.API_KEY),
        ("ANTHROPIC_AUTH_TOKEN", LoginKind.AUTH_TOKEN),
        ("CLAUDE_CODE_OAUTH_TOKEN", LoginKind.OAUTH_TOKEN),
    ],
)
def test_a_variable_is_a_login_that_needs_no_home(variable, kind, home):
    login = find_login({"HOME": str(home), variable: "secret"})
    assert (login.kind, login.secret, login.allows_private_home) == (kind, "secret", True)
    assert "secret" in login.environment().values()


@pytest.mark.parametrize("kind", [kind for kind in LoginKind if kind is not LoginKind.SUBSCRIPTION])
def test_every_secret_travels_in_the_variable_that_the_launcher_takes_away(kind, monkeypatch):
    monkeypatch.setattr("agentflow.models.login.can_ask_helpers", lambda: True)
    login = Login(kind, "secret")
    assert [name for name, value in login.environment().items() if value == "secret"] == [HANDOVER]
    assert "secret" not in str(login.settings())


@pytest.mark.security("L7")
def test_where_a_helper_finds_no_descriptors_an_auth_token_is_a_variable(monkeypatch):
    monkeypatch.setattr("agentflow.models.login.can_ask_helpers", lambda: False)
    login = Login(LoginKind.AUTH_TOKEN, "secret")
    assert (login.environment(), login.settings()) == ({"ANTHROPIC_AUTH_TOKEN": "secret"}, {})


def test_only_one_credential_travels(home):
    login = find_login({"HOME": str(home), "ANTHROPIC_API_KEY": "key", "ANTHROPIC_AUTH_TOKEN": "token"})
    assert "key" in login.environment().values()
    assert "token" not in login.environment().values()


def test_a_credentials_file_is_a_subscription(home):
    (home / ".claude" / ".credentials.json").write_text("{}")
    login = find_login({"HOME": str(home)})
    assert login.kind is LoginKind.SUBSCRIPTION
    assert not login.allows_private_home
    assert login.environment() == {}


def test_an_account_whose_token_is_in_the_keychain_is_a_subscription(home):
    (home / ".claude.json").write_text(json.dumps({"oauthAccount": {"emailAddress": "a@example.org"}}))
    assert find_login({"HOME": str(home)}).kind is LoginKind.SUBSCRIPTION


def test_a_chosen_config_folder_is_searched_instead_of_the_home(home, tmp_path):
    (home / ".claude" / ".credentials.json").write_text("{}")
    with pytest.raises(EnvironmentError_):
        find_login({"HOME": str(home), "CLAUDE_CONFIG_DIR": str(tmp_path / "elsewhere")})


@pytest.mark.parametrize("content", ["{}", "not json", "[]", '{"oauthAccount": null}'])
def test_no_login_is_an_environment_error_with_a_hint(content, home):
    (home / ".claude.json").write_text(content)
    with pytest.raises(EnvironmentError_) as caught:
        find_login({"HOME": str(home), "ANTHROPIC_API_KEY": ""})
    assert "ANTHROPIC_API_KEY" in str(caught.value.hint)


def test_an_endpoints_own_credentials_go_first(home):
    env = {"HOME": str(home), "ANTHROPIC_API_KEY": "mine"}
    assert endpoint_login(Endpoint(auth_token="theirs"), Tier.HAIKU, env) == Login(LoginKind.AUTH_TOKEN, "theirs")
    assert endpoint_login(Endpoint(api_key="theirs"), Tier.HAIKU, env).secret == "theirs"
    assert endpoint_login(Endpoint(base_url="http://localhost:1"), Tier.HAIKU, env).secret == "mine"


def test_a_login_does_not_show_its_secret(home):
    assert "s3cret" not in repr(find_login({"ANTHROPIC_API_KEY": "s3cret"}))


def test_a_local_server_never_gets_the_users_key(home):
    login = endpoint_login(Endpoint(base_url="http://localhost:1"), Tier.LOCAL, {"ANTHROPIC_API_KEY": "mine"})
    assert login.secret == "local"


@pytest.mark.parametrize(
    ("variable", "direct"),
    [("ANTHROPIC_API_KEY", True), ("ANTHROPIC_AUTH_TOKEN", True), ("CLAUDE_CODE_OAUTH_TOKEN", False)],
)
def test_subscription_tokens_allow_no_direct_requests(variable, direct):
    assert find_login({variable: "secret"}).allows_direct_requests is direct
