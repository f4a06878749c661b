import os

import pytest

from agentflow.checks.junit import read_cases

REPORT = "junit.xml"


def read(tmp_path, xml: str | bytes):
    (tmp_path / REPORT).write_bytes(xml if isinstance(xml, bytes) else xml.encode())
    return read_cases(tmp_path / REPORT)


def suite(*cases: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite>{"".join(cases)}</testsuite></testsuites>'


def case(classname: str, name: str, inside: str = "", file: str = "") -> str:
    return f'<testcase classname="{classname}" name="{name}" file="{file}">{inside}</testcase>'


def test_a_case_has_its_outcome_and_what_it_says_of_a_failure(tmp_path):
    told = '<failure message="1 != 2">at line 3</failure><system-out>hello</system-out>'
    failed, skipped, passed = read(tmp_path, suite(case("a", "x", told), case("a", "y", "<skipped/>"), case("a", "z")))
    assert (failed.outcome, failed.message, failed.account, failed.output) == ("failed", "1 != 2", "at line 3", "hello")
    assert (skipped.outcome, passed.outcome, passed.get("name")) == ("skipped", "passed", "z")


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "not xml",
        suite(case("a", "b"))[:-10],
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite><testcase classname="a" name="b"/></testsuite>',
        suite(case("a", "\x00")),
        b"\xff\xfe\x00",
    ],
    ids=["empty", "text", "cut", "entities", "external", "nul", "bytes"],
)
def test_hostile_xml_is_no_report(tmp_path, xml):
    assert read(tmp_path, xml) is None


def test_hostile_names_are_only_names(tmp_path):
    cases = read(tmp_path, suite(case("a" * 100_000, "..", "<error/>"), case("../../etc.passwd", "&#10;x")))
    assert [found.outcome for found in cases] == ["failed", "passed"]


def test_a_missing_linked_or_blocking_report_is_no_report(tmp_path):
    assert read_cases(tmp_path / REPORT) is None
    (tmp_path / "real").write_text(suite(case("a", "b")))
    (tmp_path / REPORT).symlink_to("real")
    assert read_cases(tmp_path / REPORT) is None
    (tmp_path / REPORT).unlink()
    os.mkfifo(tmp_path / REPORT)
    assert read_cases(tmp_path / REPORT) is None


def test_a_report_that_is_too_large_is_no_report(tmp_path):
    read(tmp_path, suite(case("a", "b")))
    with (tmp_path / REPORT).open("r+b") as file:
        file.truncate(65 * 1024 * 1024)
    assert read_cases(tmp_path / REPORT) is None
