import pytest

from agentflow.domain.globs import ignore_patterns


@pytest.mark.parametrize("line", ["[z-a].py", "---null[i---null[id].tsx", "a\\", "a\\/b", "[[:word:]-a]", "***/[9-0]"])
def test_a_pattern_that_cannot_be_read_matches_nothing_and_spoils_no_other(line: str) -> None:
    patterns = ignore_patterns([line, "*.log"])

    assert patterns.match_file("x.log")
    assert not patterns.match_file("z.py")
