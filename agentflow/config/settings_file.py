"""`config.yaml` as people write it. The defaults of these fields are agentflow's defaults."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from agentflow.config.validation import StrictModel
from agentflow.domain.tiers import Tier


class Sandbox(StrEnum):
    """How an executor's Bash, the checks and set-up are confined, from weak to strong.

    `off`: Bash by agentflow's guard alone, checks not at all. `auto`: by the operating system; where that does not work
    the user is asked. `full`: by it, or there is no run.
    """

    OFF = "off"
    AUTO = "auto"
    FULL = "full"

    @property
    def rank(self) -> int:
        return list(Sandbox).index(self)


class Network(StrEnum):
    """What sandboxed checks reach: a loopback of their own, or the machine's whole network."""

    LOOPBACK = "loopback"
    FULL = "full"


class ProofGate(StrEnum):
    """What the proof gate does in a person's own session when a check fails: nothing, say so, or have it mended."""

    OFF = "off"
    NOTICE = "notice"
    BLOCK = "block"


class Guard(StrEnum):
    """Whose agents the guard holds to their definitions in a person's own session.

    `off`: nobody's. `ours`: agentflow's own. `notice`: those, and of the person's own it is said what would have been
    refused. `mine`: the person's own as well.
    """

    OFF = "off"
    OURS = "ours"
    NOTICE = "notice"
    MINE = "mine"

    @property
    def rank(self) -> int:
        return list(Guard).index(self)


def _as_guard(value: Any) -> Any:
    """Once the setting was true or false; and YAML reads `off` as false."""
    return {"true": "ours", "false": "off"}.get(str(value).lower(), value)


def _as_proof(value: Any) -> Any:
    """Once `notice` was called `warn`; and YAML reads `off` as false."""
    return {"warn": "notice", "false": "off"}.get(str(value).lower(), value)


def as_lines(value: Any) -> Any:
    """A variable such as AGENTFLOW_CHECKS holds one entry a line."""
    given = value.splitlines() if isinstance(value, str) else value
    return tuple(given) if isinstance(given, list) else given


Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Parallel = Annotated[int, Field(ge=1, le=64)]
Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]


#: Names of environment variables.
Names = tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], ...]


class TierFile(StrictModel):
    model: str | None = Field(default=None, min_length=1)
    max_parallel: Parallel = 4


class PriceFile(StrictModel):
    """USD per million tokens. Cached tokens cost as much as fresh input unless their own price is given."""

    input_per_mtok: Usd
    output_per_mtok: Usd
    cache_read_per_mtok: Usd | None = None
    cache_write_5m_per_mtok: Usd | None = None
    cache_write_1h_per_mtok: Usd | None = None

    def rates(self) -> dict[str, float]:
        """USD per million tokens of every token class."""
        given = {name.removesuffix("_per_mtok"): price for name, price in self}
        return {name: self.input_per_mtok if price is None else price for name, price in given.items()}


class ReviewFile(StrictModel):
    exclude: Annotated[tuple[str, ...], BeforeValidator(as_lines)] = ()
    pack_tokens: int = Field(default=12_000, ge=1_000, le=200_000)


class HooksFile(StrictModel):
    """What agentflow does inside a person's own Claude Code sessions."""

    proof: Annotated[ProofGate, BeforeValidator(_as_proof)] = ProofGate.OFF
    proof_attempts: int = Field(default=1, ge=1, le=8)
    router: Literal["off", "on"] = "off"
    pins: dict[str, str] = Field(default_factory=dict)
    guard: Annotated[Guard, BeforeValidator(_as_guard)] = Guard.OURS
    ledger: bool = True
    day_budget_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    day_cap_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)


def _tiers() -> dict[Tier, TierFile]:
    return {
        Tier.LOCAL: TierFile(model=None, max_parallel=1),
        Tier.HAIKU: TierFile(model="claude-haiku-5-5", max_parallel=8),
        Tier.SONNET: TierFile(model="claude-sonnet-5-5", max_parallel=4),
        Tier.OPUS: TierFile(model="claude-opus-5-5", max_parallel=2),
        Tier.FABLE: TierFile(model="claude-fable-5-2", max_parallel=1),
    }


class SettingsFile(StrictModel):
    max_parallel: Parallel = 4
    budget_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    tiers: dict[Tier, TierFile] = Field(default_factory=_tiers)
    checks: Annotated[tuple[str, ...] | None, BeforeValidator(as_lines)] = None
    setup: str | None = None
    setup_timeout_s: Seconds = 900.0
    check_timeout_s: Seconds = 600.0
    check_memory_gb: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    check_processes: int = Field(default=8192, ge=16)
    check_env: Annotated[Names, BeforeValidator(as_lines)] = ()
    allow_broken_baseline: bool = False
    mutate: int = Field(default=0, ge=0, le=1000)
    sandbox: Sandbox = Sandbox.AUTO
    network: Network = Network.LOOPBACK
    review: ReviewFile = Field(default_factory=ReviewFile)
    hooks: HooksFile = Field(default_factory=HooksFile)
    claude_path: str | None = None
    base_url: str | None = Field(default=None, pattern=r"^https?://")
    prices: dict[str, PriceFile] = Field(default_factory=dict)
