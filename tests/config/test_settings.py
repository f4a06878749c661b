from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.config.settings import (
    Guard,
    HookSettings,
    ProofGate,
    Sandbox,
    load_settings,
    repository_config,
    settings_data,
    user_config,
)
from agentflow.config.trust import trust
from agentflow.domain.tiers import Tier
from agentflow.errors import UsageError


def errors(repository: Path | None = None, flags=None, env=None) -> list[str]:
    with pytest.raises(UsageError) as caught:
        load_settings(repository, flags or {}, env or {})
    return caught.value.message.splitlines()


def test_without_any_file_the_defaults_hold():
    settings = load_settings(None, {}, {})
    assert (settings.max_parallel, settings.budget_usd, settings.sandbox) == (4, None, Sandbox.AUTO)
    assert (settings.checks, settings.setup, settings.setup_timeout_s, settings.check_timeout_s) == (
        None,
        None,
        900,
        600,
    )
    assert {tier: (given.model, given.max_parallel) for tier, given in settings.tiers.items()} == {
        Tier.LOCAL: (None, 1),
        Tier.HAIKU: ("claude-haiku-5-5", 8),
        Tier.SONNET: ("claude-sonnet-5-5", 4),
        Tier.OPUS: ("claude-opus-5-5", 2),
        Tier.FABLE: ("claude-fable-5-2", 1),
    }
    assert (settings.review.exclude, settings.review.pack_tokens) == ((), 12_000)
    assert set(settings.origins.values()) == {"default"}


def test_flags_go_before_the_environment_the_repository_the_user_and_the_defaults(write, repository):
    keys = ["max_parallel", "budget_usd", "check_timeout_s", "setup", "sandbox"]
    user = write("user/config.yaml", "max_parallel: 9\nbudget_usd: 9\ncheck_timeout_s: 9\nsetup: user\n")
    own = write("repository/.agentflow/config.yaml", "max_parallel: 8\nbudget_usd: 8\ncheck_timeout_s: 8\n")
    settings = load_settings(
        repository, {"max_parallel": 6, "setup": None}, {"AGENTFLOW_MAX_PARALLEL": "7", "AGENTFLOW_BUDGET_USD": "7"}
    )
    assert [getattr(settings, key) for key in keys] == [6, 7, 8, "user", "auto"]
    assert [settings.origins[key] for key in keys] == [
        "command line",
        "environment AGENTFLOW_BUDGET_USD",
        f"repository {own}:3",
        f"user {user}:4",
        "default",
    ]


def test_one_tiers_model_can_be_set_without_the_rest(write):
    write("user/config.yaml", "tiers:\n  local: {model: qwen2.5-coder}\n  opus:\n    max_parallel: 1\n")
    settings = load_settings(None, {}, {"AGENTFLOW_TIERS_HAIKU_MODEL": "claude-haiku-4-5"})
    assert settings.tiers[Tier.LOCAL].model == "qwen2.5-coder"
    assert (settings.tiers[Tier.OPUS].model, settings.tiers[Tier.OPUS].max_parallel) == ("claude-opus-5-5", 1)
    assert settings.tiers[Tier.HAIKU].model == "claude-haiku-4-5"


def test_a_users_price_covers_every_token_class(write):
    write(
        "user/config.yaml",
        "prices:\n  qwen2.5-coder:32b: {input_per_mtok: 2, output_per_mtok: 4, cache_read_per_mtok: 0}\n",
    )
    settings = load_settings(None, {}, {})
    expected = {"input": 2, "output": 4, "cache_read": 0, "cache_write_5m": 2, "cache_write_1h": 2}
    assert settings.prices == {"qwen2.5-coder:32b": expected}
    assert settings_data(settings)["prices.qwen2.5-coder:32b"] == expected
    assert settings.origins["prices.qwen2.5-coder:32b"].endswith("config.yaml:2")


def test_a_setting_that_a_user_sets_to_null_is_theirs_and_no_default(write):
    write("user/config.yaml", "budget_usd: null\n")
    assert load_settings(None, {}, {}).origins["budget_usd"].startswith("user ")


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_variable_and_a_flag_of_none_set_nothing(value: str | None):
    settings = load_settings(
        None, {"max_parallel": None}, {"AGENTFLOW_MAX_PARALLEL": value} if value is not None else {}
    )
    assert settings.origins["max_parallel"] == "default"


