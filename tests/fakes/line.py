"""A `Transport` that plays Twilio's part in virtual time: media, playback buffer, marks, clear."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from tests.fakes.speech_to_text import Said
from voxd.audio.g711 import encode_mulaw
from voxd.contracts import FRAME_BYTES, FRAME_S, LINE_RATE_HZ
from voxd.events import EndReason
from voxd.twilio.media import Dtmf, InboundMessage, Mark, Media, Stop

NETWORK_S = 0.03
"""One-way delay of every message towards us."""


@dataclass(slots=True)
class Played:
    """A frame as the caller hears it."""

    start: float
    """Seconds, loop clock."""
    mulaw: bytes


@dataclass(slots=True)
class _Outstanding:
    name: str
    due: float
    handle: asyncio.TimerHandle | None = None


@dataclass
class FakeLine:
    """The far end of one call. `run` sends the caller's audio until the call ends."""

    call_sid: str = "CA0001"
    stream_sid: str = "MZ0001"
    parameters: dict[str, str] = field(default_factory=dict)
    lost_reason: EndReason = EndReason.LINE_LOST
    echoes_marks: bool = True

    said: list[Said] = field(default_factory=list)
    """What the caller says; give it to `FakeSpeechToText` as its script."""
    is_stalled: bool = False
    """While true no media is sent; the timestamps go on, as after lost packets."""
    is_held: bool = False
    """While true media waits in the network; it arrives all at once afterwards."""
    played: list[Played] = field(default_factory=list)
    """What the caller has heard or will hear if no `clear` comes, in order."""
    sent: list[str] = field(default_factory=list)
    """Every message that voxd sent but media, in order: `clear`, `mark NAME`."""
    pieces: list[float] = field(default_factory=list)
    """Seconds of audio in each media message, in order."""
    is_closed: bool = False

    def __post_init__(self) -> None:
        self._inbound: asyncio.Queue[InboundMessage | None] = asyncio.Queue()
        self._held: deque[Media] = deque()
        self._in_flight: deque[InboundMessage] = deque()
        self._outstanding: list[_Outstanding] = []
        self._ends_at = 0.0
        self._is_gone = False
        self._agent_audible = asyncio.Event()

    # --- the caller ---------------------------------------------------------------------------

    def speak(
        self, text: str, seconds: float = 1.0, *, late_s: float = 0.1, interim: str = ""
    ) -> Said:
        """The caller says something now."""
        said = Said(_now(), _now() + seconds, text, late_s, interim)
        self.said.append(said)
        return said

    async def say(
        self, text: str, seconds: float = 1.0, *, late_s: float = 0.1, interim: str = ""
    ) -> Said:
        """As `speak`, returning when it has been said."""
        said = self.speak(text, seconds, late_s=late_s, interim=interim)
        await asyncio.sleep(seconds)
        return said

    def press(self, digits: str) -> None:
        for digit in digits:
            self._arrive(Dtmf(digit))

    def hang_up(self) -> None:
        """`stop`, then the socket closes."""
        self._inbound.put_nowait(Stop())
        self.lose()

    def lose(self) -> None:
        """The socket closes without `stop`."""
        self._is_gone = True
        self._inbound.put_nowait(None)

    async def run(self) -> None:
        """Send 20 ms of the caller's side every 20 ms."""
        started = _now()
        frames = 0
        while not (self._is_gone or self.is_closed):
            await asyncio.sleep(max(0.0, started + (frames + 1) * FRAME_S - _now()))
            frames += 1
            if not self.is_stalled:
                self._held.append(Media((frames - 1) * FRAME_S, self._frame(_now())))
            while self._held and not self.is_held:
                self._arrive(self._held.popleft())

    def _frame(self, at: float) -> bytes:
        is_voiced = any(said.start < at <= said.end + 1e-6 for said in self.said)
        bank = _VOICE if is_voiced else _QUIET
        return bank[round(at / FRAME_S) % len(bank)]

    def _arrive(self, message: InboundMessage) -> None:
        if not self._is_gone:
            self._in_flight.append(message)
            asyncio.get_running_loop().call_later(NETWORK_S, self._deliver)

    def _deliver(self) -> None:
        # Timers of the same moment fire in any order; the network keeps it.
        self._inbound.put_nowait(self._in_flight.popleft())

    # --- what the caller heard ----------------------------------------------------------------

    async def agent_speaks(self) -> None:
        """Return once the agent is audible."""
        self._agent_audible.clear()
        await self._agent_audible.wait()

    async def agent_silent(self, for_s: float = 0.5) -> None:
        """Return once nothing has been audible for a while."""
        while _now() < self._ends_at + for_s:
            await asyncio.sleep(self._ends_at + for_s - _now() + 1e-6)

    def heard(self) -> list[tuple[int, float]]:
        """What was heard by now: (byte, seconds) of each stretch of the same sound."""
        stretches: list[tuple[int, float]] = []
        for frame in self.played:
            byte = frame.mulaw[0]
            if stretches and stretches[-1][0] == byte:
                stretches[-1] = (byte, round(stretches[-1][1] + FRAME_S, 3))
            else:
                stretches.append((byte, FRAME_S))
        return stretches

    # --- the transport ------------------------------------------------------------------------

    async def receive(self) -> InboundMessage | None:
        if self._is_gone and self._inbound.empty():
            return None
        return await self._inbound.get()

    async def send_media(self, mulaw: bytes) -> None:
        self._check_open()
        assert len(mulaw) % FRAME_BYTES == 0, "not whole frames"
        self.pieces.append(len(mulaw) / LINE_RATE_HZ)
        for begin in range(0, len(mulaw), FRAME_BYTES):
            start = max(_now(), self._ends_at)
            self.played.append(Played(start, mulaw[begin : begin + FRAME_BYTES]))
            self._ends_at = start + FRAME_S
        self._agent_audible.set()

    async def send_mark(self, name: str) -> None:
        self._check_open()
        self.sent.append(f"mark {name}")
        mark = _Outstanding(name, max(_now(), self._ends_at))
        self._outstanding.append(mark)
        loop = asyncio.get_running_loop()
        mark.handle = loop.call_at(mark.due, self._echo, mark)

    async def send_clear(self) -> None:
        self._check_open()
        self.sent.append("clear")
        self.played = [frame for frame in self.played if frame.start < _now()]
        self._ends_at = min(self._ends_at, _now())
        for mark in tuple(self._outstanding):
            self._echo(mark)

    async def close(self) -> None:
        self.is_closed = True
        for mark in tuple(self._outstanding):
            self._outstanding.remove(mark)
            if mark.handle is not None:
                mark.handle.cancel()

    def buffered_s(self) -> float:
        """Seconds of audio that the caller has not heard yet."""
        return max(0.0, self._ends_at - _now())

    def _echo(self, mark: _Outstanding) -> None:
        if mark.handle is not None:
            mark.handle.cancel()
        self._outstanding.remove(mark)
        if self.echoes_marks:
            self._arrive(Mark(mark.name))

    def _check_open(self) -> None:
        if self._is_gone or self.is_closed:
            raise ConnectionResetError("the socket is gone")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _bank(pcm: np.ndarray) -> list[bytes]:
    mulaw = encode_mulaw(pcm)
    return [mulaw[i : i + FRAME_BYTES] for i in range(0, len(mulaw), FRAME_BYTES)]


def _voiced_pcm() -> np.ndarray:
    """One second that anybody takes for speech: a 125 Hz buzz with formants that move."""
    time = np.arange(LINE_RATE_HZ) / LINE_RATE_HZ
    tone = np.zeros(LINE_RATE_HZ)
    sway = np.sin(2 * np.pi * 4 * time)  # syllables
    for harmonic in range(1, 28):
        hz = 125.0 * harmonic
        formants = sum(
            np.exp(-(((hz - centre * (1 + 0.2 * sway)) / 250.0) ** 2))
            for centre in (500, 1500, 2500)
        )
        tone += (0.05 + formants) * np.sin(2 * np.pi * hz * time + harmonic**2)
    return np.asarray(tone / np.abs(tone).max() * 12000, dtype=np.int16)


def _quiet_pcm() -> np.ndarray:
    """One second of line noise at about -66 dBFS."""
    return np.random.default_rng(1).normal(0, 16, LINE_RATE_HZ).astype(np.int16)


_VOICE = _bank(_voiced_pcm())
_QUIET = _bank(_quiet_pcm())
