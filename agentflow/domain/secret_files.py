"""Which files hold secrets, by their names: nobody sends, commits or shows them unasked."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

#: gitignore patterns; samples are for reading, and so is code that is called `credentials` or `secrets`.
_PATTERNS = (
    ".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd",
    ".vault-token", ".git-credentials", ".dockercfg", ".docker/config.json", ".aws/credentials", ".kube/config",
    "kubeconfig*", "*.kubeconfig", "*.pem", "*.key", "*.p12", "*.pfx", "*.p8", "*.jks", "*.keystore", "*.ppk", "*.kdbx",
    "*.ovpn", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "service-account*.json", "*.tfstate",
    "*.tfstate.backup", "*.tfvars", "*.tfvars.json",
    *(f"{name}{ending}" for name in ("credentials", "secrets")
      for ending in ("", ".json", ".yaml", ".yml", ".toml", ".ini", ".csv", ".properties", ".xml", ".txt")),
    "!*.example", "!*.sample", "!*.template", "!*.dist", "!*.example.*", "!*.sample.*", "!*.template.*", "!*.pub",
)  # fmt: skip
#: Of these, what stands in them decides: most hold none.
_OFTEN_PLAIN = (".npmrc", ".envrc")


def may_hold_secrets(path: str) -> bool:
    """Whether a file of this name usually holds what nobody else may see."""
    return _spec(_PATTERNS).match_file(path)


def is_often_plain(path: str) -> bool:
    """Whether a file that `may_hold_secrets` is to be judged by what stands in it."""
    return _spec(_OFTEN_PLAIN).match_file(path)


def secret_pathspecs() -> tuple[str, ...]:
    """The same for git, which knows no exceptions: `may_hold_secrets` sorts out what it finds."""
    return tuple(f":(glob)**/{pattern}" for pattern in _PATTERNS if not pattern.startswith("!"))


@cache
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)
