"""What Twilio heard, as events. I/O: one timer.

Two of the brain's timers run at Twilio's: for the caller's silence, and for the pause that ends a
sequence of keys. Twilio tells that they are over by its result.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voxd.events import (
    DigitPressed,
    Event,
    PauseReached,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TimerFired,
    TranscriptReceived,
    TurnSignal,
)

EAR = "twilio"
"""Stands for Twilio's recogniser where an engine is named."""
STEADY_S = 0.35
"""Words so far that stay the same for this long are perhaps all. Judgement: how often Twilio tells
is not documented; with a speech timeout of 1 s the reply has some 0.6 s of a start."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The result of one listening; both empty: nothing."""

    speech: str = ""
    digits: str = ""


class TurnEar:
    """One call's."""

    def __init__(self, post: Callable[[Event], None], on_speech: Callable[[], None]) -> None:
        """
        Args:
            on_speech: called when the caller begins to speak, before that is reported.
        """
        self._post = post
        self._on_speech = on_speech
        self._is_hearing = False
        """Words of the caller have come since the last result."""
        self._newest = -1
        """The number of the newest words so far."""
        self._speech_end = 0.0
        self._result = ""
        """The words of the last result."""
        self._is_silent = False
        """Nobody speaks, by the last result, and the brain was not told yet."""
        self._idle: int | None = None
        """The token of the brain's idle timer."""
        self._steady: asyncio.TimerHandle | None = None

    def hear_partial(self, text: str, number: int | None = None) -> None:
        """The words so far; they may be revised. What comes out of its order is older."""
        if number is not None:
            if number <= self._newest:
                return
            self._newest = number
        self._begin()
        self._post(TranscriptReceived(_now(), text, _now(), is_final=False, engine=EAR))
        self._stop_steady()
        self._steady = asyncio.get_running_loop().call_later(STEADY_S, self._note_steady, text)

    def hear(self, heard: Heard, *, counts_silence: bool = True) -> None:
        """The result of a listening.

        Args:
            counts_silence: nothing heard means that nobody speaks; not where the agent has
                something to say first, which the caller could not answer yet.
        """
        self._stop_steady()
        self._result = heard.speech
        self._newest = -1
        self._is_silent = counts_silence and not heard.speech and not heard.digits
        for digit in heard.digits:
            self._post(DigitPressed(_now(), digit))
        if heard.speech:
            self._begin()
        if self._is_hearing:
            self._is_hearing = False
            self._speech_end = _now()
            self._post(SpeechPaused(_now(), self._speech_end))
        if self._is_silent and self._idle is not None:
            self._fire(Timer.IDLE, self._idle)

    def transcribe(self, speech_end: float) -> None:
        """The brain asks for the words: they are those of the result."""
        text, signal = self._result, TurnSignal.END
        self._post(TranscriptReceived(_now(), text, speech_end, True, EAR, signal))

    def await_pause(self, pause_s: float) -> None:
        """The brain asks for a pause: Twilio has waited for it."""
        self._post(PauseReached(_now(), self._speech_end, pause_s))

    def await_silence(self, token: int) -> None:
        """The brain's idle timer: Twilio tells when nobody speaks, or has just done so."""
        self._idle = token
        if self._is_silent:
            self._fire(Timer.IDLE, token)

    def forget_silence(self) -> None:
        """That timer is stopped."""
        self._idle = None

    def end_digits(self, token: int) -> None:
        """The brain waits for further keys: Twilio has."""
        self._post(TimerFired(_now(), Timer.DIGITS, token))

    def settle(self) -> None:
        """The result has been answered."""
        self._is_silent = False

    def close(self) -> None:
        """The call is over."""
        self._stop_steady()

    def _begin(self) -> None:
        if not self._is_hearing:
            self._on_speech()
            self._is_hearing = True
            self._post(SpeechStarted(_now(), _now()))

    def _fire(self, timer: Timer, token: int) -> None:
        self._idle, self._is_silent = None, False
        self._post(TimerFired(_now(), timer, token))

    def _note_steady(self, text: str) -> None:
        signal = TurnSignal.EAGER_END
        self._post(TranscriptReceived(_now(), text, _now(), False, EAR, signal))

    def _stop_steady(self) -> None:
        if self._steady is not None:
            self._steady.cancel()
            self._steady = None


def _now() -> float:
    return asyncio.get_running_loop().time()
