"""Runners whose reports are read: really run where the tool is here, else as recorded from the real tool or its manual."""

import os
import time
from pathlib import Path

import pytest

from agentflow.checks.runners import RUNNERS, bats, cargo, ctest, dotnet, go, gradle, maven, phpunit, rspec
from agentflow.checks.runners.runner import Ended, Invocation

RUST = {
    "Cargo.toml": '[package]\nname = "shop-price"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/lib.rs": """
mod disc;
/// ```
/// assert_eq!(shop_price::add(1, 1), 2);
/// ```
pub fn add(a: i32, b: i32) -> i32 { disc::same(a + b) }
#[cfg(test)]
mod tests {
    #[test] fn adds() { assert_eq!(super::add(1, 1), 2) }
    #[test] fn fails() { println!("printed"); assert_eq!(super::add(1, 1), 3) }
    #[test] #[ignore] fn later() {}
    #[test] #[should_panic] fn panics() { panic!() }
}
""",
    "src/disc.rs": "pub fn same(n: i32) -> i32 { n }\n#[cfg(test)]\nmod tests { #[test] fn same() { assert_eq!(super::same(1), 1) } }",
    "tests/it.rs": "#[test]\nfn works() { assert_eq!(shop_price::add(1, 2), 3) }",
}


def test_cargo_test_reports_per_test_and_file(repo, needs, monkeypatch):
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{Path.home() / '.cargo/bin'}")
    needs("cargo", "cc")
    repo.write(RUST)
    result = repo.check("cargo test --offline --no-fail-fast", retry=False, timeout_s=250)
    assert result.exit_code == 101
    assert set(result.tests.passed) == {
        "src/lib.rs::tests::adds", "src/lib.rs::tests::panics", "src/disc.rs::disc::tests::same", "tests/it.rs::works",
        "src/lib.rs::add (doc)",
    }  # fmt: skip
    assert result.tests.failed == ("src/lib.rs::tests::fails",)
    assert result.tests.skipped == ("src/lib.rs::tests::later",)
    (failure,) = result.failures
    assert failure.message.splitlines()[0] == "assertion `left == right` failed"
    assert failure.account.startswith("printed")


def test_rust_that_does_not_compile_has_no_tests_and_no_obstacle(repo, needs, monkeypatch):
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{Path.home() / '.cargo/bin'}")
    needs("cargo", "cc")
    repo.write({**RUST, "src/disc.rs": "pub fn same(n: i32) -> i32 { m }"})
    result = repo.check("cargo test --offline", retry=False, timeout_s=250)
    assert (result.exit_code, result.tests, result.obstacle) == (101, None, None)


def test_a_crate_of_a_workspace_is_named_by_its_folder(read, outcomes):
    text = """
     Running unittests src/lib.rs (target/debug/deps/shop_price-7c5854649915d812)

running 1 test
test tests::adds ... ok

     Running unittests src/lib.rs (target/debug/deps/basket-7c5854649915d812)
test tests::adds ... FAILED
     Running tests/it.rs (target/debug/deps/it-7c5854649915d812)
test works ... ok
"""
    files = {
        "crates/price/Cargo.toml": '[package]\nname = "shop-price"', "crates/price/src/lib.rs": "",
        "crates/basket/Cargo.toml": '[package]\nname = "basket"', "crates/basket/tests/it.rs": "",
    }  # fmt: skip
    assert outcomes(read(cargo.RUNNER, {"1.txt": text}, files)).tests == {
        "crates/price/src/lib.rs::tests::adds": "passed",
        "crates/basket/src/lib.rs::tests::adds": "failed",
        "crates/basket/tests/it.rs::works": "passed",
    }


def test_nextest_as_its_manual_shows_it(read, outcomes):
    text = """
    Starting 3 tests across 2 binaries (1 test skipped)
        PASS [   0.004s] (1/3) shop-price tests::adds
        FAIL [   0.005s] (2/3) shop-price::it works
       LEAK [   0.108s] shop-price tests::leaks
     Summary [   0.110s] 3 tests run: 2 passed (1 leaky), 1 failed, 1 skipped
        FAIL [   0.005s] (2/3) shop-price::it works
"""
    files = {"Cargo.toml": '[package]\nname = "shop-price"', "tests/it.rs": "", "src/tests.rs": ""}
    assert outcomes(read(cargo.RUNNER, {"1.txt": text}, files)).tests == {
        "src/tests.rs::tests::adds": "passed",
        "tests/it.rs::works": "failed",
        "src/tests.rs::tests::leaks": "passed",
    }


#: `go test -v ./...` of Go 1.27.
GO = """# example.com/shop/broken [example.com/shop/broken.test]
broken/b_test.go:3:28: undefined: nope
FAIL\texample.com/shop/broken [build failed]
?   \texample.com/shop/cmd/app\t[no test files]
=== RUN   TestAdd
--- PASS: TestAdd (0.00s)
=== RUN   TestTable
=== RUN   TestTable/n=1
=== RUN   TestTable/n=2
    price_test.go:4: got 2
--- FAIL: TestTable (0.00s)
    --- PASS: TestTable/n=1 (0.00s)
    --- FAIL: TestTable/n=2 (0.00s)
=== RUN   TestLater
    price_test.go:5: why
--- SKIP: TestLater (0.00s)
FAIL
FAIL\texample.com/shop/pkg/price\t0.003s
ok  \texample.com/shop\t(cached)
FAIL
"""


def test_go_names_the_file_that_declares_a_test(read, outcomes):
    files = {
        "server/go.mod": "module example.com/shop\n\ngo 1.20\n",
        "server/pkg/price/price_test.go": "package price\nfunc TestAdd(t *testing.T) {}\nfunc TestTable(t *testing.T) {}\n",
        "server/pkg/price/later_test.go": "func TestLater(t *testing.T) {}",
    }
    seen = outcomes(read(go.RUNNER, {"1.txt": GO}, files))
    price = "server/pkg/price"
    assert seen.tests == {
        "server/broken": "failed",
        f"{price}/price_test.go::TestAdd": "passed",
        f"{price}/price_test.go::TestTable": "failed",
        f"{price}/price_test.go::TestTable/n=1": "passed",
        f"{price}/price_test.go::TestTable/n=2": "failed",
        f"{price}/later_test.go::TestLater": "skipped",
    }
    assert seen.messages["server/broken"] == "build failed"
    assert seen.messages[f"{price}/price_test.go::TestTable/n=2"] == "price_test.go:4: got 2"


def test_a_go_package_that_panics_has_failed(read, outcomes):
    text = "=== RUN   TestA\npanic: boom\n\ngoroutine 1 [running]:\nFAIL\tx/pkg\t0.003s\nFAIL\n"
    assert outcomes(read(go.RUNNER, {"1.txt": text}, {"go.mod": "module x"})).tests == {"pkg": "failed"}


def test_ctest_reports_per_test(repo, needs):
    needs("cmake", "ctest")
    repo.write({
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.10)\nproject(x NONE)\nenable_testing()\n"
        'add_test(NAME good COMMAND true)\nadd_test(NAME bad COMMAND sh -c "echo why; exit 3")\n'
        "add_test(NAME absent COMMAND no-such-program)\n"
    })  # fmt: skip
    result = repo.check("cmake -S . -B build >/dev/null && ctest --test-dir build", retry=False)
    assert result.exit_code == 8
    assert (result.tests.passed, result.tests.failed) == (("good",), ("bad", "absent"))
    assert [failure.message for failure in result.failures] == ["why", "Unable to find executable"]


#: Bats 1.13.
BATS = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites time="0.015">
<testsuite name="a.bats" tests="3" failures="1" errors="0" skipped="1" time="0.015">
    <testcase classname="a.bats" name="adds" time="0.003" />
    <testcase classname="a.bats" name="fails" time="0.012">
        <failure type="failure">(in test file test/a.bats, line 2)
  `[ &quot;$status&quot; -eq 0 ]&#39; failed</failure>
    </testcase>
    <testcase classname="a.bats" name="later" time="0"><skipped>why</skipped></testcase>
</testsuite>
</testsuites>"""


def test_bats_names_files_by_their_path(read, outcomes):
    seen = outcomes(read(bats.RUNNER, {"12/report.xml": BATS}, {"test/unit/a.bats": ""}))
    file = "test/unit/a.bats"
    assert seen.tests == {f"{file}::adds": "passed", f"{file}::fails": "failed", f"{file}::later": "skipped"}
    assert seen.messages[f"{file}::fails"].startswith("(in test file test/a.bats, line 2)")


#: PHPUnit 9.6.
PHPUNIT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites><testsuite name="{worktree}/tests" tests="4">
<testsuite name="PriceTest" file="{worktree}/tests/PriceTest.php" tests="4">
  <testcase name="testAdds" class="PriceTest" classname="PriceTest" file="{worktree}/tests/PriceTest.php" line="4"/>
  <testcase name="testFails" class="PriceTest" classname="PriceTest" file="{worktree}/tests/PriceTest.php" line="5">
    <failure type="PHPUnit\\Framework\\ExpectationFailedException">PriceTest::testFails
Failed asserting that 2 is identical to 3.

{worktree}/tests/PriceTest.php:5</failure>
  </testcase>
  <testcase name="testLater" class="PriceTest" classname="PriceTest" file="{worktree}/tests/PriceTest.php" line="7"><skipped/></testcase>
  <testsuite name="PriceTest::testCases" tests="1">
    <testcase name="testCases with data set &quot;two&quot;" class="PriceTest" file="{worktree}/tests/PriceTest.php" line="8">
      <error type="Error">PriceTest::testCases
Error: Call to undefined function nope()</error></testcase>
  </testsuite>
</testsuite></testsuite></testsuites>"""


def test_phpunit_says_what_failed(read, outcomes):
    seen = outcomes(read(phpunit.RUNNER, {"1.xml": PHPUNIT}))
    assert seen.tests == {
        "tests/PriceTest.php::testAdds": "passed",
        "tests/PriceTest.php::testFails": "failed",
        "tests/PriceTest.php::testLater": "skipped",
        'tests/PriceTest.php::testCases with data set "two"': "failed",
    }
    assert seen.messages["tests/PriceTest.php::testFails"].startswith("Failed asserting that 2 is identical to 3.")


#: RSpec 3.12.
RSPEC = """{"version":"3.12.0","messages":["\\nAn error occurred while loading ./spec/b_spec.rb.\\nFailure/Error: x"],
"examples":[
{"id":"./spec/a_spec.rb[1:1]","full_description":"price adds","status":"passed","file_path":"./spec/a_spec.rb"},
{"id":"./spec/a_spec.rb[1:2]","full_description":"price fails","status":"failed","file_path":"./spec/a_spec.rb",
 "exception":{"class":"RSpec::Expectations::ExpectationNotMetError","message":"\\nexpected: 3\\n     got: 2\\n",
 "backtrace":["/usr/lib/gems/rspec-core/x.rb:1:in `run'","{worktree}/spec/a_spec.rb:3:in `block'"]}},
{"id":"./spec/a_spec.rb[1:3]","full_description":"price later","status":"pending","file_path":"./spec/a_spec.rb"}
]}"""


def test_rspec_says_what_failed(read, outcomes):
    report = read(rspec.RUNNER, {"rspec.json": RSPEC})
    assert outcomes(report).tests == {
        "spec/a_spec.rb::price adds": "passed",
        "spec/a_spec.rb::price fails": "failed",
        "spec/a_spec.rb::price later": "skipped",
        "spec/b_spec.rb": "failed",
    }
    assert report.failures[0].message == "expected: 3\n     got: 2"
    assert report.failures[0].account.endswith("spec/a_spec.rb:3:in `block'")


def test_a_path_relative_to_a_subfolder_is_placed_in_the_project_that_has_it(read, outcomes):
    files = {"backend/spec/a_spec.rb": "", "backend/spec/b_spec.rb": "", "other/spec/b_spec.rb": ""}
    tests = outcomes(read(rspec.RUNNER, {"rspec.json": RSPEC}, files)).tests
    assert "backend/spec/a_spec.rb::price adds" in tests
    assert "spec/b_spec.rb" in tests


def test_rspec_is_asked_by_its_own_variable_and_keeps_what_people_read(tmp_path):
    asked = rspec.RUNNER.reporting(Invocation("rspec", {"SPEC_OPTS": "--seed 1"}, tmp_path), tmp_path / "a b")
    assert (
        asked.env["SPEC_OPTS"]
        == f"--seed 1 --no-fail-fast --format progress --format json --out '{tmp_path}/a b/rspec.json'"
    )


#: Surefire's format, written by hand: neither Maven nor Gradle was run.
SUREFIRE = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="shop.PriceTest" time="0.05" tests="4" errors="1" skipped="1" failures="1">
  <properties/>
  <testcase name="adds" classname="shop.PriceTest" time="0.01"/>
  <testcase name="fails()" classname="shop.PriceTest" time="0.01">
    <failure message="expected: &lt;3> but was: &lt;2>" type="org.opentest4j.AssertionFailedError">org.opentest4j.AssertionFailedError
	at shop.PriceTest.fails(PriceTest.java:9)</failure>
  </testcase>
  <testcase name="flaky" classname="shop.PriceTest$Inner"><flakyFailure message="once" type="x"/></testcase>
  <testcase name="later" classname="shop.PriceTest"><skipped message="why"/></testcase>
</testsuite>"""


@pytest.mark.parametrize(
    ("runner", "place"),
    [
        (maven, "target/surefire-reports/TEST-shop.PriceTest.xml"),
        (gradle, "build/test-results/test/TEST-shop.PriceTest.xml"),
    ],
)
def test_java_reports_name_the_source_of_a_test(read, outcomes, runner, place):
    source = "app/src/test/java/shop/PriceTest.java"
    seen = outcomes(read(runner.RUNNER, {"started": ""}, {f"app/{place}": SUREFIRE, source: ""}))
    assert seen.tests == {
        f"{source}::adds": "passed",
        f"{source}::fails": "failed",
        f"{source}::flaky": "passed",
        f"{source}::later": "skipped",
    }
    assert seen.messages[f"{source}::fails"] == "expected: <3> but was: <2>"


def test_a_report_that_an_earlier_build_left_is_not_this_checks(tmp_path):
    old = tmp_path / "worktree/target/surefire-reports/TEST-a.xml"
    old.parent.mkdir(parents=True)
    old.write_text(SUREFIRE)
    an_hour_ago = time.time() - 3600
    os.utime(old, (an_hour_ago, an_hour_ago))
    (tmp_path / "report").mkdir()
    maven.RUNNER.reporting(Invocation("mvn test", {}, tmp_path / "worktree"), tmp_path / "report")
    assert maven.RUNNER.read(tmp_path / "report", tmp_path / "worktree", Ended(1, "")) is None


#: The TRX format of Microsoft's test platform.
TRX = """<?xml version="1.0" encoding="utf-8"?>
<TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">
  <Results>
    <UnitTestResult testId="1" testName="Shop.PriceTests.Adds" outcome="Passed"/>
    <UnitTestResult testId="2" testName="Shop.PriceTests.Fails(n: 2)" outcome="Failed">
      <Output><ErrorInfo><Message>Assert.Equal() Failure</Message><StackTrace>at Shop.PriceTests.Fails() in /x/PriceTests.cs:line 9</StackTrace></ErrorInfo></Output>
    </UnitTestResult>
    <UnitTestResult testId="3" testName="Shop.PriceTests.Later" outcome="NotExecuted"/>
  </Results>
  <TestDefinitions>
    <UnitTest name="Adds" id="1"><TestMethod className="Shop.PriceTests" name="Adds"/></UnitTest>
    <UnitTest name="Fails" id="2"><TestMethod className="Shop.PriceTests, Shop.Tests" name="Fails"/></UnitTest>
    <UnitTest name="Later" id="3"><TestMethod className="Shop.PriceTests" name="Later"/></UnitTest>
  </TestDefinitions>
</TestRun>"""


def test_dotnet_says_what_failed(read, outcomes):
    seen = outcomes(read(dotnet.RUNNER, {"7/a.trx": TRX}))
    assert seen.tests == {
        "Shop.PriceTests::Adds": "passed",
        "Shop.PriceTests::Fails(n: 2)": "failed",
        "Shop.PriceTests::Later": "skipped",
    }
    assert seen.messages == {"Shop.PriceTests::Fails(n: 2)": "Assert.Equal() Failure"}


HOSTILE = '<!DOCTYPE x [<!ENTITY a "aaaa">]><testsuite><testcase name="&a;" classname="a"/></testsuite>'


@pytest.mark.parametrize("text", [HOSTILE, "", "<testsuite><testcase", "not xml"])
@pytest.mark.parametrize(
    ("runner", "name"), [(ctest, "1.xml"), (phpunit, "1.xml"), (bats, "1/report.xml"), (dotnet, "1/a.trx")]
)
def test_hostile_xml_is_no_report(read, runner, name, text):
    assert read(runner.RUNNER, {name: text}) is None


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: runner.name)
def test_without_a_report_nothing_is_made_up(runner, tmp_path):
    worktree, folder = tmp_path / "worktree", tmp_path / "report"
    worktree.mkdir()
    folder.mkdir()
    invocation = runner.reporting(Invocation("true", {"PATH": os.environ["PATH"]}, worktree), folder)
    assert invocation.command == "true"
    assert runner.read(folder, worktree, Ended(0, "", worktree)) is None
    assert (runner.ran_nothing(Ended(1, "")), runner.obstacle(Ended(1, "AssertionError: 1 != 2"))) == (False, None)
