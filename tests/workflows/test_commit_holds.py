"""What an agent leaves behind is in the commit or absent from the proof; the world's clone then holds the branch."""

import shutil

import pytest

pytestmark = pytest.mark.cli

needs_sandbox = pytest.mark.skipif(
    not (shutil.which("bwrap") and shutil.which("socat")), reason="bubblewrap and socat are not installed"
)

STOCK = {".gitignore": "lib/\nbuild/\n*.log\n", "app/__init__.py": "", "app/main.py": "x = 1\n"}
IMPORTS = "python -c 'import app.main'"


def notices(told):
    return [event.data["message"] for event in told.events("notice")]


def test_a_file_that_an_ignore_rule_hides_is_on_the_branch_with_a_notice(carry_out, script, world):
    told = carry_out(
        STOCK,
        script.plan(script.subtask("helper", ["app/**"], [f"{IMPORTS} && grep -q helper app/main.py"])),
        script.work(
            "helper",
            "haiku",
            script.write("app/lib/helper.py", "y = 2\n"),
            script.edit("app/main.py", "x = 1", "from app.lib.helper import y"),
        ),
    )
    assert (told.code, told.attempts("helper")) == (0, [("haiku", "passed", 1)]), told.err
    assert world.git(told.root, "show", f"{told.document['branch']}:app/lib/helper.py") == "y = 2"
    assert "helper/1: committed although an ignore rule hides them: app/lib/helper.py" in notices(told)


@needs_sandbox
def test_what_stays_out_of_the_commit_is_missing_in_the_proof_and_told_in_the_fix_round(carry_out, script, world):
    told = carry_out(
        STOCK,
        script.plan(script.subtask("helper", ["app/**"], [IMPORTS, "grep -q helper app/main.py"])),
        script.work(
            "helper",
            "haiku",
            script.call("Bash", command="mkdir -p app/lib app/assets && echo y=2 > app/lib/helper.py"),
            script.edit("app/main.py", "x = 1", "from app.lib.helper import y"),
            round=1,
        ),
        script.work("helper", "haiku", script.write("app/lib/helper.py", "y = 2\n"), round=2),
    )
    again = next(request for request in told.asked(agent="execute") if request.round == 2)
    assert "app/lib/helper.py: an ignore rule hides it" in again.last_text
    assert "app/assets/: git keeps no empty folder" in again.last_text
    assert (told.code, told.attempts("helper")) == (0, [("haiku", "passed", 2)]), told.err
    assert world.git(told.root, "show", f"{told.document['branch']}:app/lib/helper.py") == "y = 2"


def test_what_the_suite_itself_leaves_is_no_change_of_the_agents(carry_out, script, world):
    told = carry_out(
        {
            "app.py": "x = 1\n",
            "suite.sh": "echo left > test; mkdir -p results; echo > results/$$.xml; test -f app.py\n",
        },
        script.plan(script.subtask("app", ["app.py"], ["grep -q two app.py"])),
        script.work(
            "app",
            "haiku",
            script.edit("app.py", "x = 1", "x = 'two'"),
            script.call("Bash", command="sh suite.sh"),
        ),
        args=("--check", "sh suite.sh"),
    )
    assert (told.code, told.attempts("app")) == (0, [("haiku", "passed", 1)]), told.err
    assert world.git(told.root, "diff", "--name-only", "main", told.document["branch"]) == "app.py"


@needs_sandbox
@pytest.mark.parametrize("mode", ["true", "false"])
def test_an_executable_bit_is_committed_whatever_the_checkout_is_configured_for(carry_out, script, world, mode):
    (world.folder / "home" / ".gitconfig").write_text(f"[core]\n\tfileMode = {mode}\n")
    world.env["GIT_CONFIG_GLOBAL"] = str(world.folder / "home" / ".gitconfig")
    told = carry_out(
        {"run.sh": "#!/bin/sh\n"},
        script.plan(script.subtask("run", ["run.sh"], ["./run.sh"])),
        script.work("run", "haiku", script.call("Bash", command="chmod +x run.sh")),
    )
    assert (told.code, told.attempts("run")) == (0, [("haiku", "passed", 1)]), told.err
    assert world.git(told.root, "ls-tree", told.document["branch"], "run.sh").startswith("100755")
