from __future__ import annotations

import pytest

from agentflow import errors
from agentflow.errors import AgentflowError

LEAVES = AgentflowError.__subclasses__()


def test_every_kind_is_its_own_and_every_exit_code_is_in_the_contract():
    kinds = [leaf.kind for leaf in LEAVES]
    assert len(set(kinds)) == len(kinds)
    assert {leaf.exit_code for leaf in LEAVES} == {1, 2, 3, 4, 5, 6, 7, 130}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_the_drawn_tree_shows_every_error_with_its_exit_code(leaf):
    line = next(line for line in str(errors.__doc__).splitlines() if f" {leaf.__name__} " in line)
    assert f"exit {leaf.exit_code}" in line
    assert leaf.__doc__


def test_an_error_says_what_and_what_to_do():
    error = errors.UsageError("no such thing", hint="try another")
    assert (str(error), error.message, error.hint) == ("no such thing", "no such thing", "try another")
