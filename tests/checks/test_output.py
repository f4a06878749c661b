import pytest

from agentflow.checks.output import TAIL_CHARS, BoundedLog, readable_tail


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


def test_a_log_never_follows_a_link_that_a_test_left_behind(tmp_path):
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        BoundedLog(tmp_path / "log")


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (b"\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07", "red link"),
        (b"10%\r50%\r100%\ndone\r\n", "100%\ndone"),
        (b"a\x00b\x07c\x9bd\x08", "abc\ufffdd"),
        (b"caf\xc3\xa9 \xff\n\n", "café \ufffd"),
        (b"\x1b(Bx\x1b=y", "xy"),
    ],
)
def test_the_tail_is_readable(raw, clean):
    assert readable_tail(raw) == clean


def test_the_tail_is_short():
    assert readable_tail(b"x" * 100_000 + b"end") == "x" * (TAIL_CHARS - 3) + "end"
