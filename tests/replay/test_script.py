"""Which turn answers which request."""

from __future__ import annotations

import pytest

from agentflow.replay.request import ReplayRequest
from agentflow.replay.scenario import parse_scenario
from agentflow.replay.script import Script, Unmatched


def script(rules: str) -> Script:
    return Script(parse_scenario(f"name: test\nrules:\n{rules}"))


def request(
    text: str = "hello", session: str = "s1", tools: tuple[str, ...] = (), subagent: str = "", **labels: str
) -> ReplayRequest:
    headers = {f"x-agentflow-{name}": value for name, value in labels.items()}
    headers |= {"x-claude-code-agent-id": subagent} if subagent else {}
    messages = [{"role": "user", "content": text}]
    body = {"model": "claude-haiku-5-5", "messages": messages, "tools": [{"name": tool} for tool in tools]}
    return ReplayRequest.read({"x-claude-code-session-id": session, **headers}, body, at=0.0)


def said(script: Script, *requests: ReplayRequest) -> list[str]:
    return [script.reply(asked).turn.say for asked in requests]


def test_the_first_matching_rule_answers_and_its_turns_follow():
    played = script("  - {when: {agent: plan}, turns: [{say: a}, {say: b}]}\n  - {turns: [{say: c}]}\n")
    plan = request(agent="plan")

    assert said(played, plan, request(agent="execute"), plan) == ["a", "c", "b"]


def test_a_used_up_rule_gives_way_to_the_next():
    played = script("  - {times: 2, turns: [{say: a}]}\n  - {times: '*', turns: [{say: b}]}\n")

    assert said(played, *(request(session=f"s{n}") for n in range(4))) == ["a", "a", "b", "b"]


def test_parallel_conversations_with_the_same_labels_keep_their_own_place():
    played = script("  - {when: {last: one}, turns: [{say: a1}, {say: a2}]}\n  - {turns: [{say: b1}, {say: b2}]}\n")
    one, two = request("question one", "s1", agent="explore"), request("question two", "s2", agent="explore")

    assert said(played, two, one, two, one) == ["b1", "a1", "b2", "a2"]


def test_a_session_and_its_subagents_keep_their_own_places():
    played = script("  - {when: {last: one}, turns: [{say: a1}, {say: a2}]}\n  - {turns: [{say: b1}, {say: b2}]}\n")
    main, sub = request("question one"), request("question two", subagent="a7")

    assert said(played, main, sub, sub, main) == ["a1", "b1", "b2", "a2"]


def test_direct_requests_without_a_session_are_told_apart_by_their_first_message():
    played = script("  - {when: {last: one}, turns: [{say: a1}, {say: a2}]}\n  - {turns: [{say: b1}]}\n")

    assert said(played, request("one", ""), request("two", ""), request("one", "")) == ["a1", "b1", "a2"]


@pytest.mark.parametrize(
    "when",
    [
        "agent: other",
        "subtask: [b, c]",
        "tier: sonnet",
        "attempt: 2",
        "round: 2",
        "tools: [Read, Edit]",
        "tool_result: true",
        "model: opus",
        "system: planner",
        "last: ^hello world$",
        "any: zebra",
        "headers: {X-Agentflow-Agent: nobody}",
    ],
)
def test_each_condition_can_refuse_a_request_and_is_named_in_the_refusal(when):
    played = script(f"  - {{when: {{{when}}}, turns: [{{say: a}}]}}\n")

    with pytest.raises(Unmatched) as caught:
        played.reply(request(agent="execute", subtask="a", tier="haiku", attempt="1", tools=("Read",)))

    assert when.partition(":")[0].rstrip("s") in str(caught.value).partition("Nearest: rules[0]: ")[2]


def test_each_condition_lets_the_right_request_through():
    when = (
        "agent: [explore, execute], subtask: '*', tier: haiku, attempt: 1, round: 1, tools: [Edit], tool_result: false,"
        'model: haiku, last: ^hel, any: \'"role": "user"\', headers: {X-Agentflow-Agent: ^exec}'
    )
    played = script(f"  - {{when: {{{when}}}, turns: [{{say: a}}]}}\n")

    right = request(agent="execute", subtask="a", tier="haiku", attempt="1", tools=("Read", "Edit"))

    assert said(played, right) == ["a"]


def test_the_refusal_names_the_labels_and_the_nearest_rules_first():
    played = script(
        "  - {when: {agent: x, tier: opus}, turns: [{say: a}]}\n  - {when: {agent: x}, turns: [{say: b}]}\n"
    )

    with pytest.raises(Unmatched, match=r"agent=execute tier=haiku.*Nearest: rules\[1\]: agent is not x; rules\[0\]"):
        played.reply(request(agent="execute", tier="haiku"))


def test_a_fault_spoils_its_times_and_then_the_turn_answers():
    played = script("  - turns: [{say: a, fault: {status: 529, times: 2}}, {say: b}]\n")

    replies = [played.reply(request()) for _ in range(4)]

    assert [reply.fault is not None for reply in replies] == [True, True, False, False]
    assert [reply.place for reply in replies] == ["rules[0].turns[0]"] * 3 + ["rules[0].turns[1]"]


def test_a_fault_without_words_is_followed_by_the_next_turn():
    played = script("  - turns: [{fault: {status: 529}}, {say: b}]\n")

    replies = [played.reply(request()) for _ in range(2)]

    assert [reply.fault is not None for reply in replies] == [True, False]
    assert replies[1].turn.say == "b"


def test_a_fault_for_all_times_never_lets_the_turn_through():
    played = script("  - turns: [{say: a, fault: {status: 529, times: '*'}}]\n")

    assert all(played.reply(request()).fault for _ in range(5))
