"""Settings: flags > AGENTFLOW_* > what the user has remembered for the repository > the repository's file > the user's
file > defaults, and where each one came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentflow.config.paths import config_dir, expanded
from agentflow.config.repositories import remembered
from agentflow.config.settings_file import Guard, Network, ProofGate, Sandbox, SettingsFile
from agentflow.config.trust import is_trusted
from agentflow.config.validation import located, validate
from agentflow.config.yaml import Document, read_yaml
from agentflow.domain.codec import encode
from agentflow.domain.tiers import Tier
from agentflow.errors import UsageError

__all__ = [
    "HookSettings",
    "Network",
    "ProofGate",
    "Sandbox",
    "Settings",
    "TierSettings",
    "load_settings",
    "repository_config",
    "settings_data",
    "user_config",
]

#: What a repository may set at all; `max_parallel` and amounts of money only lower, `sandbox` only stronger, `hooks`
#: only where the user trusts it.
REPOSITORY_KEYS = (
    *("max_parallel", "budget_usd", "checks", "setup", "setup_timeout_s", "check_timeout_s", "sandbox", "review"),
    "hooks",
)
_ONLY_LOWER = frozenset({("max_parallel",), ("budget_usd",), ("hooks", "day_budget_usd"), ("hooks", "day_cap_usd")})


#: The way to one setting: `tiers.haiku.model` in steps.
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TierSettings:
    """The model a tier stands for (None: the tier is not set up) and how many of its attempts run at once."""

    model: str | None
    max_parallel: int


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """Globs that no review reads, and the tokens of code that one reviewer reads at once, about."""

    exclude: tuple[str, ...] = ()
    pack_tokens: int = 12_000


@dataclass(frozen=True, slots=True)
class HookSettings:
    """What hooks do in a person's own sessions. `pins`: the model of an agent type, whatever the router thinks.

    At 80 and 100 % of `day_budget_usd` a session is told, from `day_cap_usd` on it takes no prompt; None is no limit.
    """

    proof: ProofGate = ProofGate.OFF
    proof_attempts: int = 1
    router: str = "off"
    pins: Mapping[str, str] = field(default_factory=dict)
    guard: Guard = Guard.OURS
    ledger: bool = True
    day_budget_usd: float | None = None
    day_cap_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run goes by. Times in seconds, money in USD; `budget_usd` None is no cap.

    `checks` None means that they are discovered. `check_env`: variables of the user's that checks and set-up get.
    `check_memory_gb`: the most that a check or set-up uses, in 2**30 bytes; None is three quarters of the machine's.
    `check_processes`: the most processes and threads that it has at once.
    `allow_broken_baseline`: go on, unproven, where the checks cannot run. `mutate`: how many wrong versions of each
    subtask's change are tried, 0 for none. `prices`: USD per million tokens by model and token class (input, output,
    cache_read, cache_write_5m, cache_write_1h). `origins` names the layer of every dotted key.
    """

    max_parallel: int
    budget_usd: float | None
    tiers: Mapping[Tier, TierSettings]
    checks: tuple[str, ...] | None
    setup: str | None
    setup_timeout_s: float
    check_timeout_s: float
    check_memory_gb: float | None
    check_processes: int
    check_env: tuple[str, ...]
    allow_broken_baseline: bool
    mutate: int
    sandbox: Sandbox
    network: Network
    review: ReviewSettings
    hooks: HookSettings
    claude_path: Path | None
    base_url: str | None
    prices: Mapping[str, Mapping[str, float]]
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Layer:
    """Values by key, each with its origin in words."""

    values: Mapping[Key, Any]
    origins: Mapping[Key, str]


def load_settings(repository: Path | None, flags: Mapping[str, object], env: Mapping[str, str]) -> Settings:
    """The settings of a run in `repository`. A flag of None was not given; an empty variable is not set.

    `flags` go by dotted key. Raises UsageError with every error of a layer, and when the repository's file would widen
    what the user allows.
    """
    values = dict(_flat(SettingsFile().model_dump(mode="json")))
    defaults = _Layer(values, dict.fromkeys(values, "default"))
    layers = [defaults, _user_layer(), _environment_layer(env, defaults), _flag_layer(flags)]
    if repository is not None:
        own = _repository_layer(repository, {**layers[0].values, **layers[1].values})
        layers[2:2] = [own, _remembered_layer(repository)]
    values = {key: value for layer in layers for key, value in layer.values.items()}
    origins = {place: origin for layer in layers for place, origin in layer.origins.items()}
    return _settings(values, origins)


def settings_data(settings: Settings) -> dict[str, Any]:
    """Plain values by dotted key, without origins."""
    data = {key: value for key, value in encode(settings).items() if key != "origins"}
    return {_dotted(key): value for key, value in _flat(data)}


def user_config() -> Path:
    return config_dir() / "config.yaml"


