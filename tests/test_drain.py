"""SIGTERM with calls: over real sockets, with scripted engines and a caller for each call."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.fakes.call import make_config
from tests.server.twilio_turns import PUBLIC, read
from tests.test_app import Daemon, place_call, running, status
from voxd import app
from voxd.call.live import LiveCall
from voxd.call.turns.shell import TurnCall
from voxd.config import Config
from voxd.events import ToolCall
from voxd.runtime import background
from voxd.telemetry.outcome import CallOutcome

BYE = "Bye now."
CALLS = [f"CA{number}" for number in range(10)]


def brief(drain_s: float, **tables: Any) -> Config:
    """A daemon whose last words are short."""
    server = {"port": 0, "drain_s": drain_s, **tables.pop("server", {})}
    phrases = {"en": {"closing": BYE, "hand_over": "Hold on.", "busy": "All lines are busy."}}
    return make_config(server=server, phrases=phrases, **tables)


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "AFTER_S", 0.0)


class Phone:
    """A caller who listens, and whose line plays everything the moment it comes."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.heard: set[int] = set()
        """Bytes of the fake voice's; each text has its own."""

    async def listen(self) -> None:
        async for raw in self.socket:
            message = json.loads(raw.data)
            if message["event"] == "media":
                self.heard |= set(base64.b64decode(message["media"]["payload"]))
            elif message["event"] == "mark":
                await self.socket.send_str(raw.data)


@asynccontextmanager
async def calling(
    daemon: Daemon, http: aiohttp.ClientSession, *call_sids: str
) -> AsyncIterator[list[Phone]]:
    """Calls that are in their greeting, each with somebody at the other end."""
    await daemon.ready()
    async with AsyncExitStack() as stack:
        phones = []
        for call_sid in call_sids:
            phones.append(Phone(await place_call(daemon, http, call_sid)))
            stack.push_async_callback(phones[-1].socket.close)
            await stack.enter_async_context(background(phones[-1].listen()))
        yield phones


async def until(is_so: Any) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.005)


async def dial(
    daemon: Daemon, http: aiohttp.ClientSession, path: str, call_sid: str, speech: str = ""
) -> str:
    form = {"CallSid": call_sid, "SpeechResult": speech}
    async with http.post(daemon.url + path, data=form) as response:
        assert response.status == 200
        return await response.text()


def logged(caplog: pytest.LogCaptureFixture, message: str) -> bool:
    return any(record.getMessage() == message for record in caplog.records)


async def test_ten_calls_end_when_their_callers_want() -> None:
    async with running(brief(3600)) as (daemon, http), calling(daemon, http, *CALLS) as phones:
        daemon.shutdown.signal()
        await until(lambda: "STOPPING=1" in daemon.notifier.sent)
        assert await status(http, f"{daemon.url}/health/ready") == 503
        refused = read(await dial(daemon, http, "/twilio/voice", "CA-late"))
        assert (refused.verbs, refused.said) == (["Say", "Hangup"], "All lines are busy.")
        keeper = Keeper(daemon)
        object.__setattr__(daemon.runtime, "records", keeper)
        calls = daemon.runtime.calls
        for left, phone in zip(range(9, -1, -1), phones, strict=True):
            assert all(calls.is_active(call_sid) for call_sid in CALLS[9 - left :])
            stop = {"event": "stop", "sequenceNumber": "2", "streamSid": "MZ1", "stop": {}}
            await phone.socket.send_str(json.dumps(stop))
            await until(lambda left=left: len(calls) == left)
        await daemon.ended()
        assert {calls.end_reason(call_sid) for call_sid in CALLS} == {"caller_hung_up"}
        assert keeper.kept == [(call_sid, "caller_hung_up", False) for call_sid in CALLS]


async def test_the_line_overflows_to_what_the_tier_says() -> None:
    config = brief(
        3600,
        tier={"no_room": ["transfer"]},
        agent={"on_failure": "transfer", "transfer": {"number": "+15550123"}},
    )
    async with running(config) as (daemon, http), calling(daemon, http, "CA1"):
        daemon.shutdown.signal()
        await until(lambda: "STOPPING=1" in daemon.notifier.sent)
        assert "<Number>+15550123</Number>" in await dial(daemon, http, "/twilio/voice", "CA2")


async def test_ten_calls_that_outlive_the_drain_are_told_so_and_hung_up() -> None:
    async with running(brief(0.05)) as (daemon, http), calling(daemon, http, *CALLS) as phones:
        daemon.shutdown.signal()
        await daemon.ended()
        bye = daemon.stage.tts.byte_of(BYE)
        assert all(bye in phone.heard for phone in phones)
        calls = daemon.runtime.calls
        assert {calls.end_reason(call_sid) for call_sid in CALLS} == {"shutdown"}


