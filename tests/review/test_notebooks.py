import json
from typing import Any

import pytest

from agentflow.domain.reviews import Part
from agentflow.review.notebooks import code_of, compared_code
from agentflow.review.showing import show
from agentflow.review.source import Source


def notebook(*cells: str | dict[str, Any]) -> str:
    """A notebook as Jupyter writes it: `%` before a text makes it prose, all else is code with an output."""
    return json.dumps({"cells": [_cell(c) for c in cells], "metadata": {"cells": []}, "nbformat": 4}, indent=1) + "\n"


def _cell(given: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    kind = "markdown" if given.startswith("%") else "code"
    output = {"output_type": "stream", "text": ["9\n", "source\n"], "data": {"source": ["no code\n"]}}
    return {
        "cell_type": kind,
        "metadata": {"source": ["none\n"]},
        "outputs": [output],
        "source": given.splitlines(keepends=True),
    }


def test_each_line_of_code_has_the_number_that_it_has_in_the_file() -> None:
    text = notebook("% Study", 'import os\n\nprint("é\\n")', "x = 1\n")
    lines = text.splitlines()

    code = code_of(text)

    told = [line for line in code.values() if not line.startswith("# %%")]
    assert told == ["import os", "", 'print("é\\n")', "x = 1"]
    assert [line for line in code.values() if line.startswith("# %%")] == ["# %% cell 2", "# %% cell 3"]
    for number, line in code.items():
        assert json.dumps(line)[1:-1] in lines[number - 1] or lines[number - 1].strip() == '"source": ['


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "{",
        '{"cells": 7}',
        '{"cells": [1, "source"]}',
        '{"cells": [{"cell_type": "code", "source": "x = 1\\ny = 2"}]}',
        '{"cells": [{"cell_type": "code", "source": ["x = 1\\n", "y = 2"]}]}',
        '{"cells": [{"cell_type": "markdown",\n"source": [\n"# x"\n]}]}',
        "[" * 100_000,
        '{"cells": [' * 100_000,
    ],
)
def test_what_does_not_stand_line_by_line_is_no_code(text: str) -> None:
    assert code_of(text) == {}


def test_only_code_that_differs_is_a_change() -> None:
    before, after = notebook("a = 1\nb = 2\n", "c = 3\n"), notebook("% New prose", "a = 1\nb = 4\n", "c = 3\n")
    numbers = {line: n for n, line in code_of(after).items()}

    changed, removed = compared_code(before, after)

    assert (numbers["b = 4"],) * 2 in changed
    assert "b = 2" in removed[numbers["b = 4"]]
    assert all(numbers["a = 1"] not in range(first, last + 1) for first, last in changed)
    assert compared_code(before, before.replace("9", "10")) == ((), {})


def test_a_reviewer_is_shown_code_alone() -> None:
    text = notebook("x = 1\n", "y = 2\n")
    code = code_of(text)
    count = len(text.splitlines())
    source = Source("s.ipynb", tuple(code.get(n, "") for n in range(1, count + 1)), read=frozenset(code))

    told = show(source, Part("s.ipynb", 1, count, 1)).splitlines()

    assert [line.split(" ", 1)[1] for line in told[1:-1]] == ["# %% cell 1", "x = 1", "# %% cell 2", "y = 2"]