def repository_config(repository: Path) -> Path:
    return repository / ".agentflow" / "config.yaml"


def _settings(values: Mapping[Key, Any], origins: Mapping[Key, str]) -> Settings:
    file = validate(SettingsFile, _nested(values), "settings")
    return Settings(
        max_parallel=file.max_parallel,
        budget_usd=file.budget_usd,
        tiers={tier: TierSettings(given.model, given.max_parallel) for tier, given in file.tiers.items()},
        checks=file.checks,
        setup=file.setup,
        setup_timeout_s=file.setup_timeout_s,
        check_timeout_s=file.check_timeout_s,
        check_memory_gb=file.check_memory_gb,
        check_processes=file.check_processes,
        check_env=file.check_env,
        allow_broken_baseline=file.allow_broken_baseline,
        mutate=file.mutate,
        sandbox=file.sandbox,
        network=file.network,
        review=ReviewSettings(file.review.exclude, file.review.pack_tokens),
        hooks=HookSettings(**dict(file.hooks)),
        claude_path=expanded(file.claude_path, "claude_path") if file.claude_path else None,
        base_url=file.base_url,
        prices={model: price.rates() for model, price in file.prices.items()},
        origins={_dotted(key): origin for key, origin in origins.items()},
    )


def _user_layer() -> _Layer:
    return _file_layer(_document(user_config()), "user")


def _repository_layer(repository: Path, allowed: Mapping[Key, Any]) -> _Layer:
    document = _document(repository_config(repository))
    layer = _file_layer(document, "repository")
    if not is_trusted(repository):
        layer = _Layer(
            *({key: each[key] for key in each if key[0] != "hooks"} for each in (layer.values, layer.origins))
        )
    refused = ((key, _widening(key, value, allowed)) for key, value in layer.values.items())
    if errors := [located(document, document.source, key, reason) for key, reason in refused if reason]:
        raise UsageError("\n".join(errors), hint=f"your own settings are in {user_config()}")
    return layer


def _remembered_layer(repository: Path) -> _Layer:
    given, document, place = remembered(repository)
    lines = {key: document.line(("repositories", place, key)) for key in given}
    return _Layer(
        {(key,): value for key, value in given.items()},
        {(key,): f"user {document.source}:{line}" for key, line in lines.items()},
    )


def _widening(key: Key, value: Any, allowed: Mapping[Key, Any]) -> str:
    """Why a repository may not set this, or the empty string."""
    name, limit = key[0], allowed.get(key)
    if name not in REPOSITORY_KEYS:
        return "a repository may not set this"
    if key in _ONLY_LOWER and limit is not None and (value is None or value > limit):
        return f"a repository may only lower this; it is {limit:g}"
    if key == ("hooks", "guard") and Guard(value).rank < Guard(str(limit)).rank:
        return f"a repository may only strengthen this; it is {limit!r}"
    if name == "sandbox" and Sandbox(value).rank < Sandbox(str(limit)).rank:
        return f"a repository may only strengthen this; it is {limit!r}"
    return ""


def _environment_layer(env: Mapping[str, str], defaults: _Layer) -> _Layer:
    variables = {key: "AGENTFLOW_" + "_".join(key).upper() for key in defaults.values}
    given = {key: env[variable] for key, variable in variables.items() if env.get(variable)}
    file = validate(SettingsFile, _nested(given), "environment (AGENTFLOW_*)", strict=False)
    values = _given(file)
    return _Layer(values, {key: f"environment {variables[key]}" for key in values})


def _flag_layer(flags: Mapping[str, object]) -> _Layer:
    given = {tuple(name.split(".")): value for name, value in flags.items() if value is not None}
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in given.items()}
    values = _given(validate(SettingsFile, _nested(plain), "command line"))
    return _Layer(values, dict.fromkeys(values, "command line"))


def _file_layer(document: Document, name: str) -> _Layer:
    values = _given(validate(SettingsFile, document, document.source))
    return _Layer(values, {key: f"{name} {document.source}:{document.line(key)}" for key in values})


def _document(path: Path) -> Document:
    return read_yaml(path) if path.exists() or path.is_symlink() else Document({}, str(path), {})


def _given(file: SettingsFile) -> dict[Key, Any]:
    """What the layer says itself, without the defaults around it."""
    return dict(_flat(file.model_dump(mode="json", exclude_unset=True)))


def _flat(data: Mapping[str, Any], around: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Values by key; the price of a model is one setting."""
    for step, value in data.items():
        if isinstance(value, dict) and around[:1] != ("prices",):
            yield from _flat(value, (*around, step))
        else:
            yield (*around, step), value


def _nested(values: Mapping[Key, Any]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for (*around, last), value in values.items():
        inner = root
        for step in around:
            inner = inner.setdefault(step, {})
        inner[last] = value
    return root


def _dotted(key: Key) -> str:
    return ".".join(key)
