"""A worker process gets a clean environment, is heard on stderr, and ends for certain."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.engines.local.workers import LOCAL, add, ask, done
from voxd.engines.local.compute import WorkerHandle, open_compute
from voxd.engines.local.process import build_command, build_environment
from voxd.errors import EngineError

UNIT = Path(__file__).parents[3] / "systemd" / "voxd.service"
SECRETS = re.findall(r"^LoadCredential=(\w+)", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
"""Those that the unit hands to the daemon."""


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_of_ours_is_in_a_workers_environment(name: str) -> None:
    environment = build_environment(1, {name: "x", "LANG": "C"})
    assert environment["LANG"] == "C" and name not in environment


async def test_a_worker_gets_no_secrets_its_threads_and_goes_first_when_memory_ends(
    handle: WorkerHandle,
) -> None:
    environment = build_environment(
        3, {"TWILIO_AUTH_TOKEN": "x", "NOTIFY_SOCKET": "/run/x", "GROQ_API_KEY": "x", "LANG": "C"}
    )
    assert environment["LANG"] == "C"
    assert environment["OMP_NUM_THREADS"] == "3"
    assert "x" not in environment.values() and "/run/x" not in environment.values()
    assert handle.status().detail["oom_score_adj"] == 500


async def test_long_lines_on_stderr_are_cut_in_the_log(
    handle: WorkerHandle, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        await done(ask(handle, "misbehave", how="stderr"))
        await done(ask(handle, "echo"))
    lines = [record.line for record in caplog.records if hasattr(record, "line")]
    assert all(len(line) <= 500 for line in lines)
    assert len("".join(lines)) < 2000


async def test_closing_ends_workers_whatever_they_do() -> None:
    async with open_compute(LOCAL) as compute:
        idle, busy, stuck = (add(compute, name) for name in ("idle", "busy", "stuck"))
        pids = []
        for handle in (idle, busy, stuck):
            await handle.ready()
            pids.append(handle.status().detail["pid"])
        job = ask(busy, "until_cancelled")
        await anext(job)
        ask(stuck, "misbehave", how="stop", limit_s=60)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
    with pytest.raises(EngineError):
        await anext(job)


def test_a_worker_is_this_program_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert build_command("stt") == (sys.executable, "-m", "voxd", "worker", "stt", "--fd")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert build_command("stt") == (sys.executable, "worker", "stt", "--fd")
