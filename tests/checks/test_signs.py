import pytest

from agentflow.checks.signs import signs_of
from agentflow.domain.evidence import CheckResult, TestFailure

ADDRESS, DATABASE, SPACE, MEMORY, TIME = (
    "address in use", "database locked", "no space left", "out of memory", "time-out",
)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "sign"),
    [
        ("OSError: [Errno 98] Address already in use", ADDRESS),
        ("OSError: [Errno 48] Address already in use", ADDRESS),
        ("Error: listen EADDRINUSE: address already in use :::3000", ADDRESS),
        ("listen tcp :8080: bind: address already in use", ADDRESS),
        ("Bind for 0.0.0.0:5432 failed: port is already allocated", ADDRESS),
        ("sqlite3.OperationalError: database is locked", DATABASE),
        ("SQLITE_BUSY: database is locked", DATABASE),
        ('psycopg2.errors.DuplicateDatabase: database "test_app" already exists', DATABASE),
        ("ERROR 1205 (HY000): Lock wait timeout exceeded; try restarting transaction", DATABASE),
        ("deadlock detected", DATABASE),
        ("OSError: [Errno 28] No space left on device", SPACE),
        ("Error: ENOSPC: no space left on device, write", SPACE),
        ("MemoryError", MEMORY),
        ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", MEMORY),
        ("java.lang.OutOfMemoryError: Java heap space", MEMORY),
        ("requests.exceptions.ConnectTimeout: timed out", TIME),
        ("E   Failed: Timeout >10.0s", TIME),
        ("Error: Timeout of 2000ms exceeded.", TIME),
        ("OSError: [Errno 24] Too many open files: 'x'", "too many open files"),
        ("RuntimeError: can't start new thread", "no more processes"),
    ],
)
def test_known_signatures_are_named(said, sign):
    assert sign in signs_of(CheckResult("c", 1, 1.0, output_tail=said))


@pytest.mark.parametrize(("code", "signs"), [(None, ("time-out",)), (137, ("killed",)), (1, ()), (0, ())])
def test_the_way_a_check_ended_is_a_sign_too(code, signs):
    assert signs_of(CheckResult("c", code, 1.0, output_tail="assert 1 == 2")) == signs


def test_only_what_failed_is_searched_where_the_runner_tells_it():
    failure = TestFailure("t.py::a", "assert 1 == 2")
    assert signs_of(CheckResult("c", 1, 1.0, output_tail="address already in use", failures=(failure,))) == ()