def test_checks_come_one_a_line_from_the_environment():
    assert load_settings(None, {}, {"AGENTFLOW_CHECKS": "pytest -q\nruff check"}).checks == ("pytest -q", "ruff check")


def test_checks_of_a_flag_and_a_path_are_taken_as_they_are():
    settings = load_settings(None, {"checks": ["make test"], "claude_path": Path("/opt/claude")}, {})
    assert (settings.checks, settings.claude_path) == (("make test",), Path("/opt/claude"))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("tiers:\n  opus: {model: claude-fable-5-2}", "2: tiers.opus.model"),
        ("tiers:\n  opus:\n    max_parallel: 64", "3: tiers.opus.max_parallel"),
        ("\nbase_url: https://evil.example", "2: base_url"),
        ("claude_path: ./claude", "1: claude_path"),
        ("prices:\n  claude-opus-5-5: {input_per_mtok: 0, output_per_mtok: 0}", "2: prices.claude-opus-5-5"),
        ("setup: make\nsandbox: off", "2: sandbox"),
        ("max_parallel: 5", "1: max_parallel"),
    ],
)
@pytest.mark.security("T9")
def test_a_repository_may_not_widen_a_setting(write, repository, text: str, key: str):
    path = write("repository/.agentflow/config.yaml", text)
    (error,) = errors(repository)
    assert error.startswith(f"{path}:{key}: a repository may ")


@pytest.mark.parametrize("budget", ["2.01", "null"])
def test_a_repository_may_not_lift_the_users_budget(write, repository, budget: str):
    write("user/config.yaml", "budget_usd: 2")
    write("repository/.agentflow/config.yaml", f"budget_usd: {budget}")
    assert "budget_usd: a repository may only lower this; it is 2" in errors(repository)[0]


def test_a_repository_may_not_weaken_the_users_sandbox(write, repository):
    write("user/config.yaml", "sandbox: full")
    write("repository/.agentflow/config.yaml", "sandbox: auto")
    assert "sandbox: a repository may only strengthen this; it is 'full'" in errors(repository)[0]


def test_a_repository_may_narrow(write, repository):
    text = "max_parallel: 2\nbudget_usd: 1\nsandbox: full\nchecks: [pytest -q]\nsetup: npm ci\ncheck_timeout_s: 1200\n"
    write("repository/.agentflow/config.yaml", text)
    settings = load_settings(repository, {}, {})
    assert (settings.max_parallel, settings.budget_usd, settings.sandbox) == (2, 1, Sandbox.FULL)
    assert (settings.checks, settings.setup, settings.check_timeout_s) == (("pytest -q",), "npm ci", 1200)


def test_every_widening_of_a_repository_is_listed_at_once_with_advice(write, repository):
    write("repository/.agentflow/config.yaml", "base_url: https://x.example\nmax_parallel: 60\n")
    with pytest.raises(UsageError) as caught:
        load_settings(repository, {}, {})
    assert len(caught.value.message.splitlines()) == 2
    assert str(user_config()) in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("max_paralel: 3", "1: max_paralel: unknown key; did you mean 'max_parallel'?"),
        (
            "tiers: {opsu: {model: x}}",
            "1: tiers.opsu: 'opsu' is not one of local, haiku, sonnet, opus, fable; did you mean 'opus'?",
        ),
        ("tiers: {opus: {modle: x}}", "1: tiers.opus.modle: unknown key; did you mean 'model'?"),
        ("max_parallel: null", "1: max_parallel: should be a valid integer"),
        ("max_parallel: '4'", "1: max_parallel: should be a valid integer"),
        ("max_parallel: 0", "1: max_parallel: should be greater than or equal to 1"),
        ("budget_usd: 0", "1: budget_usd: should be greater than 0"),
        ("sandbox: none", "1: sandbox: 'none' is not one of off, auto, full"),
        ("base_url: file:///etc", "1: base_url:"),
        ("prices: {m: {input_per_mtok: 1}}", "1: prices.m.output_per_mtok: is required"),
        ("setup: true", "1: setup: should be a valid string; quote it"),
        ("a: 1\na: 2", "2: duplicate key 'a'"),
    ],
)
def test_a_wrong_user_file_is_an_error_with_its_line(write, text: str, error: str):
    path = write("user/config.yaml", text)
    assert errors()[0].startswith(f"{path}:{error}")


