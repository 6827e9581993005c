"""The peer's processes, played by others."""

import sys
from pathlib import Path

import pytest

from benches.daemon import find_free_port
from benches.line import BenchFailed
from benches.peer import servers


def test_a_server_that_ends_is_explained_by_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such model')"]
    url = f"http://127.0.0.1:{find_free_port()}/ready"
    with (
        pytest.raises(BenchFailed, match=r"(?s)the agent ended with 1.*no such model"),
        servers._running("the agent", command, url, tmp_path / "log"),
    ):
        pass


def test_a_server_is_waited_for_and_ended(tmp_path: Path) -> None:
    port = find_free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    url = f"http://127.0.0.1:{port}/"
    with servers._running("the agent", command, url, tmp_path / "log"):
        servers._OPENER.open(url, timeout=5).close()
    with pytest.raises(OSError, match="refused"):
        servers._OPENER.open(url, timeout=5)


def test_a_server_that_never_answers_is_given_up_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "READY_S", 0.0)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (
        pytest.raises(BenchFailed, match="the agent was not ready after 0 s"),
        servers._running("the agent", command, "http://127.0.0.1:9/", tmp_path / "log"),
    ):
        pass
