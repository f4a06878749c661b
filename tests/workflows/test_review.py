"""`agentflow review` end to end: what becomes of findings, from a reviewer's words to the report."""

from __future__ import annotations


def test_what_reviewers_find_is_grouped_checked_and_told(world, reviewing):
    root = world.repository({"src/mean.py": reviewing.MEAN, "src/run.py": reviewing.RUN, "uv.lock": "x = 1\n"})
    server = reviewing.scene(
        reviewing.reports(reviewing.finding(), reviewing.injection()),
        reviewing.groups((1,), (2,)),
        reviewing.rules_on({1: "confirmed", 2: "refuted"}, tier="sonnet"),
        reviewing.rules_on({2: "confirmed"}, tier="opus"),
    )
    ended = reviewing.review(root, "src", "uv.lock", "--json", replay=server)
    assert ended.code == 1
    titles = [found["title"] for found in ended.json["findings"]]
    assert titles == ["An empty list divides by zero", "A name is run by the shell"]
