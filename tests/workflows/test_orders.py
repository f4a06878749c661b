from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.domain.attempts import Attempt, Outcome, Wall, Way
from agentflow.domain.codec import decode, encode
from agentflow.domain.evidence import Proof
from agentflow.domain.plans import Plan
from agentflow.domain.tiers import Tier
from agentflow.workflows.orders import (
    Car,
    Drafted,
    Examined,
    Merge,
    Order,
    Prior,
    Replanned,
    Resolved,
    Resumed,
    Round,
    Squashed,
    Standing,
    Start,
    Train,
    TrainOrder,
    Walled,
    prior_of,
)

ATTEMPT = Attempt("a", 2, Tier.HAIKU, "m", Outcome.EMPTY, 1, "why", "what", "base", None, "", 0.5, (), 1.0)

WALLED = replace(ATTEMPT, wall=Wall(("b.py",), ("b.py",), session="session", way=Way.WIDENED))


@pytest.mark.parametrize(
    "value",
    [
        Order("run", "a", 1, Tier.HAIKU, "base"),
        Order("run", "a", 2, Tier.SONNET, "base", Prior(Tier.HAIKU, "base", None, "why", "what")),
        Round(None, "m", None, failure=Outcome.TIMEOUT, reason="slow", started=1.5),
        Examined(Outcome.PASSED, proof=Proof.UNPROVEN),
        Start(Plan("Do it.", ("it works",), ()), "base", 4, {"a": (Tier.HAIKU, Tier.OPUS)}),
        Merge("head", merged=False, reason="why", digest="what", conflicts=("a.py", "b.py")),
        Order("run", "a", 2, Tier.HAIKU, "base", resumed=Resumed("session", 1)),
        Walled("run", WALLED, {"b.py": "b"}, ("c",), ()),
        Replanned(WALLED, None, "it stands", stands=True),
        WALLED,
        TrainOrder("run", 3, (ATTEMPT,), "head"),
        Squashed((Car(ATTEMPT, "commit"),), ("a.py",)),
        Resolved(None, "why", ("a.py",)),
        Train({"b": Merge("commit", merged=True), "a": Merge("commit", merged=False, reason="why")}),
        Standing(Plan("Do it.", (), ()), {"a": Merge("commit", merged=False, reason="why")}),
        Drafted(None, ("a cycle", "no files"), "session"),
        ATTEMPT,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_passes_between_steps_is_the_same_after_a_restart(value):
    assert decode(type(value), encode(value)) == value


def test_two_attempts_never_share_a_name():
    orders = [Order("run", subtask, n, Tier.HAIKU, "base") for subtask in ("a", "a-1") for n in (1, 11)]
    assert len({order.name for order in orders}) == 4


def test_an_attempt_leaves_its_commit_verdict_and_digest_to_the_next():
    assert prior_of(ATTEMPT) == Prior(Tier.HAIKU, "base", None, "why", "what")
