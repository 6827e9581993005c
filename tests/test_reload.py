"""SIGHUP: a daemon on scripted engines, real sockets, and a file that changes under it."""

import asyncio
import base64
import json
import logging
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from tests.fakes.call import make_config
from tests.server.harness import connected, start, stream_of
from tests.server.twilio_turns import PUBLIC, read
from tests.test_app import Daemon, place_call, running
from voxd import app, reload
from voxd.chains import unserved
from voxd.config import Config
from voxd.contracts import Priority
from voxd.engines.health_board import HealthBoard
from voxd.errors import ConfigError, Problem
from voxd.storage.speech_cache import SpeechKey

TWIML = {"tier": {"transport": "twiml"}, "server": {"port": 0, "public_url": PUBLIC}}
"""In turns an answer shows at once what the call is led by."""


class File:
    """What config.toml says by now."""

    def __init__(self, **tables: Any) -> None:
        self._always = tables
        self.read_count = 0
        self.config: Config
        self.problems: tuple[Problem, ...] = ()
        self.says()

    def says(self, **tables: Any) -> None:
        self.problems = ()
        self.config = make_config(**{**self._always, **tables})

    def is_wrong(self, *problems: str) -> None:
        self.problems = tuple(Problem(key, "is wrong") for key in problems)

    def read(self) -> Config:
        self.read_count += 1
        if self.problems:
            raise ConfigError("config.toml", self.problems)
        return self.config


