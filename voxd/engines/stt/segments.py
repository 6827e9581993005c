"""Pieces of a streaming transcript, put together to the words of the utterance. Pure.

A provider reports stretches of its stream: finals, one after the other, and after the last of
them at most one interim, which every further result replaces. The utterance's words are those of
the finals since the last `forget` and of the interim. A piece that lies across `forget` is cut
between two words, by their times.
"""

from collections import deque
from dataclasses import dataclass

from voxd.engines.stt.stream_time import StreamTime

MAX_FINALS = 512
"""Finals of one utterance that are kept, a monologue of half an hour; the oldest go."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a segment."""

    text: str
    """As it should be read, with punctuation."""
    start: float
    """Seconds of the stream."""
    end: float
    """Seconds of the stream."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the stream and what was said in it."""

    start: float
    """Seconds of the stream."""
    end: float
    """Seconds of the stream; everything before it was heard."""
    text: str
    words: tuple[Word, ...] = ()
    """May be missing, or differ from `text` where numbers were formatted."""


class UtteranceText:
    """The words since the last `forget`."""

    def __init__(self, time: StreamTime) -> None:
        self._time = time
        self._finals: deque[Segment] = deque(maxlen=MAX_FINALS)
        self._interim: Segment | None = None
        self._until = float("-inf")
        self._spent = 0
        """Words of the interim that were dealt with at `forget`: for segments without times."""
        self.final_through = float("-inf")
        """Audio time up to which finals cover the stream."""

    def take(self, segment: Segment, *, is_final: bool) -> None:
        """The provider's newest result."""
        self._interim = None if is_final else segment
        if is_final:
            if segment.text:
                self._finals.append(segment)
            self.cover(self._time.to_audio(segment.end))

    def cover(self, at: float) -> None:
        """The provider has nothing more to say about what lies before this audio time."""
        self.final_through = max(self.final_through, at)

    def forget(self, until: float) -> None:
        """What was said up to this audio time is dealt with."""
        self._until = max(self._until, until)
        while self._finals and self._time.to_audio(self._finals[0].end) <= until:
            self._finals.popleft()
        self._spent = len(self._interim.text.split()) if self._interim else 0

    @property
    def text(self) -> str:
        """All of it."""
        pieces = [self._text_after(segment) for segment in self._finals]
        return " ".join(piece for piece in [*pieces, self.interim_text] if piece)

    @property
    def interim_text(self) -> str:
        """The part that may still be revised."""
        return self._text_after(self._interim) if self._interim else ""

    @property
    def through(self) -> float:
        """Audio time up to which the text covers the stream."""
        if self._interim is None:
            return self.final_through
        return max(self.final_through, self._time.to_audio(self._interim.end))

    @property
    def last_word_end(self) -> float:
        """Where the last word ends, seconds of the stream; -inf without word times."""
        newest = self._interim if self.interim_text else None
        segments = [*self._finals, newest] if newest else list(self._finals)
        return max(
            (word.end for segment in segments for word in segment.words), default=float("-inf")
        )

    def _text_after(self, segment: Segment) -> str:
        """What of a segment was said after the last `forget`."""
        if self._time.to_audio(segment.start) >= self._until:
            return segment.text
        if self._time.to_audio(segment.end) <= self._until:
            return ""
        spoken = segment.text.split()
        if not segment.words:
            return " ".join(spoken[self._spent :])
        # Word for word where that is possible: `text` is what the provider formatted best.
        texts = [word.text for word in segment.words]
        if len(spoken) == len(segment.words):
            texts = spoken
        return " ".join(
            text
            for text, word in zip(texts, segment.words, strict=True)
            if self._time.to_audio((word.start + word.end) / 2) > self._until
        )