def test_wrong_variables_and_flags_are_errors_that_name_their_layer():
    assert errors(env={"AGENTFLOW_MAX_PARALLEL": "many"})[0].startswith(
        "environment (AGENTFLOW_*): max_parallel: should be"
    )
    assert (
        errors(flags={"sandbox": "ful"})[0]
        == "command line: sandbox: 'ful' is not one of off, auto, full; did you mean 'full'?"
    )


def test_a_dangling_link_in_place_of_a_file_is_not_taken_for_no_file(user_folder):
    user_folder.mkdir()
    (user_folder / "config.yaml").symlink_to("nowhere")
    assert "no such file" in errors()[0]


def test_the_shown_values_and_origins_have_the_same_keys(repository):
    settings = load_settings(repository, {}, {})
    assert set(settings_data(settings)) == set(settings.origins)
    assert repository_config(repository) == repository / ".agentflow" / "config.yaml"


def test_hooks_have_defaults_that_change_nothing_in_a_session():
    assert load_settings(None, {}, {}).hooks == HookSettings(
        proof=ProofGate.OFF,
        proof_attempts=1,
        router="off",
        guard=Guard.OURS,
        ledger=True,
        day_budget_usd=None,
        day_cap_usd=None,
    )


def test_the_hooks_of_a_repository_hold_where_the_user_trusts_it(write, repository, monkeypatch, tmp_path):
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", str(tmp_path / "state"))
    write("user/config.yaml", "hooks: {proof: warn, pins: {Explore: haiku}}\n")
    own = write("repository/.agentflow/config.yaml", "hooks:\n  proof: block\n  pins: {Plan: opus}\n")
    settings = load_settings(repository, {}, {})
    assert (settings.hooks.proof, settings.hooks.pins) == (ProofGate.NOTICE, {"Explore": "haiku"})
    assert settings.origins["hooks.proof"].startswith("user ")

    trust(repository)
    settings = load_settings(repository, {}, {"AGENTFLOW_HOOKS_ROUTER": "on"})
    assert (settings.hooks.proof, settings.hooks.router) == (ProofGate.BLOCK, "on")
    assert settings.hooks.pins == {"Explore": "haiku", "Plan": "opus"}
    assert settings.origins["hooks.proof"] == f"repository {own}:2"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("hooks: {proof: maybe}", "hooks.proof: 'maybe' is not one of off, notice, block"),
        ("hooks: {proof_attempts: 0}", "hooks.proof_attempts: should be greater than or equal to 1"),
        ("hooks: {router: true}", "hooks.router: should be 'off' or 'on'"),
        ("hooks: {day_cap_usd: 0}", "hooks.day_cap_usd: should be greater than 0"),
        ("hooks: {pins: {Explore: 3}}", "hooks.pins.Explore: should be a valid string; quote it"),
        ("hooks: {gaurd: false}", "hooks.gaurd: unknown key; did you mean 'guard'?"),
    ],
)
def test_a_wrong_word_among_the_hooks_is_an_error_with_its_place(write, text: str, error: str):
    path = write("user/config.yaml", text)
    assert errors() == [f"{path}:1: {error}"]


def test_a_trusted_repository_may_lower_a_cap_and_not_lift_it(write, repository, monkeypatch, tmp_path):
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", str(tmp_path / "state"))
    trust(repository)
    write("user/config.yaml", "hooks: {day_cap_usd: 5}\n")
    own = write("repository/.agentflow/config.yaml", "hooks: {day_cap_usd: 4}\n")
    assert load_settings(repository, {}, {}).hooks.day_cap_usd == 4

    own.write_text("hooks: {day_cap_usd: 6, guard: false}\n")
    where = f"{own}:1: hooks"
    assert errors(repository) == [
        f"{where}.guard: a repository may only strengthen this; it is 'ours'",
        f"{where}.day_cap_usd: a repository may only lower this; it is 5",
    ]
