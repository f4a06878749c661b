"""What the sessions of a review share: sources without secrets, and whether the provider answers anybody at all."""

from __future__ import annotations

import asyncio
import json

import pytest

from agentflow.domain.reviews import Mode, ReviewSpec
from agentflow.errors import UpstreamError
from agentflow.git.repository import open_repository
from agentflow.review.source import Source
from agentflow.workflows.reviewing.workbench import Workbench


class Door:
    """Where a provider is knocked at."""

    def __init__(self, *, is_open: bool) -> None:
        self.is_open = is_open
        self.knocks = 0

    async def knock(self) -> None:
        self.knocks += 1
        await asyncio.sleep(0)
        if not self.is_open:
            raise UpstreamError("HTTP 529")


def test_an_answer_to_somebody_else_tells_without_a_knock():
    bench, door = Workbench(), Door(is_open=False)
    before = bench.answers
    bench.answered()
    assert asyncio.run(bench.is_reached(before, door.knock))
    assert door.knocks == 0


@pytest.mark.parametrize("is_open", [True, False])
def test_of_all_who_get_no_answer_at_once_one_knocks_for_all(is_open):
    bench, door = Workbench(), Door(is_open=is_open)

    async def story() -> list[bool]:
        return await asyncio.gather(*(bench.is_reached(bench.answers, door.knock) for _ in range(8)))

    assert asyncio.run(story()) == [is_open] * 8
    assert door.knocks == 1


def test_an_answer_from_before_tells_nothing():
    bench, door = Workbench(), Door(is_open=False)
    bench.answered()
    assert not asyncio.run(bench.is_reached(bench.answers, door.knock))


def test_after_an_outage_the_first_answer_makes_people_knock_again():
    bench, door = Workbench(), Door(is_open=False)
    assert not asyncio.run(bench.is_reached(bench.answers, door.knock))
    bench.answered()
    door.is_open = True
    assert asyncio.run(bench.is_reached(bench.answers, door.knock))
    assert door.knocks == 2


def test_a_secret_in_a_notebook_is_read_by_nobody_and_its_code_by_all(world):
    secret = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MaQ3Xy1k"
    kind = "RSA PRIVATE KEY-----"  # written so, it is none to who searches this file
    key = ['key = """\n', f"-----BEGIN {kind}\n", f"{secret}\n", f"-----END {kind}\n", '"""\n', "print(1)"]
    cell = {"cell_type": "code", "source": key, "outputs": [{"text": [secret]}]}
    root = world.repository({"study.ipynb": json.dumps({"cells": [cell]}, indent=1)})

    async def read() -> Source:
        repository = await open_repository(root)
        spec = ReviewSpec(Mode.FILES, repository.head, repository.head)
        return (await Workbench().read(repository, spec, ["study.ipynb"]))["study.ipynb"]

    source = asyncio.run(read())
    assert secret not in "\n".join(source.lines)
    assert [line for line in source.lines if line][-1] == "print(1)"
    assert len(source.lines) == len((root / "study.ipynb").read_text().splitlines())
