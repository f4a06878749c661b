"""What the router makes of prompts: an opinion on a few mechanical kinds of work, none on anything else."""

from __future__ import annotations

import pytest

from agentflow.claude_code.classify import LONG_PROMPT, classify

READING = [
    "Find where the HTTP client sets its timeout.",
    "Search the repository for usages of `parse_date` and list them with file and line.",
    "Please summarise what src/store does.",
    "I need you to look at README.md. Report which commands it mentions.",
    "List all TODO comments, then count them per folder.",
    "Which module defines the retry budget?",
    "Your task is to find callers of `fix_path`. Do not edit any files.",
    "1. Read config.py\n2. List every setting\n3. Report their defaults",
    "Find where we add headers and where we remove them.",
]
CHANGING = [
    "Find the function that formats dates and rename it to format_day.",
    "Format src/.",
    "Please bump the version to 1.2.",
]
LEFT_ALONE = [
    "Find the concurrency bug in the scheduler.",
    "Find the bug. Don't fix it.",
    "Search the queue for a race.",
    "Look at the worker and list what may deadlock.",
    "Implement a consensus protocol.",
    "Implement the `--json` flag in cli.py.",
    "Fix the failing test in tests/test_dates.py.",
    "Look at parser.py, then refactor the tokenizer into its own module.",
    "Could you update the changelog for 1.2?",
    "Run the test suite and report failures.",
    "Write unit tests for store.py.",
    "Explore the tests folder and describe how fixtures are organised.",
    "This is a read-only job on the parser.",
    "We have a helper for that in utils.\n\nTasks:\n- List it\n- Update the callers",
    "Rename the service across the codebase.",
    "Summarise the trade-offs.",
    "Design the plugin API.",
    "Find the root cause of the flaky login.",
    "Read auth.py and look for security problems.",
    "Think hard and list the modules.",
    "Review this diff.",
    "Debug why the worker hangs.",
    "Look at the queue and decide whether we need it.",
    "Hello!",
    "",
    "Füge einen Test hinzu.",
    "The parser.",
    "List these:\n" + "\n".join(f"{n}. Find item {n}" for n in range(1, 8)),
    "Find this: " + "x" * LONG_PROMPT,
]


@pytest.mark.parametrize("prompt", READING)
def test_looking_things_up_needs_the_cheapest(prompt):
    assert classify(prompt).tier == "haiku"


@pytest.mark.parametrize("prompt", CHANGING)
def test_a_change_with_nothing_to_decide_needs_the_middle(prompt):
    assert classify(prompt).tier == "sonnet"


@pytest.mark.parametrize("prompt", LEFT_ALONE)
def test_anything_else_gets_no_opinion(prompt):
    assert classify(prompt).tier is None


def test_the_reason_names_the_words_it_comes_from():
    assert classify("Find x and list y.").why == "it only looks up: find, list"
    assert classify("Read a.py. Format it.").why == "a change with nothing to decide: format"
    assert classify("Read a.py. Improve it.").why == "it asks for more than finding and listing: improve"
    assert classify("List each deadlock.").why == 'it sounds hard: "deadlock"'


def test_what_is_forbidden_is_not_asked_for():
    assert classify("Find the setting. Don't change it.").tier == "haiku"
    assert classify("Find the setting. Change it.").tier is None


def test_a_prompt_of_any_size_and_shape_is_read_in_one_go():
    for prompt in ("then " * 100_000, "1. " * 100_000, "- " * 100_000, "\n" * 100_000, "please, " * 100_000):
        classify(prompt)
        classify(prompt[: LONG_PROMPT - 1])
