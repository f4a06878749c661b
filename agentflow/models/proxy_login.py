"""The login that an HTTP proxy's address holds: for the CLI alone, not for the commands that it runs."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from urllib.parse import unquote

from agentflow.models.login import NEVER_MS, can_ask_helpers, reader_of

#: In the order in which the CLI goes by them, as far as it does.
VARIABLES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
PROXY_HANDOVER = "AGENTFLOW_PROXY_HANDOVER"
_WITH_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*://)?(?P<login>[^/\s]*)@(?P<address>[^/@\s]+.*)")


def proxy_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The proxy variables without their logins, and the one for the launcher to hand over; empty where there is none.

    On systems where the CLI cannot be handed one, nothing changes.
    """
    given = {name: _WITH_LOGIN.fullmatch(inherited.get(name, "")) for name in VARIABLES}
    found = {name: match for name, match in given.items() if match}
    if not found or not can_ask_helpers():
        return {}
    login = unquote(next(iter(found.values()))["login"])
    return {
        # Without a scheme the CLI asks no helper.
        **{name: f"{match['scheme'] or 'http://'}{match['address']}" for name, match in found.items()},
        PROXY_HANDOVER: f"Basic {base64.b64encode(login.encode()).decode()}",
        "CLAUDE_CODE_ENABLE_PROXY_AUTH_HELPER": "1",
        "CLAUDE_CODE_PROXY_AUTH_HELPER_TTL_MS": NEVER_MS,
    }


def proxy_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What the CLI's settings must say for the handed over login to be used."""
    return {"proxyAuthHelper": reader_of(4)} if PROXY_HANDOVER in environment else {}
