import pytest

from agentflow.checks.output import TAIL_CHARS, BoundedLog, clean, telling


@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize("size", [0, 5, 10, 14, 15, 40])
def test_a_log_keeps_the_head_and_the_end(tmp_path, chunk, size):
    data = bytes(range(65, 65 + size))
    with BoundedLog(tmp_path / "log", head_bytes=10, end_bytes=5) as log:
        for at in range(0, size, chunk):
            log.write(data[at : at + chunk])
    kept = (tmp_path / "log").read_bytes()
    if size <= 15:
        assert kept == data
    else:
        assert kept == data[:10] + f"\n[agentflow left out {size - 15} bytes here]\n".encode() + data[-5:]


@pytest.mark.security("T15")
def test_a_log_never_follows_a_link_that_a_test_left_behind(tmp_path):
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        BoundedLog(tmp_path / "log")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07", "red link"),
        (b"10%\r50%\r100%\ndone\r\n", "100%\ndone"),
        (b"a\x00b\x07c\x9bd\x08", "abc\ufffdd"),
        (b"caf\xc3\xa9 \xff\n\n", "café \ufffd"),
        (b"\x1b(Bx\x1b=y", "xy"),
    ],
)
def test_the_tail_is_readable(tmp_path, raw, text):
    with BoundedLog(tmp_path / "log") as log:
        log.write(raw)
        assert log.tail() == text
    assert clean(raw.decode(errors="replace")) == text


def test_the_tail_is_short(tmp_path):
    with BoundedLog(tmp_path / "log") as log:
        log.write(b"x" * 100_000 + b"end")
        assert log.tail() == "x" * (TAIL_CHARS - 3) + "end"


NOISE = "".join(f"   Compiling crate-{n}\n" for n in range(300))


@pytest.mark.parametrize(
    "error",
    [
        "error[E0308]: mismatched types",
        "thread 'tests::adds' (12) panicked at src/lib.rs:3:5:",
        "panic: runtime error: index out of range",
        "--- FAIL: TestAdd (0.00s)",
        "not ok 3 - adds",
        " FAIL  src/a.test.ts > adds",
        "shop.c:12:5: error: expected ';' before 'return'",
        "src/a.ts(3,5): error TS2322: Type 'string' is not assignable",
        "shop.c:3: undefined reference to `total'",
        "[ERROR] /src/A.java:[3,5] cannot find symbol",
        "Traceback (most recent call last):",
        "  1) adds two numbers",
        "=================================== FAILURES ===================================",
    ],
)
def test_long_output_is_told_from_its_first_error_and_by_its_end(error):
    told = telling(f"{NOISE}{error}\n  because\n{NOISE}1 of 3 failed", 2000)
    assert told.startswith(f"{error}\n  because\n")
    assert told.endswith("\n1 of 3 failed")
    assert "\n[…]\n" in told
    assert len(told) <= 2000


def test_without_an_error_it_is_told_by_its_end():
    assert telling(NOISE, 100).endswith("crate-299\n")
    assert telling(NOISE, 100).startswith("   Compiling")
    assert telling("short", 100) == "short"


def test_a_late_error_is_told_with_what_follows_it_in_full():
    late = NOISE + "error: no\n" + "why\n" * 20
    assert telling(late, 500).endswith("error: no\n" + "why\n" * 20)
