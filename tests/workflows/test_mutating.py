"""`--mutate`: whether the checks would have noticed, told with the result."""

import pytest

pytestmark = pytest.mark.cli

PRICE = "def price(total):\n    return total\n"
TESTS = "from price import price\n\n\ndef test_large():\n    assert price(200) == 180\n\n\ndef test_small():\n    assert price(10) == 10\n"


@pytest.mark.long
def test_what_no_check_notices_of_a_change_is_told_and_the_branch_stays_as_it_was(carry_out, script, world):
    told = carry_out(
        {"price.py": PRICE, "test_price.py": TESTS},
        script.plan(script.subtask("rebate", ["price.py"], [script.pytest("test_price.py")])),
        script.work(
            "rebate",
            "haiku",
            script.edit(
                "price.py", "    return total", "    if total > 100:\n        total -= total // 10\n    return total"
            ),
        ),
        args=("--mutate", "6"),
    )
    assert (told.code, told.statuses()) == (0, {"rebate": "merged"}), told.err
    mutation = told.subtask("rebate")["mutation"]
    assert mutation["tried"] == 5
    unnoticed = {(s["line"], s["was"], s["now"]) for s in mutation["survivors"]}
    assert {(2, ">", ">="), (2, "100", "(100 + 1)")} <= unnoticed  # nobody tests the border
    assert 0 < mutation["noticed"] == 5 - len(unnoticed)
    assert "mutants of 'Make rebate'" in told.err
    assert "not noticed: price.py:2 `>` as `>=`" in told.err
    assert world.git(told.root, "show", f"{told.document['branch']}:price.py").count("total > 100:") == 1
