"""The ear: audio from the line to facts about speech, in audio time.

Media messages pass the audio clock (which orders them and fills gaps), then go to speech
activity, to speech-to-text and to whoever judges how pauses sound. A ticker keeps audio time going
with silence when the line stalls, so that a pause ends even if no media comes. Audio never leaves
this file but into those two; what leaves are events.
"""

import asyncio
import logging
from collections.abc import Callable

from voxd import config
from voxd.audio.activity import SpeechActivity, SpeechOffset, SpeechOnset
from voxd.audio.clock import AudioClock
from voxd.audio.g711 import decode_mulaw
from voxd.audio.interruption import InterruptionJudge, Judgement
from voxd.audio.pause import PauseWatch
from voxd.call.judging import PauseJudging
from voxd.call.transcriber import Transcriber
from voxd.contracts import FRAME_S, LINE_RATE_HZ, MULAW_SILENCE
from voxd.events import Event, PauseReached, SoundJudged, SpeechPaused, SpeechStarted

logger = logging.getLogger(__name__)

_EPSILON_S = 0.5 / LINE_RATE_HZ
"""Half a sample: 40 ms of quiet are 40 ms."""


class Listener:
    """Hears the caller of one call."""

    def __init__(
        self,
        ear: config.Ear,
        line: config.Line,
        transcriber: Transcriber,
        judging: PauseJudging,
        post: Callable[[Event], None],
        now: Callable[[], float],
        overlap: InterruptionJudge | None = None,
    ) -> None:
        """
        Args:
            overlap: judges what the caller's side sends while the agent speaks; None: nobody does.
        """
        self._transcriber = transcriber
        self._overlap = overlap
        self._judging = judging
        self._post = post
        self._now = now
        self._clock = AudioClock(stall_s=line.stall_s, max_gap_s=line.max_gap_s)
        self._activity = SpeechActivity(ear)
        self._audio_now: float | None = None
        """Audio time of the end of what was heard last; None before any audio."""
        self._pause = PauseWatch()
        self._ear = ear
        self._quiet_since = float("-inf")
        """Of the last quiet moment that the transcriber was told of, audio time."""
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
        self._pause.wait(pause_s)
        self._check_pause()

    def transcribe(self, speech_end: float) -> None:
        """Have everything up to this audio time transcribed now."""
        self._transcriber.flush(speech_end)

    def close_utterance(self, until: float) -> None:
        """What was said up to this audio time is dealt with."""
        self._transcriber.forget(until)
        self._judging.forget(until)

    # --- audio --------------------------------------------------------------------------------

    def _take(self, mulaw: bytes, end_at: float) -> None:
        self._audio_now = end_at
        self._transcriber.push(mulaw, end_at)
        self._judging.push(mulaw, end_at)
        pcm = decode_mulaw(mulaw)
        edges = self._activity.feed(pcm, end_at)
        if self._overlap is not None:
            self._overlap.push(pcm, end_at)
        for edge in edges:
            match edge:
                case SpeechOnset(speech_start):
                    self._pause.end()
                    self._transcriber.speech_started(speech_start)
                    self._judging.speech_started(speech_start)
                    self._post(SpeechStarted(self._now(), speech_start))
                    if self._overlap is not None:
                        self._overlap.begin(speech_start)
                case SpeechOffset(speech_end):
                    if self._overlap is not None:
                        self._post_judgement(self._overlap.end(speech_end))
                    self._pause.begin(speech_end)
                    self._post(SpeechPaused(self._now(), speech_end))
        if self._overlap is not None:
            self._post_judgement(self._overlap.check())
        self._tell_quiet()
        self._check_pause()

    def _tell_quiet(self) -> None:
        """Once per silence within speech: it may become a pause, or be a consonant."""
        since = self._activity.last_voiced_at
        is_new = self._activity.is_speaking and since != self._quiet_since
        if is_new and is_quiet(self._activity.silence_s, self._ear):
            self._quiet_since = since
            self._transcriber.quiet(since)

    def _post_judgement(self, judgement: Judgement | None) -> None:
        if judgement is not None:
            self._post(SoundJudged(self._now(), judgement.speech_start, judgement.verdict))

    def _check_pause(self) -> None:
        if self._audio_now is None or self._pause.speech_end is None:
            return
        pause_s = self._pause.check(self._audio_now, self._activity.voiced_at)
        if pause_s is not None:
            self._post(PauseReached(self._now(), self._pause.speech_end, pause_s))


def is_quiet(silence_s: float, ear: config.Ear) -> bool:
    """Whether a silence within speech is worth being told of before it is a pause."""
    return ear.early_s <= silence_s + _EPSILON_S


def _silence(samples: int) -> bytes:
    return bytes([MULAW_SILENCE]) * samples
