"""Which credentials model requests go out with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from agentflow.config.paths import user_home
from agentflow.domain.tiers import Tier
from agentflow.errors import EnvironmentError_
from agentflow.models.session import Endpoint


class LoginKind(StrEnum):
    """`subscription` is the user's interactive login, which lives in the user's own Claude config directory."""

    API_KEY = "api_key"
    AUTH_TOKEN = "auth_token"  # noqa: S105  a word, not a secret
    OAUTH_TOKEN = "oauth_token"  # noqa: S105  a word, not a secret
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials found; `secret` is empty for a subscription, which only the CLI itself can use."""

    kind: LoginKind
    secret: str = field(default="", repr=False)

    @property
    def allows_private_home(self) -> bool:
        """Whether a CLI without the user's config directory is still logged in."""
        return self.kind is not LoginKind.SUBSCRIPTION

    @property
    def allows_direct_requests(self) -> bool:
        """Whether the Messages API takes it; subscriptions and their tokens work in Claude Code only."""
        return self.kind in {LoginKind.API_KEY, LoginKind.AUTH_TOKEN}

    def environment(self) -> dict[str, str]:
        """The variables a session's launcher starts with.

        A secret travels in `HANDOVER` to the launcher only, which passes it to the CLI through a file descriptor: the
        CLI's environment, and with it every command a worker runs, never holds it. The CLI has no variable that names
        a gateway's auth token by descriptor; it asks a helper for that one, see `settings`.
        """
        if self.kind in _DESCRIPTORS:
            return {HANDOVER: self.secret, _DESCRIPTORS[self.kind]: "3"}
        if self.kind is LoginKind.SUBSCRIPTION:
            return {}
        if can_ask_helpers():
            return {HANDOVER: self.secret, "CLAUDE_CODE_API_KEY_HELPER_TTL_MS": NEVER_MS}
        return {"ANTHROPIC_AUTH_TOKEN": self.secret}

    def settings(self) -> dict[str, str]:
        """What the CLI's settings must say for this login to be used.

        The helper's answer goes out as `Authorization: Bearer` and as `x-api-key` (tried with Claude Code 2.1.330).
        """
        is_asked = self.kind is LoginKind.AUTH_TOKEN and can_ask_helpers()
        return {"apiKeyHelper": reader_of(3)} if is_asked else {}


VARIABLES = {
    LoginKind.API_KEY: "ANTHROPIC_API_KEY",
    LoginKind.AUTH_TOKEN: "ANTHROPIC_AUTH_TOKEN",
    LoginKind.OAUTH_TOKEN: "CLAUDE_CODE_OAUTH_TOKEN",
}
HANDOVER = "AGENTFLOW_HANDOVER"
#: For how long the CLI may use what a helper told. It is asked before the first request, and can be only once.
NEVER_MS = "2147483647"
_DESCRIPTORS = {
    LoginKind.API_KEY: "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    LoginKind.OAUTH_TOKEN: "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
}


def reader_of(descriptor: int) -> str:
    """A helper's command that reads what the launcher left in a descriptor of the CLI's: a pipe, so it is gone then."""
    return f"cat /proc/$PPID/fd/{descriptor}"


def can_ask_helpers() -> bool:
    """Whether a helper of the CLI's finds the CLI's descriptors; macOS does not show them."""
    return Path("/proc/self/fd").is_dir()


def find_login(env: Mapping[str, str]) -> Login:
    """The login that an environment offers: key, token, or the interactive login of its HOME.

    Raises EnvironmentError_ when there is none.
    """
    for kind, variable in VARIABLES.items():
        if secret := env.get(variable):
            return Login(kind, secret)
    if has_subscription(env):
        return Login(LoginKind.SUBSCRIPTION)
    raise EnvironmentError_(
        "no login for Claude found",
        hint="run `claude` once and log in, or set ANTHROPIC_API_KEY",
    )


def endpoint_login(endpoint: Endpoint, tier: Tier, env: Mapping[str, str]) -> Login:
    """The endpoint's own credentials, or else those of the environment, which a local server never gets.

    Raises EnvironmentError_ like `find_login`.
    """
    if endpoint.api_key:
        return Login(LoginKind.API_KEY, endpoint.api_key)
    if endpoint.auth_token:
        return Login(LoginKind.AUTH_TOKEN, endpoint.auth_token)
    return Login(LoginKind.AUTH_TOKEN, "local") if tier is Tier.LOCAL else find_login(env)


def has_subscription(env: Mapping[str, str]) -> bool:
    """Whether a user logged in with `claude`: a credentials file, or an account whose token is in the keychain."""
    chosen = env.get("CLAUDE_CONFIG_DIR")
    home = Path(env.get("HOME") or user_home())
    folder = Path(chosen) if chosen else home / ".claude"
    account = (folder if chosen else home) / ".claude.json"
    return (folder / ".credentials.json").is_file() or _names_an_account(account)


def _names_an_account(path: Path) -> bool:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(settings, dict) and bool(settings.get("oauthAccount"))