async def test_who_is_taken_over_is_told_to_hold_on_and_dialled_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "AFTER_S", 3600.0)
    agent = {"on_failure": "transfer", "transfer": {"number": "+15550123"}}
    async with (
        running(brief(0.05, agent=agent)) as (daemon, http),
        calling(daemon, http, "CA1") as (phone,),
    ):
        daemon.shutdown.signal()
        await until(lambda: daemon.runtime.calls.finished("CA1") is not None)
        assert daemon.stage.tts.byte_of("Hold on.") in phone.heard
        after = await dial(daemon, http, "/twilio/after", "CA1")
        assert "<Number>+15550123</Number>" in after and "<Say" not in after


async def test_a_second_signal_cuts_the_goodbye_short(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    config = make_config(server={"port": 0, "drain_s": 0.05})  # whose last words take long
    async with running(config) as (daemon, http), calling(daemon, http, "CA1"):
        daemon.shutdown.signal()
        await until(lambda: logged(caplog, "saying goodbye"))
        assert daemon.runtime.calls.is_active("CA1")
        daemon.shutdown.signal()
        await daemon.ended()
        assert daemon.runtime.calls.end_reason("CA1") == "shutdown"
        assert logged(caplog, "ending calls")


@pytest.mark.parametrize("speech", ["", "When do you open?"])
@pytest.mark.parametrize("may_dial", [False, True])
async def test_in_turns_the_last_words_are_the_next_answer(
    caplog: pytest.LogCaptureFixture, may_dial: bool, speech: str
) -> None:
    """Twilio says them when it has nobody to ask any more, so that they are all in one document."""
    caplog.set_level(logging.INFO)
    transfer = {"on_failure": "transfer", "transfer": {"number": "+15550123"}}
    config = brief(
        0.05,
        tier={"transport": "twiml"},
        agent=transfer if may_dial else {},
        server={"public_url": PUBLIC},
    )
    async with running(config) as (daemon, http):
        await daemon.ready()
        assert read(await dial(daemon, http, "/twilio/voice", "CA1")).verbs == ["Gather"]
        daemon.shutdown.signal()
        await until(lambda: logged(caplog, "saying goodbye"))
        last = await dial(daemon, http, "/twilio/gather?step=1", "CA1", speech)
        found = read(last)
        assert found.verbs == (["Say", "Dial"] if may_dial else ["Say", "Hangup"])
        assert found.said == ("Hold on." if may_dial else BYE)
        await daemon.ended()
        assert daemon.runtime.calls.end_reason("CA1") == "shutdown"


async def test_in_turns_a_transfer_that_was_promised_is_dialled_without_asking_again() -> None:
    """When the caller has heard that they are connected, there is nobody left to ask."""
    agent = {"tools": ["transfer_call"], "transfer": {"number": "+15550123"}}
    server = {"public_url": PUBLIC}
    config = brief(3600, tier={"transport": "twiml"}, agent=agent, server=server)
    async with running(config) as (daemon, http):
        script = (0.01, "I connect you. ", ToolCall("1", "transfer_call", "{}"))
        daemon.stage.llm.scripts = (script,)
        await daemon.ready()
        await dial(daemon, http, "/twilio/voice", "CA1")
        daemon.shutdown.signal()
        await until(lambda: "STOPPING=1" in daemon.notifier.sent)
        last = await dial(daemon, http, "/twilio/gather?step=1", "CA1", "A person, please.")
        found = read(last)
        assert (found.verbs, found.said) == (["Say", "Dial"], "I connect you.")
        assert "<Number>+15550123</Number>" in last
        await daemon.ended()


class Keeper:
    """Takes records, and knows whether anything was closed by then."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.kept: list[tuple[str, str, bool]] = []

    def call_finished(self, outcome: CallOutcome) -> None:
        self.kept.append((outcome.call_id, outcome.reason, self._daemon.is_closed))


@pytest.mark.parametrize("transport", ["stream", "twiml"])
async def test_a_call_that_hangs_is_broken_off_while_its_record_is_still_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, transport: str
) -> None:
    for name in ("GOODBYE_S", "END_S"):
        monkeypatch.setattr(app, name, 0.05)
    for shell in (LiveCall, TurnCall):
        monkeypatch.setattr(shell, "request_shutdown", lambda call: None)
        monkeypatch.setattr(shell, "deliver", lambda call, event: None)
    config = brief(0.05, tier={"transport": transport}, server={"public_url": PUBLIC})
    async with running(config) as (daemon, http):
        keeper = Keeper(daemon)
        object.__setattr__(daemon.runtime, "records", keeper)
        await daemon.ready()
        if transport == "twiml":
            await dial(daemon, http, "/twilio/voice", "CA1")
            lines = []
        else:
            lines = [await place_call(daemon, http)]
        daemon.shutdown.signal()
        await daemon.ended()
        assert keeper.kept == [("CA1", "shutdown", False)]
        for line in lines:  # until now: one that nobody holds is closed
            await line.close()
        assert logged(caplog, "calls did not end")


async def test_systemd_is_asked_for_the_time_that_a_drain_may_take() -> None:
    async with running(brief(100)) as (daemon, _):
        await daemon.ready()
        daemon.shutdown.signal()
        await daemon.ended()
        (asked,) = [line for line in daemon.notifier.sent if line.startswith("EXTEND_")][-1:]
        assert int(asked.partition("=")[2]) >= 100_000_000
