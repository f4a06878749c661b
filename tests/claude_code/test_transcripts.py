"""Transcripts read on from where the last look ended: every answer counts once, as its last line has it."""

from __future__ import annotations

import json
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.claude_code.transcripts import Account, read_on
from agentflow.domain.calls import Tokens
from agentflow.domain.codec import decode, encode
from agentflow.models.prices import price

NOON = "2026-03-01T12:00:00.000Z"


def line(message_id, out=10, model="claude-haiku-5-5", at=NOON, **fields):
    usage = {"input_tokens": 100, "output_tokens": out}
    message = {"id": message_id, "model": model, "usage": usage, "content": [{"type": "text", "text": "é"}]}
    return json.dumps({"type": "assistant", "message": message, "timestamp": at, **fields}, ensure_ascii=False) + "\n"


OTHERS = [
    '{"type": "user", "message": {"role": "user", "content": "\\"assistant\\""}}\n',
    '{"type": "assistant"}\n',
    '{"type": "assistant", "message": {"id": 3, "model": null, "usage": [1]}, "timestamp": 5}\n',
    '{"type": "assistant", "mess\n',
    "[]\n",
    '["assistant"]\n',
    "\n",
    line("m0", model="<synthetic>"),
    line("m0", at="whenever"),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.jsonl"


def read(path, account=None, since=0.0):
    return read_on(account or Account(), path, since, price)


def totals(account):
    return account.totals(price)


def test_an_answer_of_many_lines_counts_once_as_its_last_line_has_it(path):
    path.write_text(line("m1", out=1) + line("m1", out=1) + line("m1", out=50) + line("m2", out=7))

    (haiku,) = totals(read(path))
    assert (haiku.requests, haiku.tokens) == (2, Tokens(input=200, output=57))
    assert haiku.cost_usd == fsum(price("claude-haiku-5-5", Tokens(100, out)) for out in (50, 7))


def test_everything_else_in_a_transcript_costs_nothing(path):
    path.write_text("".join(OTHERS))

    assert totals(read(path)) == ()


@given(
    lines=st.lists(
        st.one_of(
            st.builds(
                line, st.sampled_from("abcd"), st.integers(1, 9), st.sampled_from(["claude-opus-5-5", "unknown"])
            ),
            st.sampled_from(OTHERS),
        ),
        max_size=12,
    ),
    cuts=st.lists(st.integers(0, 4000), max_size=4),
)
def test_reading_in_pieces_that_end_anywhere_comes_to_the_same(tmp_path_factory, lines, cuts):
    whole, path = "".join(lines).encode(), tmp_path_factory.mktemp("pieces") / "session.jsonl"
    account = Account()
    for end in [*sorted(cuts), len(whole)]:
        path.write_bytes(whole[:end])
        account = decode(Account, json.loads(json.dumps(encode(read(path, account)))))

    assert totals(account) == totals(read(path))


def test_a_repeated_look_changes_nothing(path):
    path.write_text(line("m1") + line("m2"))
    once = read(path)

    assert read(path, once) == once


def test_what_is_still_being_written_waits(path):
    path.write_text(line("m1") + line("m2").rstrip("\n"))
    account = read(path)
    assert totals(account)[0].requests == 1

    with path.open("a") as file:
        file.write("\n")
    assert totals(read(path, account))[0].requests == 2


def test_an_answer_that_comes_up_again_is_known(path):
    path.write_text(line("m1") + line("m2") + line("m1") + line("m3"))

    assert totals(read(path))[0].requests == 3


def test_answers_from_before_belong_to_somebody_else(path):
    path.write_text(line("m1", at="2026-03-01T11:59:59.999Z") + line("m2"))

    assert totals(read(path, since=1772366400.0))[0].requests == 1


def test_a_transcript_that_was_written_anew_is_read_anew(path):
    path.write_text(line("m1") + line("m2") + line("m3"))
    account = read(path)
    path.write_text(line("m9"))

    assert totals(read(path, account))[0].requests == 1


def test_each_request_is_priced_by_itself(path):
    usage = {"input_tokens": 60_000, "output_tokens": 0}
    message = {"model": "claude-haiku-5-5", "usage": usage}
    path.write_text(
        "".join(
            json.dumps({"type": "assistant", "timestamp": NOON, "message": {**message, "id": name}}) + "\n"
            for name in "ab"
        )
    )

    assert totals(read(path))[0].cost_usd == pytest.approx(2 * 0.006)


def test_models_and_what_has_no_price_stand_apart(path):
    path.write_text(
        line("m1") + line("m2", model="mystery") + line("m3", model="claude-opus-5-5", requestedModel="opus")
    )

    assert [(one.model, one.requested, one.cost_usd is None) for one in totals(read(path))] == [
        ("claude-haiku-5-5", "claude-haiku-5-5", False),
        ("mystery", "mystery", True),
        ("claude-opus-5-5", "opus", False),
    ]
