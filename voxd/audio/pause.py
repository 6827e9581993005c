"""Is the caller's pause as long as was asked, and does nobody begin again just now? Pure.

Used by the listener with what `activity` says. Speech needs 80 ms and more of voice to be believed
(`SpeechOnset`), so for that long a caller who goes on looks like one who has finished. A pause is
therefore not reported while there was voice a moment ago: either it becomes speech, and the pause
is over, or it was a click or a breath, and the report comes `STIR_S` after it.
"""

from dataclasses import dataclass

from voxd.line import LINE_RATE_HZ

STIR_S = 0.04
"""Voice within the last this much may be the beginning of speech: syllables have gaps of 10 to
30 ms between voiced frames before the onset is certain."""
HOLD_S = 0.12
"""Longest that a report is held back: the window in which an onset must gather its voice. Crackle
on the line costs no more than this."""
_EPSILON_S = 0.5 / LINE_RATE_HZ
"""Half a sample: sums of 20 ms must not miss a wait by 1e-16 s."""


@dataclass(slots=True)
class PauseWatch:
    """The present pause of one call, and how long of it is awaited."""

    speech_end: float | None = None
    """Audio time at which it began; None while the caller speaks or never spoke."""
    _awaited_s: float | None = None
    _held_since: float | None = None
    """Audio time from which the report would have been due but for some voice."""

    def begin(self, speech_end: float) -> None:
        """The caller has paused."""
        self.speech_end = speech_end

    def end(self) -> None:
        """The caller speaks: what was awaited is not any more."""
        self.speech_end = self._awaited_s = self._held_since = None

    def wait(self, pause_s: float) -> None:
        """Have it told when the pause is this long; without a pause there is nothing to tell."""
        if self.speech_end is not None:
            self._awaited_s = pause_s

    def check(self, now: float, voiced_at: float) -> float | None:
        """How long the pause is, once it is as long as awaited; then nothing is awaited any more.

        Args:
            now: audio time.
            voiced_at: audio time of the end of the last voiced frame, of speech or not.
        """
        if self._awaited_s is None or self.speech_end is None:
            return None
        pause_s = now - self.speech_end
        if pause_s + _EPSILON_S < self._awaited_s:
            return None
        is_stirring = voiced_at > self.speech_end and now - voiced_at < STIR_S - _EPSILON_S
        if is_stirring:
            if self._held_since is None:
                self._held_since = now
            if now - self._held_since + _EPSILON_S < HOLD_S:
                return None
        self._awaited_s = self._held_since = None
        return pause_s
