"""What a new speech-to-text stream must be told: the utterance since its last settled words. Pure.

The tape keeps audio, onsets and the open question of the present utterance, and the words of that
part of it which some engine has transcribed for good (`settled`): those need no audio any more.
`replay` tells it all to a stream, which takes it as fast as it can.

Bounds: `KEPT_S` seconds of audio, 240 kB, and the oldest goes; `IDLE_S` while nobody speaks.
"""

from collections import deque

from voxd.contracts import LINE_RATE_HZ, TranscriptStream

KEPT_S = 30.0
"""Seconds of unsettled speech kept; the longest that Whisper hears at once. An engine that hears
nothing is left at the first pause, so more than this is one breath of half a minute."""
ONSET_S = 1.0
"""The contract of streams: an onset is told at most this late."""
IDLE_S = ONSET_S + 0.5
"""Seconds kept while nobody speaks: soft sounds come before the onset."""
TOLERANCE_S = 0.02
"""Words that end this little before the asked moment cover it: one frame."""


class Tape:
    """The present utterance of one call."""

    def __init__(self) -> None:
        self.settled = ""
        """Words that need not be heard again; what is on the tape comes after them."""
        self.asked: float | None = None
        """`speech_end` of the question that has no answer yet."""
        self._audio: deque[tuple[bytes, float]] = deque()
        """Mu-law with the audio time of its end."""
        self._seconds = 0.0
        self._starts: deque[float] = deque(maxlen=64)
        """Onsets; more than these in one utterance is noise."""
        self._pause: float | None = None
        """`speech_end` of the present pause, once asked about; None while the caller speaks."""
        self._begin: float | None = None
        """The first onset since the last pause that was settled."""

    @property
    def is_urgent(self) -> bool:
        """Somebody waits in silence for the answer."""
        return self.asked is not None and self._pause is not None

    @property
    def asked_speech_s(self) -> float:
        """From the first unsettled onset to the end of what was asked about, seconds."""
        if self.asked is None or self._begin is None:
            return 0.0
        return self.asked - self._begin

    def push(self, mulaw: bytes, end_at: float) -> None:
        """Add audio; `end_at` is the audio time of its end."""
        self._audio.append((mulaw, end_at))
        self._seconds += len(mulaw) / LINE_RATE_HZ
        limit_s = KEPT_S if self._starts else IDLE_S
        while self._seconds > limit_s and len(self._audio) > 1:
            self._drop_oldest()

    def speech_started(self, speech_start: float) -> None:
        """The caller began to speak at this audio time."""
        self._starts.append(speech_start)
        self._pause = None
        if self._begin is None:
            self._begin = speech_start

    def ask(self, speech_end: float) -> None:
        """The words up to this audio time are wanted."""
        self.asked = self._pause = speech_end

    def is_answered_by(self, through: float) -> bool:
        """Whether words up to this audio time are what was asked for."""
        return self.asked is not None and through >= self.asked - TOLERANCE_S

    def settle(self, text: str, through: float) -> None:
        """The utterance has these words for good, up to this audio time.

        Only taken when that is a pause which still lasts: elsewhere it would cut a word in two.
        """
        if self._pause is not None and through >= self._pause - TOLERANCE_S:
            self.settled = text
            self._drop(self._pause)

    def forget(self, until: float) -> None:
        """The utterance up to this audio time is dealt with."""
        self.settled = ""
        if self.asked is not None and self.asked <= until:
            self.asked = None
        self._drop(until)

    def replay(self, stream: TranscriptStream) -> None:
        """Tell a new stream everything, in the order in which it happened."""
        starts = deque(self._starts)
        for mulaw, end_at in self._audio:
            stream.push(mulaw, end_at)
            while starts and starts[0] <= end_at:
                stream.speech_started(max(starts.popleft(), end_at - ONSET_S))
        if self.asked is not None:
            stream.flush(self.asked)

    def _drop(self, until: float) -> None:
        while self._audio and self._audio[0][1] <= until:
            self._drop_oldest()
        while self._starts and self._starts[0] <= until:
            self._starts.popleft()
        self._begin = self._starts[0] if self._starts else None

    def _drop_oldest(self) -> None:
        mulaw, _ = self._audio.popleft()
        self._seconds -= len(mulaw) / LINE_RATE_HZ
