"""One WebSocket of the loopback Deepgram server: what both protocols have in common."""

import asyncio
import contextlib
import json
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Any

from aiohttp import WSMsgType, web

from tests.servers.deepgram_script import Connection, Script, Trouble
from tests.servers.deepgram_speech import SpokenWords

IDLE_REASON = (
    "Deepgram did not receive audio data or a text message within the timeout window. "
    "See https://dpgr.am/net0001"
)


class Close(Exception):
    """The server closes the socket."""

    def __init__(self, code: int, reason: str = "") -> None:
        self.code = code
        self.reason = reason


class Session(ABC):
    """Reads audio and control messages; sends what the subclass puts, each at its time."""

    def __init__(
        self, script: Script, connection: Connection, request: web.Request, socket: Any
    ) -> None:
        self.script = script
        self.connection = connection
        self.speech = SpokenWords(script)
        self.query = connection.query
        self._request = request
        self._socket = socket
        self._outbox: deque[tuple[float, dict[str, Any] | str | bytes | Close]] = deque()
        self._news = asyncio.Event()
        self._results = 0
        self._is_mute = False
        self._is_stalled = False
        self._had_fault = False

    # --- what a protocol adds

    @abstractmethod
    def on_step(self) -> None:
        """20 ms of audio were heard."""

    @abstractmethod
    def on_control(self, kind: str) -> None:
        """A text message of this type came."""

    @abstractmethod
    def finish(self) -> None:
        """Put what is left, at the end of the stream."""

    @abstractmethod
    def result(self, message: dict[str, Any]) -> dict[str, Any]:
        """Complete a message of any type with what each one carries."""

    @property
    @abstractmethod
    def odd_results(self) -> list[dict[str, Any]]:
        """Results as they must not be."""

    # --- sending

    def put(self, message: dict[str, Any], delay_s: float = 0.0) -> None:
        """Send a message after a while, and after everything that was put before."""
        self._put(self.result(message), delay_s)

    def put_result(self, message: dict[str, Any], delay_s: float) -> None:
        """Send words; now and then followed by a type that nobody knows."""
        self._check_fault()
        self._results += 1
        self.put(message, delay_s)
        every = self.script.unknown_every
        if every and self._results % every == 0:
            self.put({"type": "NovelThing", "value": 1}, delay_s)

    def withdraw_interims(self, delay_s: float) -> None:
        """Forget words that would come only after the final that is sent so soon."""
        due_at = _now() + delay_s
        kept = [item for item in self._outbox if item[0] <= due_at or not _is_interim(item[1])]
        self._outbox.clear()
        self._outbox.extend(kept)
        self._news.set()

    def close(self, code: int, reason: str = "") -> None:
        """Close after everything that was put before."""
        self._put(Close(code, reason))

    def _put(self, message: dict[str, Any] | str | bytes | Close, delay_s: float = 0.0) -> None:
        if not self._is_mute:
            self._outbox.append((_now() + delay_s, message))
            self._news.set()

    async def run(self) -> None:
        """Serve until either side closes."""
        sender = asyncio.get_running_loop().create_task(self._send())
        try:
            if await self._read():
                await sender  # whatever was put, and the close
        finally:
            code = self._socket.close_code
            self.connection.closed_with = 1006 if code is None else int(code)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send(self) -> None:
        while True:
            due_at = self._outbox[0][0] if self._outbox else None
            if due_at is None or due_at > _now():
                # Not a sleep: what is due next may be withdrawn.
                self._news.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if due_at is None else due_at - _now()):
                        await self._news.wait()
                continue
            _, message = self._outbox.popleft()
            if isinstance(message, Close):
                await self._socket.close(code=message.code, message=message.reason.encode())
                return
            if isinstance(message, bytes):
                await self._socket.send_bytes(message)
            elif isinstance(message, str):
                await self._socket.send_str(message)
            else:
                self.connection.sent.append((time.monotonic(), message))
                await self._socket.send_str(json.dumps(message))

    # --- receiving

    async def _read(self) -> bool:
        """Read to the end; return whether it is the server that closes."""
        while True:
            try:
                async with asyncio.timeout(self.script.idle_s):
                    message = await self._socket.receive()
            except TimeoutError:
                self.put({"type": "Metadata", "duration": self.speech.seconds, "channels": 1})
                self.close(1011, IDLE_REASON)
                return True
            now = time.monotonic()
            if message.type is WSMsgType.BINARY:
                self.connection.received.append((now, f"audio {len(message.data)}"))
                self.connection.audio_bytes += len(message.data)
                if not message.data:
                    self.close(1008, "DATA-0000")
                    return True
                for _ in self.speech.hear(message.data):
                    self.on_step()
                self._check_fault()
                if self._is_stalled:
                    await asyncio.Event().wait()  # until the client drops the connection
            elif message.type is WSMsgType.TEXT:
                kind = self._decode_kind(message.data)
                self.connection.received.append((now, kind))
                if kind == "CloseStream":
                    self.finish()
                    self.put({"type": "Metadata", "duration": self.speech.seconds, "channels": 1})
                    self.close(1000)
                    return True
                self.on_control(kind)
            else:
                return False

    @staticmethod
    def _decode_kind(text: str) -> str:
        try:
            return str(json.loads(text)["type"])
        except (ValueError, KeyError, TypeError):
            return "?"

    def _check_fault(self) -> None:
        fault = self.script.fault
        if (
            fault is None
            or self._had_fault
            or self._results < fault.after_results
            or self.speech.seconds < fault.at_s
        ):
            return
        self._had_fault = True
        match fault.trouble:
            case Trouble.MUTE:
                self._is_mute = True
            case Trouble.STALL:
                self._is_mute = self._is_stalled = True
            case Trouble.CLOSE:
                self.close(fault.code, fault.reason)
            case Trouble.DROP:
                assert self._request.transport is not None
                self._request.transport.abort()
            case Trouble.GARBAGE:
                self._put('{"type": "Resu')
            case Trouble.BINARY:
                self._put(b"\x00\x01")
            case Trouble.ERROR:
                self.put({"type": "Error", "variant": "InternalError", "code": "INTERNAL"})
            case Trouble.ODD_RESULTS:
                for odd in self.odd_results:
                    self.put(odd)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _is_interim(message: object) -> bool:
    """Words that may change, or what was sent along with them."""
    return isinstance(message, dict) and (
        message.get("type") == "NovelThing"
        or (message.get("type") == "Results" and not message.get("is_final"))
    )
