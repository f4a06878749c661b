from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from agentflow.errors import UsageError
from agentflow.report.reviews.formats import FORMATS, format_for


def test_every_form_tells_every_review(review, finding, hostile_review):
    for form, write in FORMATS.items():
        assert write(review(finding())), form
        told = write(hostile_review)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e\u2066\ud800-\udfff]", told), form


@pytest.mark.parametrize("form", ["json", "sarif", "rdjson"])
def test_forms_for_tools_are_json(hostile_review, form):
    assert json.loads(FORMATS[form](hostile_review))


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("out/review.sarif", "sarif"),
        ("review.sarif.json", "sarif"),
        ("review.json", "json"),
        ("review.rdjson", "rdjson"),
        ("REVIEW.MD", "markdown"),
        ("review.txt", "text"),
    ],
)
def test_a_file_name_tells_its_form(name, form):
    assert format_for(name) == form
    assert form in FORMATS


@pytest.mark.parametrize("name", ["review", "review.xml", "json", "x.sarif/review"])
def test_a_name_that_fits_no_form_is_refused_with_the_known_ones(name):
    with pytest.raises(UsageError, match=re.escape(repr(name))) as caught:
        format_for(name)
    assert caught.value.hint == "known endings: .sarif, .sarif.json, .rdjson, .rdjsonl, .json, .md, .txt"


def test_the_forms_are_imported_only_when_used():
    code = "import sys, agentflow.report.reviews.formats; print([m for m in sys.modules if m.endswith(('.sarif', '.markdown', '.text'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "agentflow.report.reviews" not in done.stdout