@pytest.fixture(autouse=True)
def scripted_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry does not know them: what asks it has tests of its own."""
    monkeypatch.setattr(app, "AFTER_S", 0.0)
    monkeypatch.setattr(reload, "find_problems", lambda config, keys: ())
    monkeypatch.setattr(reload, "unserved", lambda config, board: ())
    monkeypatch.setattr(reload, "declared_board", lambda config, refused: None)


async def ready(daemon: Daemon) -> None:
    """Let it take calls, with a voice that renders at once."""
    daemon.stage.tts.first_s, daemon.stage.tts.speed = 0.0, 1e6
    await daemon.ready()


async def hang_up(daemon: Daemon) -> list[str]:
    """Send the signal; what systemd was told until all was done."""
    sent = daemon.notifier.sent
    begin = len(sent)
    daemon.shutdown.look_again()
    async with asyncio.timeout(10):
        while "READY=1" not in sent[begin:]:
            await asyncio.sleep(0.002)
    told = [line.partition("\n")[0] for line in sent[begin:]]
    return [line for line in told if not line.startswith(("WATCHDOG=", "STATUS="))]


async def greeting(daemon: Daemon, http: aiohttp.ClientSession, call_sid: str) -> str:
    form = {"CallSid": call_sid, "To": "+15550199", "From": "+15550100"}
    async with http.post(f"{daemon.url}/twilio/voice", data=form) as response:
        return read(await response.text()).said


def fields_of(caplog: pytest.LogCaptureFixture, message: str) -> dict[str, Any]:
    return next(vars(it) for it in caplog.records[::-1] if it.getMessage() == message)


async def test_new_calls_are_led_by_the_new_file_and_running_ones_by_theirs() -> None:
    file = File(**TWIML)
    async with running(file.config, file.read) as (daemon, http):
        await ready(daemon)
        assert await greeting(daemon, http, "CA1") == "Hello there."
        file.says(agent={"greeting": "Good evening."}, call={"idle_s": 5.0})
        assert await hang_up(daemon) == ["RELOADING=1", "READY=1"]
        assert await greeting(daemon, http, "CA2") == "Good evening."
        assert await greeting(daemon, http, "CA1") == "Hello there."  # Twilio asks again
        assert daemon.runtime.config.call.idle_s == 8.0  # what the running call has


async def test_numbers_agents_and_tiers_may_come_and_go() -> None:
    file = File(**TWIML)
    night = {"greeting": "Night."}
    file.says(agents={"night": night}, numbers={"+15550199": {"agent": "night"}})
    async with running(file.config, file.read) as (daemon, http):
        await ready(daemon)
        assert await greeting(daemon, http, "CA1") == "Night."
        slow = {**file.config.tiers["test"].model_dump(), "target_s": 9.0}
        file.says(tiers={"slow": slow}, numbers={"+15550199": {"tier": "slow"}})
        await hang_up(daemon)
        assert await greeting(daemon, http, "CA2") == "Hello there."
        found = daemon.runtime.calls.followed()
        assert [facts.tier for facts, _ in found] == ["test", "slow"]


async def test_a_call_that_was_promised_a_place_keeps_it_and_its_words() -> None:
    file = File(server={"port": 0})
    async with running(file.config, file.read) as (daemon, http):
        await ready(daemon)
        async with http.post(f"{daemon.url}/twilio/voice", data={"CallSid": "CA1"}) as response:
            token = stream_of(await response.text())["token"]
        file.says(agent={"greeting": "Good evening."})
        await hang_up(daemon)
        tts, heard = daemon.stage.tts, set[int]()
        async with http.ws_connect(f"{daemon.url}/twilio/media") as socket:
            await socket.send_str(connected())
            await socket.send_str(start("CA1", token))
            while not heard:
                message = json.loads((await socket.receive(timeout=10)).data)
                if message["event"] == "media":
                    heard = set(base64.b64decode(message["media"]["payload"]))
        assert heard == {tts.byte_of("Hello there.")}
        assert tts.byte_of("Good evening.") not in heard  # which calls of now would hear


async def test_ten_calls_that_run_go_on() -> None:
    file = File(server={"port": 0})
    async with running(file.config, file.read) as (daemon, http):
        await ready(daemon)
        sockets = [await place_call(daemon, http, f"CA{number}") for number in range(10)]
        file.says(agent={"greeting": "Good evening."}, server={"port": 0, "drain_s": 0.01})
        await hang_up(daemon)
        assert all(daemon.runtime.calls.is_active(f"CA{number}") for number in range(10))
        for socket in sockets:
            await socket.close()


async def test_a_bad_file_changes_nothing_and_every_problem_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = File(**TWIML)
    async with running(file.config, file.read) as (daemon, http):
        await ready(daemon)
        file.is_wrong("call.tier", "agent.language")
        assert await hang_up(daemon) == ["RELOADING=1", "READY=1"]
        told = fields_of(caplog, "config refused, nothing has changed")
        assert told["problems"] == ["call.tier: is wrong", "agent.language: is wrong"]
        assert await greeting(daemon, http, "CA1") == "Hello there."
        file.says(agent={"greeting": "Good evening."})
        await hang_up(daemon)
        assert await greeting(daemon, http, "CA2") == "Good evening."


async def test_what_needs_a_restart_is_named_and_left(caplog: pytest.LogCaptureFixture) -> None:
    file = File(**TWIML)
    async with running(file.config, file.read) as (daemon, http):
        await ready(daemon)
        file.says(
            agent={"greeting": "Good evening."},
            server={"port": 1, "public_url": PUBLIC},
            local={"cores": 1},
        )
        await hang_up(daemon)
        told = fields_of(caplog, "config needs a restart")
        assert set(told["keys"]) == {"server.port", "local.cores"}
        assert await greeting(daemon, http, "CA1") == "Good evening."


async def test_an_engine_or_voice_that_was_not_loaded_is_a_problem(
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = File(**TWIML)
    async with running(file.config, file.read) as (daemon, http):
        await ready(daemon)
        file.says(tier={"transport": "twiml", "llm": ["fake-llm", "openai"]})
        await hang_up(daemon)
        (told,) = fields_of(caplog, "config refused, nothing has changed")["problems"]
        assert told.startswith("tiers.test.llm: engine 'openai' was not loaded at the start")
        file.says(agents={"night": {"voices": {"fake-tts": "other.onnx"}}})
        await hang_up(daemon)
        (told,) = fields_of(caplog, "config refused, nothing has changed")["problems"]
        assert told.startswith("agents.night.voices.fake-tts: was not loaded at the start")
        assert await greeting(daemon, http, "CA1") == "Hello there."


async def test_a_tier_whose_only_engine_was_never_opened_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It was named at the start and could not be opened: it is known, and serves nobody."""
    caplog.set_level(logging.INFO)
    file = File(**TWIML)
    async with running(file.config, file.read) as (daemon, http):
        opened = {name: engine.capabilities for name, engine in daemon.stage.engines.items()}
        now = asyncio.get_running_loop().time
        board = HealthBoard(opened, now, {"cloud-llm": "no such model"})
        object.__setattr__(daemon.runtime, "board", board)

        def declare(config: Config, refused: Mapping[str, str]) -> HealthBoard:
            declared = {**opened, "cloud-llm": opened["fake-llm"]}
            left = {name: it for name, it in declared.items() if name not in refused}
            return HealthBoard(left, now, refused)

        monkeypatch.setattr(reload, "unserved", unserved)
        monkeypatch.setattr(reload, "declared_board", declare)
        await ready(daemon)
        file.says(tier={"transport": "twiml", "llm": ["cloud-llm"]})
        await hang_up(daemon)
        (told,) = fields_of(caplog, "config refused, nothing has changed")["problems"]
        assert told.startswith("tiers.test.llm: ") and "cloud-llm: no such model" in told
        assert await greeting(daemon, http, "CA1") == "Hello there."
        file.says(tier={"transport": "twiml", "llm": ["cloud-llm", "fake-llm"]})
        await hang_up(daemon)
        assert fields_of(caplog, "config is applied to new calls")["tables"] == ["tiers"]


