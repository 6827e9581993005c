import time
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import web

from tests.doctor.configs import SHIPPED, derived
from voxd.doctor import machine
from voxd.doctor.finding import Verdict
from voxd.doctor.machine import (
    check_clock,
    check_machine,
    judge_clock,
    judge_disk,
    judge_files,
    judge_memory,
)

GOOD, WARN, BAD = Verdict.GOOD, Verdict.WARN, Verdict.BAD


def test_too_few_open_files_are_told_and_the_advice_names_the_key_of_the_unit() -> None:
    assert judge_files(1024, 100).verdict is GOOD
    assert judge_files(-1, 1000).verdict is GOOD  # RLIM_INFINITY
    found = judge_files(1024, 1000)
    assert found.verdict is WARN and "LimitNOFILE=" in found.advice  # the shell's, perhaps


@pytest.mark.parametrize(("free", "verdict"), [(5e10, GOOD), (5e8, WARN), (1e6, BAD)])
def test_a_full_disk_is_told(free: float, verdict: Verdict) -> None:
    assert judge_disk(Path("/"), int(free)).verdict is verdict


def test_models_that_find_no_room_are_told() -> None:
    assert judge_memory(2_000_000_000, 1_000_000_000).verdict is GOOD
    assert judge_memory(500_000_000, 1_000_000_000).verdict is WARN


@pytest.mark.parametrize(
    ("skew_s", "verdict"), [(0.4, GOOD), (-40.0, WARN), (40.0, WARN), (-3600.0, BAD)]
)
def test_a_wrong_clock_is_told(skew_s: float, verdict: Verdict) -> None:
    assert judge_clock(skew_s).verdict is verdict


async def test_this_machine_is_looked_at_where_the_daemon_writes(tmp_path: Path) -> None:
    changes = {"records__database": "kept/voxd.db", "records__spill": "kept/spill"}
    config = derived(tmp_path, server__port=0, cache__directory="", **changes)
    (tmp_path / "kept").mkdir()
    found = [finding async for finding in check_machine(config)]
    subjects = [finding.subject for finding in found]
    assert subjects[0] == "open files" and "processor" in subjects
    [disk] = [finding.told for finding in found if finding.subject == "disk"]
    assert disk.endswith(str(tmp_path / "kept"))


async def test_the_memory_of_a_daemon_that_runs_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_live(_: str) -> bool:
        return True

    monkeypatch.setattr(machine, "is_live", is_live)
    found = {finding.subject: finding async for finding in check_machine(derived(tmp_path))}
    assert found["memory"].verdict is GOOD and "runs here" in found["memory"].told


async def test_the_clock_is_compared_with_a_service_that_is_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(headers={"Date": formatdate(time.time() - 3600, usegmt=True)})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC1")
        monkeypatch.setenv("TWILIO_AUTH_TOKEN", "t")
        for name in ("DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        config = derived(SHIPPED.parent, telephony__api_url=url)
        [found] = [finding async for finding in check_clock(config)]
    finally:
        await runner.cleanup()
    assert found.verdict is BAD and "ahead" in found.told
