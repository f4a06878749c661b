"""The JSON contract: documents match their schemas, and the schemas refuse what is wrong."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from agentflow import errors
from agentflow.domain.attempts import Outcome, RunStatus, SubtaskStatus
from agentflow.domain.calls import CallKind
from agentflow.domain.codec import encode
from agentflow.domain.plans import Kind, Plan, Subtask
from agentflow.domain.tiers import Complexity, Tier
from agentflow.report import documents
from agentflow.store.records import SubtaskRecord

NAMES = ("run-1", "plan-1", "runs-1", "error-1")
PLAN = Plan(
    "s",
    (),
    (Subtask("a", "A", "do it", Kind.FIX, Complexity.SIMPLE, "execute", (), ("a.py",), ("pytest",), ("works",)),),
)


@pytest.fixture
def documents_by_name(ledger, a_finished_run):
    ledger.update_run("run-1", plan=encode(PLAN))
    return {
        "run-1": documents.run_document(ledger, a_finished_run),
        "plan-1": documents.plan_document(ledger, a_finished_run),
        "runs-1": documents.runs_document(ledger, ledger.runs()),
        "error-1": documents.error_document(errors.UsageError("no run 'x'", hint="did you mean y?")),
    }


def is_valid(name, document) -> bool:
    return Draft202012Validator(documents.schema(name)).is_valid(document)


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_itself_is_valid(name):
    Draft202012Validator.check_schema(documents.schema(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_document_matches_its_schema(documents_by_name, name):
    document = documents_by_name[name]
    Draft202012Validator(documents.schema(name)).validate(document)
    assert document["schema"] == "agentflow/" + name.replace("-", "/")


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_printed_as_plain_ascii_json(documents_by_name, name):
    text = documents.as_text(documents_by_name[name])
    assert text.isascii()
    assert json.loads(text) == documents_by_name[name]


def places(document, path=()):
    """Every place in a document: paths to keys and to list items."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def inside(document, path):
    for key in path:
        document = document[key]
    return document


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_key_is_refused(documents_by_name, name):
    optional_maps = {"by_tier"}
    for path in places(documents_by_name[name]):
        document = copy.deepcopy(documents_by_name[name])
        holder = inside(document, path[:-1])
        if isinstance(holder, dict) and path[-2:-1] not in {(key,) for key in optional_maps}:
            del holder[path[-1]]
            assert not is_valid(name, document), path


@pytest.mark.parametrize("name", NAMES)
def test_an_extra_key_is_refused(documents_by_name, name):
    for path in [(), *places(documents_by_name[name])]:
        document = copy.deepcopy(documents_by_name[name])
        holder = inside(document, path)
        if isinstance(holder, dict):
            holder["surprise"] = 1
            assert not is_valid(name, document), path


@pytest.mark.parametrize("name", NAMES)
def test_a_value_of_the_wrong_type_is_refused(documents_by_name, name):
    for path in places(documents_by_name[name]):
        document = copy.deepcopy(documents_by_name[name])
        inside(document, path[:-1])[path[-1]] = [[]] if not isinstance(inside(document, path), list) else {}
        assert not is_valid(name, document), path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status",), "crashed"),
        (("schema",), "agentflow/run/2"),
        (("base",), "HEAD"),
        (("cost_usd",), -1),
        (("subtasks", 0, "tier"), "gpt"),
        (("subtasks", 0, "status"), "done"),
        (("subtasks", 0, "attempts", 0, "outcome"), "success"),
        (("subtasks", 0, "attempts", 0, "n"), 0),
    ],
)
def test_a_word_outside_the_contract_is_refused(documents_by_name, path, value):
    document = documents_by_name["run-1"]
    assert is_valid("run-1", document)
    inside(document, path[:-1])[path[-1]] = value
    assert not is_valid("run-1", document)


def test_a_run_says_what_the_contract_says(documents_by_name):
    run = documents_by_name["run-1"]
    wire = run["subtasks"][1]
    assert (run["run_id"], run["status"], run["head"], run["budget_usd"], run["duration_s"]) == (
        "run-1", "succeeded", "d" * 40, 2.0, 65.0,
    )  # fmt: skip
    assert (wire["id"], wire["status"], wire["tier"], wire["commit"]) == ("wire", "merged", "sonnet", "d" * 40)
    assert [(a["n"], a["tier"], a["outcome"], a["rounds"], a["cost_usd"]) for a in wire["attempts"]] == [
        (1, "haiku", "checks_failed", 2, 0.01024),
        (2, "sonnet", "passed", 1, 0.03003),
    ]
    assert wire["attempts"][0]["checks"] == [
        {"command": "pytest -q", "exit_code": 1, "passed": 1, "failed": 1, "skipped": 0, "flaky": []}
    ]
    assert [a["proof"] for a in (wire, *wire["attempts"])] == ["proven", None, "proven"]
    assert list(run["usage"]["by_tier"]) == ["haiku", "sonnet", "opus"]
    assert set(run["usage"]["by_kind"]) == {"plan", "explore", "execute", "judge", "resolve"}


