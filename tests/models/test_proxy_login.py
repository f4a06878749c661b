"""What of a proxy's address the CLI and its commands see."""

from __future__ import annotations

import base64

import pytest

from agentflow.models import proxy_login
from agentflow.models.proxy_login import PROXY_HANDOVER, proxy_environment, proxy_settings


@pytest.fixture(autouse=True)
def descriptors(monkeypatch):
    monkeypatch.setattr(proxy_login, "can_ask_helpers", lambda: True)


def handed_over(env):
    return base64.b64decode(env[PROXY_HANDOVER].removeprefix("Basic ")).decode()


@pytest.mark.parametrize(
    ("given", "shown", "login"),
    [
        ("http://ada:pw@proxy:3128", "http://proxy:3128", "ada:pw"),
        ("https://ada:p%40w@proxy.example/", "https://proxy.example/", "ada:p@w"),
        ("http://token@proxy:3128", "http://proxy:3128", "token"),
        ("http://ada:p@w@proxy:3128", "http://proxy:3128", "ada:p@w"),
        ("ada:pw@proxy:3128", "http://proxy:3128", "ada:pw"),
        ("socks5h://ada:pw@[::1]:1080", "socks5h://[::1]:1080", "ada:pw"),
    ],
)
@pytest.mark.parametrize("name", proxy_login.VARIABLES)
def test_the_login_is_handed_over_and_the_address_stays(given, shown, login, name):
    env = proxy_environment({name: given, "PATH": "/bin"})
    assert env[name] == shown
    assert handed_over(env) == login
    assert "proxyAuthHelper" in proxy_settings(env)


def test_where_there_are_several_the_one_for_https_is_handed_over_and_all_addresses_lose_theirs():
    env = proxy_environment({"HTTP_PROXY": "http://one:1@proxy", "HTTPS_PROXY": "http://two:2@proxy"})
    assert handed_over(env) == "two:2"
    assert env["HTTP_PROXY"] == env["HTTPS_PROXY"] == "http://proxy"


@pytest.mark.parametrize("given", [{}, {"HTTPS_PROXY": ""}, {"HTTPS_PROXY": "http://proxy:3128"}])
def test_a_proxy_without_a_login_stays_as_it_is(given):
    assert proxy_environment(given) == {}
    assert proxy_settings({}) == {}


@pytest.mark.security("L7")
def test_where_a_helper_finds_no_descriptors_nothing_changes(monkeypatch):
    monkeypatch.setattr(proxy_login, "can_ask_helpers", lambda: False)
    assert proxy_environment({"HTTPS_PROXY": "http://ada:pw@proxy"}) == {}
