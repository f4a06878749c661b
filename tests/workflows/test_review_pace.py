"""How many reviewers are at work at once, and who goes first."""

from __future__ import annotations

import pytest

from agentflow.domain.events import EventKind

DELAY_S = 1.5


def slow(reviewing) -> list[dict]:
    """Nobody finds anything, and every reviewer takes its time."""
    reviewer, synthesizer = reviewing.clean()
    return [{**reviewer, "turns": [{**reviewer["turns"][0], "delay": DELAY_S}]}, synthesizer]


def most_at_once(server) -> int:
    """The most reviewers' requests under way at the same time: each is for as long as its answer is delayed."""
    begun = [request.at for request in server.requests if request.labels["agent"] == "reviewer"]
    return max(sum(0 <= moment - other < DELAY_S for other in begun) for moment in begun)


def packs_in_order(world) -> list[tuple[str, str]]:
    kinds = (EventKind.PACK_STARTED, EventKind.PACK_FINISHED)
    return [(event.kind.value, event.subtask) for event in world.events() if event.kind in kinds]


@pytest.mark.long
def test_eight_reviewers_read_at_once_and_none_waits_for_a_first_one(world, reviewing):
    server = reviewing.scene(*slow(reviewing))
    ended = reviewing.review(reviewing.packs(9), "src", "--json", replay=server)
    assert (ended.code, ended.json["packs"]) == (0, 9), ended.err
    assert most_at_once(server) == 8
    assert [kind for kind, _ in packs_in_order(world)[:8]] == ["pack_started"] * 8


def test_max_parallel_bounds_the_reviewers_and_a_long_prefix_is_warmed_by_the_first(world, reviewing):
    rules = "".join(f"{n}. Whoever divides makes sure of what by, says rule {n}.\n" for n in range(120))
    server = reviewing.scene(*slow(reviewing))
    root = reviewing.packs(5, **{"CLAUDE.md": rules})
    ended = reviewing.review(root, "src", "--json", "--max-parallel", "2", replay=server)

    assert (ended.code, ended.json["packs"]) == (0, 5), ended.err
    assert most_at_once(server) == 2
    assert packs_in_order(world)[:2] == [("pack_started", "pack-1"), ("pack_finished", "pack-1")]
    with world.ledger() as ledger:
        first, *others = (call for call in ledger.calls(ended.json["run_id"]) if call.agent == "reviewer")
    assert (first.tokens.cache_read, first.tokens.cache_write > 1024) == (0, True)
    assert {call.tokens.cache_read for call in others} == {first.tokens.cache_write}
