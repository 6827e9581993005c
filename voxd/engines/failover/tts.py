"""Several voices as one, for one call; see the package. I/O by way of `speaking`."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from voxd.config import Deadlines
from voxd.contracts import (
    Capabilities,
    EngineStatus,
    HealthRecorder,
    SpeechRequest,
    SpeechStream,
    TextToSpeech,
)
from voxd.engines.failover.roster import Roster
from voxd.engines.failover.speaking import FailoverSpeechStream, new_rates
from voxd.events import Event, Kind


class FailoverTextToSpeech:
    """`contracts.TextToSpeech` on a chain; its name is that of the voice that speaks next.

    A change of voice is kept for the call: one change is noticed less than two.
    """

    def __init__(
        self,
        chain: Sequence[TextToSpeech],
        deadlines: Deadlines,
        board: HealthRecorder,
        post: Callable[[Event], None],
        now: Callable[[], float],
        voices: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            chain: first to last, at least one.
            now: seconds, the loop's clock.
            voices: engine -> its own name of the voice that it shall take; others their default.
        """
        self._roster = Roster(Kind.TTS, chain, board, post, now, may_return=False)
        self._deadlines = deadlines
        self._rates = new_rates()
        self._now = now
        self._voices = dict(voices or {})

    @property
    def name(self) -> str:
        return self._roster.current.name

    @property
    def capabilities(self) -> Capabilities:
        return self._roster.current.capabilities

    def status(self) -> EngineStatus:
        return self._roster.current.status()

    async def warm(self) -> None:
        await self._roster.current.warm()

    async def probe(self) -> float:
        return await self._roster.current.probe()

    @asynccontextmanager
    async def open_speech(self, request: SpeechRequest) -> AsyncIterator[SpeechStream]:
        """See `contracts.TextToSpeech`. Returns at once: the first voice is opened beside."""
        stream = FailoverSpeechStream(
            request, self._deadlines, self._roster, self._rates, self._now, self._voices
        )
        try:
            yield stream
        finally:
            await stream.aclose()
