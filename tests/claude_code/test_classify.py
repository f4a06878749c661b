"""What the router makes of prompts: cheap for reading, medium for changing, no opinion on what is hard or unclear."""

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
    "Explore the tests folder and describe how fixtures are organised.\n\n- Read conftest.py\n- Note each fixture's scope",
    "1. Read config.py\n2. List every setting\n3. Report their defaults",
    "This is a read-only job on the parser.",
    "Find where we add headers and where we remove them.",
]
CHANGING = [
    "Implement the `--json` flag in cli.py.",
    "Fix the failing test in tests/test_dates.py.",
    "Find the function that formats dates and rename it to format_day.",
    "Look at parser.py, then refactor the tokenizer into its own module.",
    "Could you update the changelog for 1.2?",
    "Run the test suite and report failures.",
    "Write unit tests for store.py.",
    "We have a helper for that in utils.\n\nTasks:\n- Add a parameter\n- Update the callers",
]
LEFT_ALONE = [
    "Design the plugin API.",
    "Find the root cause of the flaky login.",
    "Read auth.py and look for security problems.",
    "Refactor the error handling across the codebase.",
    "Think hard and fix the scheduler.",
    "Implement the migration to the new schema.",
    "Review this diff.",
    "Debug why the worker hangs.",
    "Look at the queue and decide whether we need it.",
    "Hello!",
    "",
    "Füge einen Test hinzu.",
    "The parser.",
    "Fix these:\n" + "\n".join(f"{n}. Fix item {n}" for n in range(1, 8)),
    "Find this: " + "x" * LONG_PROMPT,
]


@pytest.mark.parametrize("prompt", READING)
def test_reading_and_searching_need_the_cheapest(prompt):
    assert classify(prompt).tier == "haiku"


@pytest.mark.parametrize("prompt", CHANGING)
def test_changing_and_running_things_need_the_middle(prompt):
    assert classify(prompt).tier == "sonnet"


@pytest.mark.parametrize("prompt", LEFT_ALONE)
def test_what_is_hard_long_or_unclear_gets_no_opinion(prompt):
    assert classify(prompt).tier is None


def test_the_reason_names_the_words_it_comes_from():
    assert classify("Find x and list y.").why == "it only reads: find, list"
    assert classify("Read a.py. Fix it.").why == "it changes or runs things: fix"
    assert classify("Fix the deadlock.").why == 'it sounds hard: "deadlock"'


def test_what_is_forbidden_is_not_asked_for():
    assert classify("Find the bug. Don't fix it.").tier == "haiku"
    assert classify("Find the bug. Fix it.").tier == "sonnet"


def test_a_prompt_of_any_size_and_shape_is_read_in_one_go():
    for prompt in ("then " * 100_000, "1. " * 100_000, "- " * 100_000, "\n" * 100_000, "please, " * 100_000):
        classify(prompt)
        classify(prompt[: LONG_PROMPT - 1])
