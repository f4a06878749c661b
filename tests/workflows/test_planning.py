"""From a goal to a plan: the planner, its explorers, its one repair; plans people bring; approval."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.cli

FILES = {"README": "one\ntwo\n", "main.c": "int main;\n"}


def ask(script, *questions):
    return script.call("mcp__agentflow__explore", questions=list(questions))


def cite(script, question, text, file, line, times=1):
    answer = {"answer": text, "citations": [{"file": file, "line": line}], "confidence": 0.9}
    return script.rule("explore", {"answer": answer}, last=question, times=times)


def cyclic(script):
    """A plan with a cycle and, besides, an agent nobody knows and a scope outside the repository."""
    return script.plan(
        script.subtask("one", ["one.txt"], ["test -f one.txt"], depends_on=["two"]),
        script.subtask("two", ["../two.txt"], ["true"], depends_on=["one"], agent="nobody"),
    )


ERRORS = ("the dependencies form a cycle", "two: agent 'nobody' is unknown", "two: files entry '../two.txt'")


def test_a_plan_with_a_cycle_goes_back_once_with_every_error_at_once(world, script, scene):
    root = world.repository(FILES)
    plan = script.plan(script.subtask("one", ["one.txt"], ["test -f one.txt"]))
    server = scene(
        script.rule("planner", {"answer": cyclic(script)}, attempt=1),
        script.rule("planner", {"answer": plan}, attempt=2),
        script.work("one", "haiku", script.write("one.txt", "1\n")),
    )
    ended = world.agentflow(root, "run", "Make one", "--yes", "--json", "--quiet", replay=server)
    assert (ended.code, server.unmatched) == (0, []), ended.err
    first, second = (request for request in server.requests if request.labels["agent"] == "planner")
    assert (first.labels["attempt"], second.labels["attempt"]) == ("1", "2")
    assert first.session == second.session
    assert "Make one" in first.last_text
    for error in ERRORS:
        assert error in second.last_text
    assert [s["status"] for s in ended.json["subtasks"]] == ["merged"]


def test_a_second_plan_that_cannot_be_carried_out_ends_the_run_and_both_answers_are_kept(world, script, scene):
    root = world.repository(FILES)
    second = script.plan(script.subtask("one", [], ["true"]))
    server = scene(
        script.rule("planner", {"answer": cyclic(script)}, attempt=1),
        script.rule("planner", {"answer": second}, attempt=2),
    )
    ended = world.agentflow(root, "run", "Make one", "--yes", "--json", "--quiet", replay=server)
    assert (ended.code, server.unmatched) == (1, []), ended.err
    assert (ended.json["status"], ended.json["subtasks"]) == ("failed", [])
    assert "one: files is empty" in ended.json["reason"]
    assert "one: files is empty" in ended.err
    folder = Path(world.env["AGENTFLOW_STATE_DIR"], "runs", ended.json["run_id"])
    answers = [json.loads((folder / f"plan-answer-{n}.json").read_text()) for n in (1, 2)]
    assert [len(answer["subtasks"]) for answer in answers] == [2, 1]
    assert str(folder) in ended.err


@pytest.mark.long
def test_a_scope_that_covers_nothing_is_doubted_once_and_then_taken_as_meant(world, script, scene):
    root = world.repository({**FILES, "src/a.py": ""})
    blind = script.plan(script.subtask("one", ["src/**/*.{ts,tsx}"], ["test -f src/new.ts"]))
    server = scene(
        script.rule("planner", {"answer": blind}, attempt=1),
        script.rule("planner", {"answer": blind}, attempt=2),
        script.work("one", "haiku", script.write("src/new.ts", "1\n")),
    )
    ended = world.agentflow(root, "run", "Make one", "--yes", "--json", replay=server)
    assert (ended.code, server.unmatched) == (0, []), ended.err
    doubt = "one: files 'src/**/*.{ts,tsx}' match no file of the repository and name no new one; src holds *.py"
    second = next(request for request in server.requests if request.labels["attempt"] == "2")
    assert doubt in second.last_text
    assert doubt in ended.err


@pytest.mark.long
def test_explorers_answer_in_parallel_and_once_only_while_the_cited_files_stay(world, script, scene, ledger):
    root = world.repository(FILES)
    plan = {"answer": script.plan(script.subtask("one", ["one.txt"], ["true"]))}
    server = scene(
        script.rule("planner", ask(script, "What is two?", "What is main?"), plan, times="*"),
        cite(script, "What is two?", "The second line.", "README", 2, times=2),
        cite(script, "What is main?", "An integer.", "main.c", 1),
    )

    def draft():
        asked = len(server.requests)
        ended = world.agentflow(root, "plan", "Make one", "--json", "--quiet", replay=server)
        assert (ended.code, server.unmatched) == (0, []), ended.err
        return ended.json["run_id"], server.requests[asked:]

    run, requests = draft()
    explorers = [request for request in requests if request.labels["agent"] == "explore"]
    assert [(request.labels["tier"], request.model) for request in explorers] == [("haiku", "claude-haiku-5-5")] * 2
    told = requests[-1].last_text
    assert "## What is two?\nThe second line.\n(seen in README:2)" in told
    assert "## What is main?\nAn integer.\n(seen in main.c:1)" in told
    sessions = [e.kind for e in ledger.events(run) if e.agent == "explore" and e.kind.startswith("session_")]
    assert sessions == ["session_started"] * 2 + ["session_finished"] * 2

    _, requests = draft()
    assert {request.labels["agent"] for request in requests} == {"planner"}
    assert requests[-1].last_text == told

    (root / "README").write_text("one\nzwei\n")
    world.git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qam", "Translate")
    _, requests = draft()
    assert [r.last_text.count("What is two?") for r in requests if r.labels["agent"] == "explore"] == [1]


def test_more_than_eight_questions_in_a_call_are_refused_before_anybody_is_asked(world, script, scene):
    root = world.repository(FILES)
    server = scene(
        script.rule(
            "planner",
            ask(script, *(f"Question {n}?" for n in range(9))),
            {"answer": script.plan(script.subtask("one", ["one.txt"], ["true"]))},
        )
    )
    ended = world.agentflow(root, "plan", "Make one", "--json", "--quiet", replay=server)
    assert (ended.code, server.unmatched) == (0, []), ended.err
    (result,) = server.requests[-1].tool_results
    assert result["is_error"]
    assert "8" in server.requests[-1].last_text
    assert {request.labels["agent"] for request in server.requests} == {"planner"}


def test_a_plan_is_written_edited_and_carried_out_from_its_file(world, script, scene):
    root = world.repository(FILES)
    server = scene(
        script.rule("planner", {"answer": script.plan(script.subtask("one", ["one.txt"], ["test -f one.txt"]))}),
        script.work("uno", "haiku", script.write("one.txt", "1\n")),
    )
    file = world.folder / "plan.yaml"
    ended = world.agentflow(root, "plan", "Make one", "-o", str(file), "--quiet", replay=server)
    assert (ended.code, ended.out) == (0, "")
    assert f"agentflow run --plan {file}" in ended.err
    asked = len(server.requests)

    file.write_text(file.read_text().replace("id: one", "id: uno"))
    ended = world.agentflow(root, "run", "--plan", str(file), "--yes", "--json", "--quiet", replay=server)
    assert (ended.code, server.unmatched) == (0, []), ended.err
    assert {request.labels["agent"] for request in server.requests[asked:]} == {"execute"}
    assert [(s["id"], s["status"]) for s in ended.json["subtasks"]] == [("uno", "merged")]
    assert ended.json["goal"] == "Make it."


@pytest.mark.parametrize("command", [["--yes"], ["--yes", "--json"], ["--dry-run"], ["--dry-run", "--json"]])
def test_a_plan_file_with_mistakes_is_refused_with_all_of_them(world, script, scene, plan_file, command):
    root, server = world.repository(FILES), scene(script.rule("planner", script.done()))
    ended = world.agentflow(root, "run", "--plan", str(plan_file(cyclic(script))), *command, replay=server)
    said = ended.json["error"]["message"] if "--json" in command else ended.err
    assert (ended.code, server.requests) == (2, [])
    for error in ERRORS:
        assert error in " ".join(said.split())


def test_a_plan_file_of_the_wrong_form_is_refused_with_the_line_of_every_mistake(world, script, scene):
    root, server = world.repository(FILES), scene(script.rule("planner", script.done()))
    file = world.folder / "plan.yaml"
    file.write_text("summary: Short\nsubtasks:\n  - id: one\n    colour: red\n    complexity: tricky\n")
    ended = world.agentflow(root, "run", "--plan", str(file), "--yes", "--json", replay=server)
    assert (ended.code, server.requests) == (2, [])
    message = ended.json["error"]["message"]
    assert f"{file}:4: subtasks[0].colour" in message
    assert f"{file}:5: subtasks[0].complexity" in message


@pytest.mark.parametrize("with_plan", [True, False])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_dry_run_tells_what_would_happen_and_asks_no_model(
    world, script, scene, plan_file, ledger, with_plan, as_json
):
    root, server = world.repository(FILES), scene(script.rule("planner", script.done()))
    plan = script.plan(script.subtask("one", ["one.txt"], ["true"]))
    task = ["--plan", str(plan_file(plan))] if with_plan else ["Make one"]
    ended = world.agentflow(
        root, "run", *task, "--dry-run", "--check", "make prove", *(["--json"] if as_json else []), replay=server
    )
    assert (ended.code, server.requests, ledger.runs(None)) == (0, [], [])
    if as_json:
        assert ended.json["schema"] == "agentflow/dry-run/1"
        assert (ended.json["checks"], ended.json["base"]) == (["make prove"], world.git(root, "rev-parse", "HEAD"))
        assert ended.json["subtasks"] == (["one"] if with_plan else None)
    else:
        assert ended.out == ""
        assert "make prove" in ended.err
        assert ("Make one" in ended.err and "$" in ended.err) or not with_plan
    assert world.git(root, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_without_a_terminal_and_without_yes_nothing_is_spent(world, script, scene, ledger, flags):
    root, server = world.repository(FILES), scene(script.rule("planner", script.done()))
    ended = world.agentflow(root, "run", "Make one", *flags, replay=server)
    assert (ended.code, server.requests, ledger.runs(None)) == (4, [], [])
    said = ended.json["error"]["hint"] if flags else ended.err
    assert "--yes" in said
