import socket
import time
from pathlib import Path

import pytest

from benches.memory import MIB, Process
from benches.start import Result, _Notified, show


def result(*warm_s: float, kind: str = "local") -> Result:
    idle = (Process("daemon", 60 * MIB, 20), Process("worker llm", 300 * MIB, 9))
    most = (Process("daemon", 62 * MIB, 24), Process("worker llm", 308 * MIB, 9))
    return Result(kind, 6.0, warm_s, None, idle, 2, most)


def test_the_median_of_the_warm_starts_is_what_was_promised() -> None:
    assert result(2.0, 2.9, 9.0).is_good
    assert not result(2.0, 3.1, 9.0).is_good
    assert not result(1.2, kind="cloud").is_good


def test_memory_of_a_call_is_what_is_more_than_idle() -> None:
    found = result(2.0)
    assert found.idle_bytes == 360 * MIB
    assert found.bytes_per_call == 5 * MIB
    assert found.to_json()["bytes_per_call"] == 5 * MIB


def test_all_of_it_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show([result(2.0), result(1.5, kind="cloud")])
    text = capsys.readouterr().out
    assert "kept" in text and "NOT KEPT" in text and "5.0 MiB more" in text


def test_ready_is_when_it_was_told(tmp_path: Path) -> None:
    with _Notified(tmp_path) as notified:
        before = time.monotonic()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
            daemon.sendto(b"STATUS=loading", str(notified.path))
            daemon.sendto(b"READY=1\nSTATUS=serving", str(notified.path))
        assert before <= notified.wait() <= time.monotonic()
    assert not notified.path.exists()
