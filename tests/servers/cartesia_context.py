"""One context of the loopback Cartesia server: inputs in, audio out, in order."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Protocol

from tests.servers.cartesia_script import Fault, Script, Trouble

RATE_HZ = 8000
INPUTS = 256
"""Inputs of one context that may wait."""


class Server(Protocol):
    """What a context needs of the server."""

    script: Script
    generating: int


class Line(Protocol):
    """What a context needs of its socket."""

    async def send(
        self, kind: str, context_id: str, body: dict[str, Any], size: int = 0
    ) -> None: ...
    async def send_error(
        self, context_id: str, status: int, code: str | None, title: str
    ) -> None: ...
    async def send_raw(self, text: str) -> None: ...
    async def close(self, code: int) -> None: ...
    def drop(self) -> None: ...
    def end(self, context_id: str) -> None: ...


class GeneratingContext:
    """Speaks its inputs one after the other. `run` must be running as a task."""

    def __init__(self, server: Server, line: Line, first: dict[str, Any]) -> None:
        self.first = first
        """The input that opened it: later ones must repeat its fields."""
        self._id: str = first["context_id"]
        self._server = server
        self._line = line
        self._inputs: asyncio.Queue[dict[str, Any]] = asyncio.Queue(INPUTS)
        self._is_cancelled = False
        self._is_over = False
        self._flush_id = 1
        self._spoken_s = 0.0
        self._last_audio_at: float | None = None

    def take(self, body: dict[str, Any]) -> None:
        """Another input."""
        self._inputs.put_nowait(body)

    def cancel(self) -> None:
        """Begin no further input; the one that is spoken goes on to its end."""
        self._is_cancelled = True
        with contextlib.suppress(asyncio.QueueFull):
            self._inputs.put_nowait({})  # wakes it up

    async def run(self) -> None:
        """Until the context is finished, cancelled, expired or broken."""
        try:
            while not self._is_over:
                async with asyncio.timeout(self._life_s()):
                    body = await self._inputs.get()
                if self._is_cancelled:
                    break
                await self._perform(body)
        except TimeoutError:  # expired: nothing is said about it
            self._line.end(self._id)
            return
        if not self._is_over:
            await self._finish()

    def _life_s(self) -> float | None:
        if self._last_audio_at is None:
            return None
        return max(0.0, self._last_audio_at + self._server.script.context_life_s - _now())

    async def _perform(self, body: dict[str, Any]) -> None:
        if body["transcript"]:
            await self._wait_for_more(body)
            self._server.generating += 1
            try:
                await self._speak(body["transcript"])
            finally:
                self._server.generating -= 1
        if self._is_over:
            return
        if body.get("flush"):
            done = {"flush_done": True, "flush_id": self._flush_id}
            self._flush_id += 1
            await self._line.send("flush_done", self._id, done)
        if not body.get("continue"):
            await self._finish()

    async def _finish(self) -> None:
        self._is_over = True
        self._line.end(self._id)
        await self._line.send("done", self._id, {"done": True})

    async def _wait_for_more(self, body: dict[str, Any]) -> None:
        """Buffering: text that may go on waits for more, unless the client asked for none."""
        wait_s = body.get("max_buffer_delay_ms", 3000) / 1000
        if body.get("continue") and wait_s and self._inputs.empty():
            deadline = _now() + wait_s
            while self._inputs.empty() and _now() < deadline:
                await asyncio.sleep(0.005)

    async def _speak(self, text: str) -> None:
        script = self._server.script
        begun_at = _now()
        made = script.speech(text)
        voice = _Voice(*((made, None) if isinstance(made, bytes) else (await anext(made), made)))
        length = len(voice.made) * (1 if voice.more is None else len(text.split()))
        await asyncio.sleep(max(0.0, begun_at + script.first_audio_s - _now()))
        fault = script.fault
        if self.first.get("add_timestamps"):
            await self._send_words(text, length / RATE_HZ)
        size = max(1, round(script.chunk_s * RATE_HZ))
        begun_at = _now()
        for number, start in enumerate(range(0, length, size)):
            if fault is not None and fault.after == number and await self._fail(fault):
                return
            await self._send_audio(await voice.part(start, min(start + size, length)))
            if script.speed:
                ready_at = begun_at + (start + size) / RATE_HZ / script.speed
                await asyncio.sleep(max(0.0, ready_at - _now()))
        self._spoken_s += length / RATE_HZ

    async def _send_audio(self, mulaw: bytes) -> None:
        data = base64.b64encode(mulaw).decode()
        body = {"data": data, "step_time": 1.0, "flush_id": self._flush_id}
        await self._line.send("chunk", self._id, body, len(mulaw))
        self._last_audio_at = _now()

    async def _send_words(self, text: str, duration_s: float) -> None:
        words = text.split()
        step_s = duration_s / max(1, len(words))
        start = [round(self._spoken_s + number * step_s, 3) for number in range(len(words))]
        times = {"words": words, "start": start, "end": [at + step_s for at in start]}
        await self._line.send("timestamps", self._id, {"word_timestamps": times})

    async def _fail(self, fault: Fault) -> bool:
        """Bring the scripted fault about; True when nothing of the input may follow."""
        match fault.trouble:
            case Trouble.ERROR:
                await self._break(self._id, fault)
            case Trouble.ERROR_WITHOUT_CONTEXT:
                await self._break("", fault)
            case Trouble.STALL:
                await asyncio.Event().wait()
            case Trouble.CLOSE:
                self._is_over = True
                await self._line.close(fault.status)
            case Trouble.DROP:
                self._is_over = True
                self._line.drop()
            case Trouble.GARBAGE:
                await self._line.send_raw(fault.garbage)
                return False
            case Trouble.BAD_AUDIO:
                await self._line.send("chunk", self._id, {"data": "#", "step_time": 1.0})
                return False
            case Trouble.UNKNOWN_TYPE:
                await self._line.send("notice", self._id, {"text": "new"})
                return False
        return True

    async def _break(self, context_id: str, fault: Fault) -> None:
        self._is_over = True
        self._line.end(self._id)
        # A provider's sentence may quote what it was asked.
        sentence = f"scripted: {self.first['transcript']}"
        await self._line.send_error(context_id, fault.status, fault.code, sentence)


class _Voice:
    """Mu-law, as far as it is made."""

    def __init__(self, made: bytes, more: AsyncIterator[bytes] | None) -> None:
        self.made = made
        self.more = more
        """What is still to be made; None: nothing."""

    async def part(self, begin: int, end: int) -> bytes:
        """These bytes, as soon as they are there."""
        while self.more is not None and len(self.made) < end:
            self.made += await anext(self.more)
        return self.made[begin:end]


def _now() -> float:
    return asyncio.get_running_loop().time()