async def test_new_phrases_are_there_before_calls_need_them_and_behind_all_other_work() -> None:
    file = File(server={"port": 0})
    async with running(file.config, file.read) as (daemon, _):
        await ready(daemon)
        file.says(agent={"greeting": "Good evening."})

        await hang_up(daemon)
        key = SpeechKey("Good evening.", "en", "fake-tts", "")
        assert daemon.stage.cache.get(key)
        assert {it.priority for it in daemon.stage.tts.requests} == {Priority.SHADOW}


async def test_a_voice_that_is_ill_or_slow_does_not_keep_the_file_from_calls(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reload, "RENDER_S", 0.05)
    file = File(**TWIML)
    async with running(file.config, file.read) as (daemon, http):
        await ready(daemon)
        daemon.stage.tts.first_s = 3600.0
        file.says(agent={"greeting": "Good evening."})
        await hang_up(daemon)
        assert fields_of(caplog, "phrases are not all rendered")
        assert await greeting(daemon, http, "CA1") == "Good evening."
        daemon.stage.tts.first_s, daemon.stage.tts.refusals = 0.0, 1
        file.says(agent={"greeting": "Good night."})
        await hang_up(daemon)
        assert fields_of(caplog, "phrases are not rendered")["engine"] == "fake-tts"
        assert await greeting(daemon, http, "CA2") == "Good night."


async def test_prompts_that_are_new_are_read_and_no_others_and_no_sequence_is_kept(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = File(server={"port": 0})
    async with running(file.config, file.read) as (daemon, _):
        await ready(daemon)
        llm = daemon.stage.llm
        llm.prepared.clear()
        file.says(call={"idle_s": 5.0})
        await hang_up(daemon)
        assert llm.prepared == []
        night = {"agents": {"night": {"prompt": "It is late."}}, "call": {"idle_s": 5.0}}
        file.says(**night, numbers={"+15550199": {"agent": "night"}})
        await hang_up(daemon)
        (messages,) = llm.prepared
        assert messages[0].content.startswith("It is late.")
        assert llm.sequences == set()

        monkeypatch.setattr(reload, "READ_S", 0.05)
        llm.prepare_s = 3600.0
        file.says(agent={"prompt": "Be brief."})
        await hang_up(daemon)
        assert fields_of(caplog, "prompts are not all read")
        assert llm.sequences == set()


async def test_requests_that_come_while_it_reads_are_one_more() -> None:
    file = File(**TWIML)
    async with running(file.config, file.read) as (daemon, _):
        await ready(daemon)
        for _ in range(5):
            daemon.shutdown.look_again()
        await hang_up(daemon)
        assert file.read_count in (1, 2)


async def test_what_nobody_foresaw_is_logged_and_the_next_signal_is_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = File(**TWIML)
    async with running(file.config, file.read) as (daemon, http):
        await ready(daemon)
        file.says(agent={"greeting": "Good evening."})
        good, file.config = file.config, None  # type: ignore[assignment]
        await hang_up(daemon)
        assert fields_of(caplog, "config was not read again")["exc_info"]
        file.config = good
        await hang_up(daemon)
        assert await greeting(daemon, http, "CA1") == "Good evening."


async def test_a_look_up_and_tools_may_come_change_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXD_LOOKUP_SECRET", "s" * 20)
    monkeypatch.setenv("VOXD_TOOLS_SECRET", "s" * 20)
    file = File(server={"port": 0})
    tool = {"url": "https://example.com/x", "description": "Books."}
    async with running(file.config, file.read) as (daemon, _):
        await ready(daemon)
        reloader = daemon.shutdown.reloader
        assert reloader is not None
        reloader._tools = None  # instead of the scripted ones
        for url in ("https://example.com/a", "https://example.com/b"):
            file.says(lookup={"url": url}, tools={"book": tool})
            await reloader.reload()
            runtime = reloader._state.runtime
            assert runtime is not None and runtime.lookup is not None
            assert runtime.lookup._config.lookup.url == url
            assert runtime.tools is not None and set(runtime.tools._tools) == {"book"}
        file.says()
        await reloader.reload()
        runtime = reloader._state.runtime
        assert runtime is not None and (runtime.lookup, runtime.tools) == (None, None)


async def test_nothing_is_read_while_it_drains() -> None:
    file = File(server={"port": 0, "drain_s": 3600})
    async with running(file.config, file.read) as (daemon, http):
        await ready(daemon)
        socket = await place_call(daemon, http)
        daemon.shutdown.signal()
        daemon.shutdown.look_again()
        await asyncio.sleep(0.05)
        assert file.read_count == 0
        await socket.close()
