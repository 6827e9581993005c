"""A peer that has gone mad, on the real socket, beside a call that has not."""

import asyncio
import json
import logging
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import WSMsgType

from tests.fakes.call import make_config
from tests.fakes.language_model import said
from tests.server.harness import Server, message, serving, start
from tests.twilio.test_media_fuzz import MESSAGES, fuzzed, valid
from voxd.audio.g711 import decode_mulaw
from voxd.caller.call import place_call
from voxd.caller.plan import CallPlan, build_turn
from voxd.caller.report import CallReport
from voxd.contracts import Transcript
from voxd.events import EndReason
from voxd.server import media

SPEECH = Path(__file__).parents[1] / "samples" / "speech" / "yes.ulaw"
MAD, GOOD = "CAmad", "CAgood"
BETWEEN = 2000
"""Messages between two looks at whether the call still runs."""


class Answers:
    """A transcript stream that hears the same words in whatever it is asked about."""

    def __init__(self) -> None:
        self._results: asyncio.Queue[Transcript] = asyncio.Queue()
        self.heard_to = float("-inf")

    def push(self, mulaw: bytes, at: float) -> None:
        assert at >= self.heard_to, "audio time went backwards"
        self.heard_to = at

    def speech_started(self, at: float) -> None: ...

    def quiet(self, since: float) -> None: ...

    def flush(self, speech_end: float) -> None:
        self._results.put_nowait(Transcript("When are you open?", speech_end, True))

    def forget(self, until: float) -> None: ...

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while True:
            yield await self._results.get()


@contextmanager
def no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing is raised outside the borders of the daemon, and no border had to catch a bug."""
    caplog.set_level(logging.INFO)
    strays: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: strays.append(context))
    yield
    assert strays == []
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == []


@asynccontextmanager
async def answering() -> AsyncIterator[Server]:
    """A server whose engines answer every turn of every call."""

    @asynccontextmanager
    async def open_stream(*_: object) -> AsyncIterator[Answers]:
        yield Answers()

    async with serving(config=make_config(agent={"greeting": "Hi."})) as server:
        server.stage.stt.open_stream = open_stream  # type: ignore[method-assign, assignment]
        server.stage.llm.scripts = (said("We are."),)
        yield server


async def good_call(server: Server) -> CallReport:
    pcm = decode_mulaw(SPEECH.read_bytes()).astype(np.int16)
    turns = (build_turn("one", pcm), build_turn("two", pcm))
    return await place_call(CallPlan(turns, url=f"{server.url}/twilio/voice"))


@asynccontextmanager
async def mad_call(server: Server) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A running call that reads what it is sent and forgets it."""
    token = await server.reserve(MAD)
    async with server.socket() as socket, asyncio.TaskGroup() as group:
        await socket.send_str('{"event":"connected"}')
        await socket.send_str(start(MAD, token, "MZ0001"))

        async def read() -> None:
            while (await socket.receive()).type is WSMsgType.TEXT:
                pass

        group.create_task(read())
        while not server.runtime.calls.is_active(MAD):
            await asyncio.sleep(0.001)
        yield socket


async def ended(server: Server, call_sid: str) -> EndReason | None:
    async with asyncio.timeout(10):
        while not server.runtime.calls.end_reason(call_sid):
            await asyncio.sleep(0.005)
    return server.runtime.calls.end_reason(call_sid)


async def test_a_hundred_thousand_fuzzed_messages_end_no_call(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "BURST", float("inf"))  # it is about what, not about how much
    rng = random.Random(20261122)
    async with answering() as server, asyncio.TaskGroup() as group:
        with no_errors(caplog):
            async with mad_call(server) as socket:
                good = group.create_task(good_call(server))
                for index in range(MESSAGES):
                    await socket.send_str(fuzzed(rng, index + rng.randrange(3)))
                    if index % BETWEEN == 0:
                        assert server.runtime.calls.is_active(MAD)
                for number in range(30):  # it still hears and understands
                    await socket.send_str(json.dumps(valid(rng, 10**6 + number)))
                await socket.send_str(message("stop", 10**6 + 30, "MZ0001", callSid=MAD))
                assert await ended(server, MAD) is EndReason.CALLER_HUNG_UP
            report = await good
    assert report.is_good, report.to_json()
    refused = [vars(r)["refused_messages"] for r in caplog.records if r.message == "call ended"]
    assert max(refused) > MESSAGES / 2


def frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True) -> bytes:
    """One WebSocket frame as a client writes it, right or wrong; the mask is of zeros."""
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 1 << 16:
        head += bytes([bit | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + size.to_bytes(8, "big")
    return head + (bytes(4) if masked else b"") + payload


TEXT, BINARY, CONTINUATION, PING = 1, 2, 0, 9
VIOLATIONS = {
    "more than 64 KiB": frame(TEXT, b"x" * (media.MAX_MESSAGE_BYTES + 1)),
    "64 KiB in pieces": frame(TEXT, b"x" * 40_000, fin=False)
    + frame(CONTINUATION, b"x" * 40_000, fin=False),
    "a length of 2**63": bytes([0x81, 0xFF]) + b"\xff" * 8 + bytes(4),
    "bad UTF-8": frame(TEXT, b'{"event":"\xff\xfe"}'),
    "bad UTF-8 in pieces": frame(TEXT, b'"\xe2\x82', fin=False) + frame(CONTINUATION, b'"'),
    "a continuation of nothing": frame(CONTINUATION, b"{}"),
    "a message within a message": frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"),
    "an unknown opcode": frame(5, b"{}"),
    "reserved bits": bytes([0xF1]) + frame(TEXT, b"{}")[1:],
    "a ping in pieces": frame(PING, b"a", fin=False),
    "a ping of 200 bytes": frame(PING, b"a" * 200),
    "a close code of 5": frame(8, b"\x00\x05"),
    "noise": random.Random(7).randbytes(5000) + b"\xff" * 100,
}


async def test_what_breaks_the_protocol_closes_its_own_socket_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with answering() as server, asyncio.TaskGroup() as group:
        with no_errors(caplog):
            good = group.create_task(good_call(server))
            for number, (name, garbage) in enumerate(VIOLATIONS.items()):
                call_sid = f"CA{number}"
                async with server.call(call_sid) as socket:
                    await socket.receive()
                    socket._writer.transport.write(garbage)
                    assert await ended(server, call_sid) is EndReason.PROTOCOL, name
            report = await good
    assert report.is_good, report.to_json()


async def test_frames_that_are_odd_but_allowed_end_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pieces = os.urandom(3)
    allowed = [
        frame(BINARY, pieces),
        frame(TEXT, b"{", fin=False) + frame(PING, b"hm") + frame(CONTINUATION, b"}"),
        frame(TEXT, b""),
        frame(10, b"a pong that nobody asked for"),
        *(frame(TEXT, bytes([byte]), fin=False) + frame(CONTINUATION, b"") for byte in b"ab{"),
    ]
    async with answering() as server:
        with no_errors(caplog):
            async with mad_call(server) as socket:
                for raw in allowed * 20:
                    socket._writer.transport.write(raw)
                await socket.send_str(message("stop", 2, "MZ0001", callSid=MAD))
                assert await ended(server, MAD) is EndReason.CALLER_HUNG_UP
