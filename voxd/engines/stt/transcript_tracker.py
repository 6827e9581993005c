"""From a streaming provider's results to what the call is told. Pure.

Results come when the provider likes: about once a second, at its own idea of a pause, and as the
answer to a request for the words up to now. The tracker maps them to audio time, and decides when
a flush is answered: with words that may still change as soon as some result reaches its
`speech_end`, and for good when finals cover all audio up to it.
"""

from collections import deque
from dataclasses import dataclass

from voxd.contracts import Transcript
from voxd.engines.stt.segments import Segment, UtteranceText
from voxd.engines.stt.stream_time import StreamTime
from voxd.engines.stt.turn_signals import TurnSignals
from voxd.events import TurnSignal

TOLERANCE_S = 0.02
"""A result that ends this little before the asked moment covers it: one frame; times are rounded
on the wire."""
SETTLED_S = 0.5
"""No word this long after the asked moment: there was none. For noise, when a request stays
unanswered (nothing worth it was pending) or cannot be made."""
WORD_END_S = 0.01
"""Word times are rounded to hundredths."""
MAX_REQUESTS = 64
"""Requests whose answers may be outstanding; one is made per pause of the caller."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One message from the provider."""

    segment: Segment | None = None
    """None: the message has no words, only a signal."""
    is_final: bool = False
    is_requested: bool = False
    """The answer to a request for the words up to now."""
    signal: TurnSignal | None = None
    last_word_end: float | None = None
    """Given with a signal that was judged by gaps between words: the end of the last, seconds of
    the stream."""


class TranscriptTracker:
    """One stream's audio, results, flushes and signals."""

    def __init__(self) -> None:
        self._time = StreamTime()
        self._words = UtteranceText(self._time)
        self._signals = TurnSignals()
        self._is_speaking = False
        """By our own ear: between `speech_started` and `flush`."""
        self._speech_end = float("-inf")
        """Of the last flush."""
        self._is_settled = True
        """The last flush has its final answer, or was forgotten."""
        self._has_words = True
        """The last flush has some answer with words, or its final one."""
        self._requests: deque[tuple[float, float]] = deque(maxlen=MAX_REQUESTS)
        """Length of the stream when it was made, and the `speech_end` that it was made for."""
        self._heard_s = 0.0
        """Seconds of the stream that results have reached."""
        self._told = ""
        """The text of the last transcript of this utterance."""

    @property
    def is_waiting(self) -> bool:
        """A flush has no words yet."""
        return not self._has_words

    @property
    def is_settled(self) -> bool:
        """No flush is without its final answer."""
        return self._is_settled

    @property
    def backlog_s(self) -> float:
        """Seconds pushed that no result has reached."""
        return max(0.0, self._time.seconds - self._heard_s)

    def push(self, samples: int, at: float | None) -> None:
        """Audio goes into the stream; see `StreamTime.push`."""
        self._time.push(samples, at)

    def speech_started(self) -> None:
        """Our own ear hears the caller speak."""
        self._is_speaking = True

    def flush(self, speech_end: float) -> bool:
        """The words up to this audio time are wanted.

        Returns:
            Whether the provider must be asked: finals do not cover it, and it was not asked.
        """
        is_asked = bool(self._requests) and self._requests[-1][1] == speech_end
        self._is_speaking = False
        self._speech_end = speech_end
        self._is_settled = self._has_words = False
        if self._is_covered or is_asked:
            return False
        self._requests.append((self._time.seconds, speech_end))
        return True

    def forget(self, until: float) -> None:
        """The utterance up to this audio time is dealt with."""
        self._words.forget(until)
        self._signals.forget()
        self._told = ""
        if self._speech_end <= until:
            self._is_settled = self._has_words = True

    def hear(self, heard: Heard) -> Transcript | None:
        """Take a message; return what the call should be told because of it."""
        if heard.segment is not None:
            self._heard_s = max(self._heard_s, heard.segment.end)
            self._words.take(heard.segment, is_final=heard.is_final)
            if heard.is_requested:
                self._match_request(heard.segment.end)
        return self.tell(None if self._is_premature(heard) else heard.signal)

    def tell(self, signal: TurnSignal | None = None) -> Transcript | None:
        """The present transcript, when it is news or answers the last flush."""
        text = self._words.text
        is_quiet = not text and self._words.through >= self._speech_end + SETTLED_S
        if is_quiet and not self._is_settled:
            self._words.cover(self._speech_end)
        is_final = self._is_covered and not self._words.interim_text
        through = self._words.final_through if is_final else self._words.through
        if through >= self._speech_end - TOLERANCE_S:
            through = max(through, self._speech_end)
            answers = not self._is_settled and (is_final or (self.is_waiting and bool(text)))
        else:
            answers = False
        signal = self._signals.weigh(signal, text)
        if not answers and signal is None and text == self._told:
            return None
        self._told = text
        if answers:
            self._has_words = True
            self._is_settled = is_final
        return Transcript(text, through, is_final, signal)

    @property
    def _is_covered(self) -> bool:
        through = self._words.final_through
        return through > float("-inf") and through >= self._speech_end - TOLERANCE_S

    def _match_request(self, end: float) -> None:
        """An answer belongs to the first request that was made when the stream was this long.

        Requests before it were never answered, which happens when nothing was pending.
        """
        while self._requests:
            length, speech_end = self._requests.popleft()
            if length >= end - TOLERANCE_S:
                self._words.cover(speech_end)
                return

    def _is_premature(self, heard: Heard) -> bool:
        """Gaps between words are no silence: a hesitation makes no word."""
        if heard.last_word_end is None:
            return False
        return self._is_speaking or heard.last_word_end < self._words.last_word_end - WORD_END_S
