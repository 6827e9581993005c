"""One media stream in real time, both directions. I/O; decides nothing.

Three loops share the socket. *Speak* sends the caller's frames, each at its own absolute
deadline, so that lateness never adds up: a loop that was held up catches up. *Listen* gives
what arrives to the playback buffer and the ear. *Return marks* sleeps until playback reaches
the next one. Messages are numbered and written without an await in between, and without
compression aiohttp writes at once, so numbers leave in order.
"""

import asyncio
from collections.abc import Callable

import aiohttp

from voxd.caller.ear import Ear
from voxd.caller.messages import (
    FRAME_S,
    FRAME_SAMPLES,
    AgentClear,
    AgentMark,
    AgentMedia,
    AgentMessage,
    Outbox,
    ProtocolFault,
    decode_message,
)
from voxd.caller.plan import CallPlan
from voxd.caller.playback import Playback
from voxd.caller.report import Traffic
from voxd.caller.script import Script

LATE_S = FRAME_S
"""A frame that leaves this late is counted: the measurement suffers."""


class MediaStream:
    """Twilio's end of an open WebSocket."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        plan: CallPlan,
        outbox: Outbox,
        stream_sid: str,
        warn: Callable[[str], None],
    ) -> None:
        self.playback = Playback()
        self.ear = Ear()
        self.script = Script(plan, self.ear)
        self.traffic = Traffic()
        self.sent: list[bytes | None] = []
        """The caller's voice, frame by frame; None for one that the stall swallowed."""
        self.ended_by = ""
        self.ended_at = 0.0
        """Stream time of the end."""
        self.origin = 0.0
        """Loop time of the stream's first sample."""
        self._socket = socket
        self._plan = plan
        self._outbox = outbox
        self._stream_sid = stream_sid
        self._warn = warn
        self._has_marks = asyncio.Event()

    @property
    def _now(self) -> float:
        """Stream time."""
        return asyncio.get_running_loop().time() - self.origin

    async def run(self) -> None:
        """Carry out the plan; return when either side has ended the stream."""
        try:
            await self._socket.send_str(self._outbox.connected())
            await self._socket.send_str(self._outbox.start())
        except ConnectionError:
            self.ended_by = "server"
            return
        self.origin = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            marks = group.create_task(self._return_marks())
            await self._speak()
            marks.cancel()
            if not self.ended_by:
                self._end("caller")
                await self._send(self._outbox.stop())
            await self._socket.close()

    def _end(self, by: str) -> None:
        if not self.ended_by:
            self.ended_by, self.ended_at = by, self._now

    async def _send(self, message: str) -> None:
        try:
            await self._socket.send_str(message)
        except ConnectionError:
            self._end("server")

    # --- the caller ---------------------------------------------------------------------

    async def _speak(self) -> None:
        number = 0
        while not self.ended_by:
            step = self.script.step(number)
            if step is None:
                return
            # A frame can only leave when its last sample has been spoken.
            deadline = (number + 1) * FRAME_S
            await asyncio.sleep(max(0.0, deadline - self._now))
            self._note_lateness(self._now - deadline)
            if self.ended_by:
                return
            if step.digit:
                await self._send(self._outbox.dtmf(step.digit))
            mulaw, payload = step.frame
            if self._plan.is_stalled(number):
                self.traffic.frames_lost += 1
                self.sent.append(None)
            else:
                self.traffic.frames_sent += 1
                self.sent.append(mulaw)
                await self._send(self._outbox.media(payload, round(deadline * 1000)))
            number += 1

    def _note_lateness(self, late_s: float) -> None:
        self.traffic.late_frames += late_s > LATE_S
        self.traffic.latest_frame_ms = max(self.traffic.latest_frame_ms, late_s * 1000)

    # --- the agent ----------------------------------------------------------------------

    async def _listen(self) -> None:
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                try:
                    decoded = decode_message(message.data, self._stream_sid)
                except ProtocolFault as fault:
                    self._warn(f"31951: {fault}")
                else:
                    await self._take(decoded, self._now)
            elif message.type is aiohttp.WSMsgType.BINARY:
                self._warn("31924: a binary message")
            elif message.type is aiohttp.WSMsgType.ERROR:
                self._warn(f"31924: {message.data}")
        self._end("server")

    async def _take(self, message: AgentMessage, at: float) -> None:
        match message:
            case AgentMedia(mulaw):
                self.traffic.media_received += 1
                self.traffic.ragged_media += len(mulaw) % FRAME_SAMPLES > 0
                self.ear.hear(mulaw, self.playback.write(mulaw, at))
            case AgentMark(name):
                self.traffic.marks_received += 1
                self.playback.mark(name, at)
                # Due at once when nothing is buffered; the mark loop wakes for the others.
                await self._echo(self.playback.take_marks(at))
                self._has_marks.set()
            case AgentClear():
                self.traffic.clears_received += 1
                self.ear.clear(at)
                await self._echo(self.playback.clear(at))

    async def _return_marks(self) -> None:
        while True:
            due = self.playback.next_mark_at
            if due is None:
                self._has_marks.clear()
                await self._has_marks.wait()
                continue
            await asyncio.sleep(max(0.0, due - self._now))
            await self._echo(self.playback.take_marks(self._now))

    async def _echo(self, names: list[str]) -> None:
        for name in names:
            if self._plan.echoes_marks and not self.ended_by:
                self.traffic.marks_echoed += 1
                await self._send(self._outbox.mark(name))
