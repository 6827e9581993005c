"""The ear: audio from the line to facts about speech, in audio time.

Media messages pass the audio clock (which orders them and fills gaps), then go to speech
activity and to speech-to-text. A ticker keeps audio time going with silence when the line
stalls, so that a pause ends even if no media comes. Audio never leaves this file but into the
transcriber; what leaves are events.
"""

import asyncio
import logging
from collections.abc import Callable

from voxd import config
from voxd.audio.activity import SpeechActivity, SpeechOffset, SpeechOnset
from voxd.audio.clock import AudioClock
from voxd.audio.g711 import decode_mulaw
from voxd.call.transcriber import Transcriber
from voxd.contracts import FRAME_S, LINE_RATE_HZ, MULAW_SILENCE
from voxd.events import Event, PauseReached, SpeechPaused, SpeechStarted

logger = logging.getLogger(__name__)


class Listener:
    """Hears the caller of one call."""

    def __init__(
        self,
        ear: config.Ear,
        line: config.Line,
        transcriber: Transcriber,
        post: Callable[[Event], None],
        now: Callable[[], float],
    ) -> None:
        self._transcriber = transcriber
        self._post = post
        self._now = now
        self._clock = AudioClock(stall_s=line.stall_s, max_gap_s=line.max_gap_s)
        self._activity = SpeechActivity(ear)
        self._audio_now: float | None = None
        """Audio time of the end of what was heard last; None before any audio."""
        self._speech_end: float | None = None
        """`speech_end` of the present pause; None while the caller speaks or never spoke."""
        self._awaited_s: float | None = None
        """The pause that the brain asked about."""
        self.refused = 0
        """Media messages that came repeated, late or overlapping."""

    def hear(self, timestamp_s: float, mulaw: bytes, at: float) -> None:
        """Take one media message.

        Args:
            timestamp_s: its presentation time from the start of the stream.
            mulaw: its audio, any length.
            at: when it came, loop clock.
        """
        placement = self._clock.place(timestamp_s, len(mulaw), at)
        if placement is None:
            if self.refused == 0:
                logger.info("media refused: repeated, out of order or overlapping")
            self.refused += 1
            return
        if placement.silence_samples:
            starts_at = placement.end_at - len(mulaw) / LINE_RATE_HZ
            self._take(_silence(placement.silence_samples), starts_at)
        self._take(mulaw, placement.end_at)

    async def run(self) -> None:
        """Feed silence while the line stalls, every 20 ms until cancelled."""
        while True:
            await asyncio.sleep(max(FRAME_S, self._clock.unasked_s(self._now())))
            samples = self._clock.stalled_silence(self._now())
            if samples:
                self._take(_silence(samples), self._clock.now)

    # --- what the brain orders ----------------------------------------------------------------

    def await_pause(self, pause_s: float) -> None:
        """Report `PauseReached` once the present pause is this long; no pause, no report."""
        if self._speech_end is not None:
            self._awaited_s = pause_s
            self._check_pause()

    def transcribe(self, speech_end: float) -> None:
        """Have everything up to this audio time transcribed now."""
        self._transcriber.flush(speech_end)

    def close_utterance(self, until: float) -> None:
        """What was said up to this audio time is dealt with."""
        self._transcriber.forget(until)

    # --- audio --------------------------------------------------------------------------------

    def _take(self, mulaw: bytes, end_at: float) -> None:
        self._audio_now = end_at
        self._transcriber.push(mulaw, end_at)
        for edge in self._activity.feed(decode_mulaw(mulaw), end_at):
            match edge:
                case SpeechOnset(speech_start):
                    self._speech_end = None
                    self._awaited_s = None
                    self._transcriber.speech_started(speech_start)
                    self._post(SpeechStarted(self._now(), speech_start))
                case SpeechOffset(speech_end):
                    self._speech_end = speech_end
                    self._post(SpeechPaused(self._now(), speech_end))
        self._check_pause()

    def _check_pause(self) -> None:
        if self._awaited_s is None or self._speech_end is None or self._audio_now is None:
            return
        pause_s = self._audio_now - self._speech_end
        # Half a sample of rounding: sums of 20 ms must not miss a wait by 1e-16 s.
        if pause_s + 0.5 / LINE_RATE_HZ >= self._awaited_s:
            self._awaited_s = None
            self._post(PauseReached(self._now(), self._speech_end, pause_s))


def _silence(samples: int) -> bytes:
    return bytes([MULAW_SILENCE]) * samples
