"""Scenario files: what they may say, and how mistakes are told."""

from __future__ import annotations

import pytest

from agentflow.errors import UsageError
from agentflow.replay.scenario import load_scenario, parse_scenario


def mistake(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_scenario(text, "demo.yaml")
    return caught.value.message


def test_a_scenario_reads_back_as_it_was_written(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("""
name: small
about: one line
rules:
  - when: {agent: execute, tier: [haiku, sonnet], attempt: 1, last: "^do"}
    times: "*"
    turns:
      - {thinking: hm, say: yes, delay: 0.5}
      - fault: {status: 429, headers: {retry-after: "1"}}
""")

    rule = load_scenario(file).rules[0]

    assert (rule.when.agent, rule.when.tier, rule.when.attempt) == (("execute",), ("haiku", "sonnet"), ("1",))
    assert rule.when.last.search("do it")
    assert rule.times == float("inf")
    assert (rule.turns[0].say, rule.turns[0].speaks, rule.turns[0].delay) == ("yes", True, 0.5)
    assert (rule.turns[1].fault.status, rule.turns[1].speaks, rule.turns[1].fault.times) == (429, False, 1)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{turns: [{sya: hello}]}", "demo.yaml:4: rules[0].turns[0].sya: unknown key; did you mean 'say'?"),
        ("{when: {tier: hiaku}, turns: [{say: x}]}", "rules[0].when.tier: unknown tier 'hiaku'; did you mean 'haiku'?"),
        ("{when: {agent: {a: b}}, turns: [{say: x}]}", 'rules[0].when.agent: must be a name, a list of names, or "*"'),
        ("{when: {last: '('}, turns: [{say: x}]}", "rules[0].when.last: "),
        ("{turns: []}", "rules[0].turns: "),
        ("{times: 0, turns: [{say: x}]}", "rules[0].times: "),
        ("{turns: [{delay: 1}]}", "a turn needs one of say, thinking, calls, answer, content or fault"),
        ("{turns: [{say: x, content: []}]}", "content stands alone"),
        ("{turns: [{fault: {}}]}", "a fault is exactly one of status or body, drop, end, hang, sse_error, drip, odd"),
        (
            "{turns: [{fault: {status: 500, drop: mid}}]}",
            "a fault is exactly one of status or body, drop, end, hang, sse_error, drip, odd",
        ),
        ("{turns: [{fault: {status: 200}}]}", "rules[0].turns[0].fault.status: "),
        ("{turns: [{fault: {body: x, drop: mid}}]}", "a fault is exactly one of"),
        ("{turns: [{fault: {odd: odd}}]}", "'odd' is not one of crlf, cr, bytes"),
        ("{turns: [{fault: {drop: midd}}]}", "'midd' is not one of connect, headers, mid, message_start, "),
    ],
)
def test_a_mistake_is_told_with_file_line_and_place(rule, told):
    message = mistake(f"name: n\nabout: a\nrules:\n  - {rule}\n")

    assert told in message
    assert message.startswith("demo.yaml:4: rules[0]")
    assert "\n" not in message


def test_all_mistakes_are_told_at_once():
    message = mistake("name: n\nrules:\n  - {turns: [{sya: x}]}\n  - {wen: {}, turns: [{say: x}]}\n")

    assert "demo.yaml:3" in message
    assert "demo.yaml:4" in message


def test_a_missing_file_is_told_by_name(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.yaml"):
        load_scenario(tmp_path / "nowhere.yaml")