@pytest.mark.parametrize("part", ["by_tier", "by_kind"])
def test_the_parts_of_a_bill_add_up_to_the_whole(documents_by_name, part):
    run = documents_by_name["run-1"]
    assert sum(usage["cost_usd"] for usage in run["usage"][part].values()) == pytest.approx(run["cost_usd"], abs=1e-9)
    assert sum(usage["calls"] for usage in run["usage"][part].values()) == 5


def test_what_has_no_price_is_null_and_counted(ledger, a_run, an_attempt, spend):
    ledger.create_run(a_run)
    ledger.put_subtask("run-1", SubtaskRecord("store", 0, "Store", SubtaskStatus.MERGED, Tier.LOCAL, None, ""))
    ledger.put_attempt("run-1", an_attempt, 1.0)
    spend(CallKind.EXECUTE, Tier.LOCAL, None, "store")
    run = documents.run_document(ledger, "run-1")
    places_with_cost = (run, run["subtasks"][0]["attempts"][0], run["usage"]["by_tier"]["local"])
    assert [(place["cost_usd"], place["unpriced_calls"]) for place in places_with_cost] == [(None, 1)] * 3
    assert is_valid("run-1", run)


def test_every_word_of_the_ledger_fits_the_schema(ledger, a_run, an_attempt, spend):
    ledger.create_run(replace(a_run, head=None, budget_usd=None))
    for position, status in enumerate(SubtaskStatus):
        ledger.put_subtask("run-1", SubtaskRecord(status.value, position, "Store", status))
    for n, outcome in enumerate(Outcome, 1):
        ledger.put_attempt("run-1", replace(an_attempt, subtask="failed", n=n, outcome=outcome, commit=None), float(n))
    kinds = set(CallKind) - {CallKind.INTERACTIVE}
    for kind in kinds:
        for tier in Tier:
            spend(kind, tier, 0.5)
    for status in RunStatus:
        ledger.update_run("run-1", status=status)
        run = documents.run_document(ledger, "run-1")
        Draft202012Validator(documents.schema("run-1")).validate(run)
    assert [subtask["status"] for subtask in run["subtasks"]] == list(SubtaskStatus)
    assert [attempt["outcome"] for attempt in run["subtasks"][4]["attempts"]] == list(Outcome)
    assert (list(run["usage"]["by_tier"]), set(run["usage"]["by_kind"])) == (list(Tier), kinds)


def every_error(error: type[errors.AgentflowError]):
    yield error
    for child in error.__subclasses__():
        yield from every_error(child)


@pytest.mark.parametrize("error", list(every_error(errors.AgentflowError)), ids=lambda error: error.__name__)
def test_every_error_fits_the_schema(error):
    assert is_valid("error-1", documents.error_document(error("what and where")))


def test_a_running_run_without_its_process_is_interrupted(ledger, a_run):
    ledger.create_run(replace(a_run, status=RunStatus.RUNNING, pid=os.getpid()))
    assert documents.run_document(ledger, "run-1")["status"] == "running"
    ledger.update_run("run-1", pid=None)
    assert documents.run_document(ledger, "run-1")["status"] == "interrupted"
    assert documents.runs_document(ledger, ledger.runs())["runs"][0]["status"] == "interrupted"


def test_a_run_without_a_plan_has_no_plan_document(ledger, a_run):
    ledger.create_run(a_run)
    with pytest.raises(errors.UsageError) as caught:
        documents.plan_document(ledger, "run-1")
    assert caught.value.hint == "go on with: agentflow resume run-1"


def test_the_list_counts_subtasks_and_money(documents_by_name):
    (entry,) = documents_by_name["runs-1"]["runs"]
    assert (entry["subtasks"], entry["merged"], entry["cost_usd"]) == (2, 2, pytest.approx(0.1015))
    assert entry["created_at"] == "2026-11-18T11:06:40+00:00"
