"""Sessions of the real Claude Code CLI."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.domain.agents import Limits
from agentflow.domain.attempts import FailureKind, Outcome
from agentflow.domain.tiers import Tier
from agentflow.errors import EnvironmentError_, UsageError
from agentflow.models.session import Denied, RequestFinished, Retrying, ToolUsed

pytestmark = pytest.mark.cli

DONE = {"status": "done", "summary": "all good"}
ANSWER = {"answer": DONE}


def call(tool, **tool_input):
    return {"calls": [{"tool": tool, "input": tool_input}]}


def test_an_edit_in_scope_is_made_and_the_answer_is_the_validated_output(bench):
    path = str(bench.worktree / "src" / "app.py")
    edit = call("Edit", file_path=path, old_string="VALUE = 1", new_string="VALUE = 2")
    played = bench.play([call("Read", file_path=path), edit, ANSWER])
    result = played.result
    assert (result.failure, result.output) == (None, DONE)
    assert (bench.worktree / "src" / "app.py").read_text() == "VALUE = 2\n"
    assert [p for p in played.progress if isinstance(p, ToolUsed)] == [
        ToolUsed("Read", "src/app.py"),
        ToolUsed("Edit", "src/app.py"),
    ]
    assert tuple(p.request for p in played.progress if isinstance(p, RequestFinished)) == result.requests
    assert result.denials == ()
    assert 0 < result.ttft_s < result.duration_s


def test_our_price_is_the_clis_own_and_each_request_has_its_tokens(bench):
    result = bench.play([call("Glob", pattern="**/*.py"), ANSWER]).result
    assert len(result.requests) == 2
    assert all(request.model == "claude-haiku-5-5" and request.tokens.output > 0 for request in result.requests)
    assert sum(request.cost_usd for request in result.requests) == pytest.approx(result.cli_cost_usd)


def test_another_served_model_is_visible_and_an_unknown_one_has_no_price(bench):
    result = bench.play([{**ANSWER, "model": "mystery-model-1"}]).result
    assert [(request.model, request.cost_usd) for request in result.requests] == [("mystery-model-1", None)]


def test_the_wire_carries_the_labels_and_only_the_agents_tools(bench):
    request = bench.play([ANSWER]).requests[0]
    assert request.labels == {
        "run": "run-1",
        "subtask": "fix-value",
        "agent": "execute",
        "tier": "haiku",
        "attempt": "1",
    }
    assert set(request.tools) - {"DeferredToolPlaceholder"} == {
        "Read",
        "Grep",
        "Glob",
        "Edit",
        "Write",
        "Bash",
        "StructuredOutput",
    }
    assert "You are a careful engineer." in request.system


def test_a_prompt_is_delivered_as_written(bench):
    request = replace(bench.request, prompt="/clear @/etc/passwd")
    played = bench.play([ANSWER], request)
    assert "/clear @/etc/passwd" in played.requests[0].opening_text
    assert "root:" not in played.requests[0].searchable()


def test_a_long_system_prompt_arrives_whole(bench, with_agent):
    prompt = "Mind the gap. " * 12_000
    played = bench.play([ANSWER], with_agent(bench.request, prompt=prompt + "THE END"))
    assert played.result.failure is None
    assert "THE END" in played.requests[0].system


def test_shared_text_follows_the_agents_prompt(bench):
    played = bench.play([ANSWER], replace(bench.request, shared="All code is Python 2."))
    assert "You are a careful engineer.\n\nAll code is Python 2." in played.requests[0].system


def test_text_instead_of_structured_output_is_no_success(bench):
    result = bench.play([{"say": "I am done."}, {"say": "Really, I am."}]).result
    assert result.output is None
    assert (result.failure.kind, result.failure.outcome) == (FailureKind.QUALITY, Outcome.INVALID_OUTPUT)


def test_answers_that_keep_breaking_the_schema_are_invalid_output(bench):
    result = bench.play([{"answer": {"status": "maybe"}}] * 6).result
    assert (result.failure.kind, result.failure.outcome) == (FailureKind.QUALITY, Outcome.INVALID_OUTPUT)


def test_an_invalid_schema_is_a_usage_error_before_anything_starts(bench):
    with pytest.raises(UsageError, match="schema"):
        bench.play([ANSWER], replace(bench.request, schema={"type": "nonsense"}))


def test_a_rate_limit_is_waited_out(bench):
    played = bench.play([{"fault": {"status": 429, "headers": {"retry-after": "0"}}, **ANSWER}])
    assert played.result.output == DONE
    assert [p.status for p in played.progress if isinstance(p, Retrying)] == [429]
    assert len(played.result.requests) == 1


def test_an_overloaded_endpoint_is_transport(bench):
    result = bench.play([{"fault": {"status": 529, "times": "*"}}]).result
    failure = result.failure
    assert (failure.kind, failure.outcome, failure.http_status) == (FailureKind.TRANSPORT, Outcome.TRANSPORT, 529)


def test_a_rate_limit_that_is_given_up_at_once_is_a_limit(bench):
    result = bench.play([{"fault": {"status": 429, "headers": {"retry-after": "3600"}, "times": "*"}}]).result
    assert (result.failure.kind, result.failure.http_status) == (FailureKind.LIMIT, 429)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 401}, FailureKind.ENVIRONMENT),
        ({"status": 400, "message": "Your credit balance is too low"}, FailureKind.LIMIT),
        ({"status": 404}, FailureKind.ENVIRONMENT),
    ],
)
def test_errors_that_no_retry_cures_are_told_apart(bench, fault, kind):
    assert bench.play([{"fault": {**fault, "times": "*"}}]).result.failure.kind is kind


def test_a_stream_that_breaks_is_repeated(bench):
    result = bench.play([{"fault": {"drop": "mid"}, **ANSWER}]).result
    assert result.output == DONE
    assert len(result.requests) >= 1


def test_running_out_of_turns_is_a_quality_failure(bench, with_agent):
    request = with_agent(bench.request, limits=Limits(max_turns=2))
    result = bench.play([call("Glob", pattern="*")] * 3, request).result
    assert (result.failure.kind, result.failure.outcome) == (FailureKind.QUALITY, Outcome.LIMIT)


def test_the_sessions_budget_is_a_limit(bench):
    result = bench.play([call("Glob", pattern="*")] * 3, replace(bench.request, budget_usd=0.0001)).result
    assert (result.failure.kind, result.failure.outcome) == (FailureKind.LIMIT, Outcome.LIMIT)
    assert len(result.requests) == 1


def test_a_valid_answer_in_the_response_that_crosses_the_budget_counts(bench):
    result = bench.play([ANSWER], replace(bench.request, budget_usd=0.0001)).result
    assert (result.output, result.failure) == (DONE, None)


def test_a_free_local_model_is_not_stopped_by_a_budget(bench):
    label = replace(bench.request.label, tier=Tier.LOCAL)
    result = bench.play([ANSWER], replace(bench.request, label=label, model="qwen:32b", budget_usd=0.000001)).result
    assert result.output == DONE
    assert [request.cost_usd for request in result.requests] == [None]


def test_a_refusal_is_a_quality_failure(bench):
    result = bench.play([{"say": "No.", "stop_reason": "refusal"}] * 3).result
    assert result.failure.kind is FailureKind.QUALITY


def test_a_session_is_resumed_and_costs_only_its_own_part(bench):
    first = bench.play([call("Glob", pattern="*"), ANSWER]).result
    again = replace(bench.request, prompt="The tests still fail.", resume=first.session_id)
    second = bench.play([ANSWER], again)
    assert second.result.output == DONE
    assert second.result.session_id == first.session_id
    assert "Set VALUE to 2." in second.requests[0].searchable()
    assert second.result.cli_cost_usd == pytest.approx(sum(r.cost_usd for r in second.result.requests))


def test_resuming_an_unknown_session_is_a_failure(bench):
    request = replace(bench.request, resume="00000000-0000-4000-8000-000000000000")
    result = bench.play([ANSWER], request).result
    assert result.output is None
    assert "No conversation found" in result.failure.reason


def test_explore_answers_the_model(bench, with_agent):
    asked = []

    async def explore(questions):
        asked.append(list(questions))
        return "VALUE is set in src/app.py:1"

    request = replace(with_agent(bench.request, tools=("Read", "explore")), explore=explore)
    tool = "mcp__agentflow__explore"
    played = bench.play(
        [call(tool, questions=["Where is VALUE set?"]), call(tool, questions=["?"] * 9), ANSWER], request
    )
    assert played.result.output == DONE
    assert asked == [["Where is VALUE set?"]]
    assert "src/app.py:1" in played.tool_results()[0]
    assert "1 to 8 questions" in played.tool_results()[1]
    assert ToolUsed("explore", "Where is VALUE set?") in played.progress


def test_an_agent_without_explore_is_not_offered_it(bench):
    async def explore(questions):
        return "never"

    played = bench.play([ANSWER], replace(bench.request, explore=explore))
    assert not [tool for tool in played.requests[0].tools if "explore" in tool]


def test_a_tool_the_agent_lacks_is_denied_and_recorded(bench, with_agent):
    request = with_agent(bench.request, tools=("Read", "Glob"))
    played = bench.play([call("Bash", command="curl https://example.com"), ANSWER], request)
    assert played.denial("curl").tool == "Bash"
    assert [p.denial for p in played.progress if isinstance(p, Denied)] == list(played.result.denials)


@pytest.mark.parametrize("variable", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"])
def test_every_kind_of_secret_is_a_login(bench, variable, tmp_path):
    played = bench.play([ANSWER], env={"HOME": str(tmp_path), variable: "sk-ant-oat01-CANARY"}, key=None)
    assert played.result.output == DONE


def test_without_a_login_it_is_an_environment_error(bench, tmp_path):
    with pytest.raises(EnvironmentError_, match="no login"):
        bench.play([ANSWER], env={"HOME": str(tmp_path)}, key=None)


def test_an_agent_without_tools_can_be_asked_too(bench, with_agent):
    played = bench.play([ANSWER], with_agent(bench.request, tools=()))
    assert played.result.output == DONE
    assert set(played.requests[0].tools) <= {"StructuredOutput", "DeferredToolPlaceholder"}
