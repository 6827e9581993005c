"""What Whisper's decoder made of some audio: words, nothing but noise, or a loop. Pure.

Used by `whisper_worker`, which listens again where the words are doubtful.
"""

import string
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

MAX_WINDOW_S = 30.0
"""What Whisper was trained on; longer audio is cut off."""
NO_SPEECH_PROB = 0.75
"""Above this it is noise, whatever the text says. Measured with tiny.en: in a 10 s window 360
telephone prompts, single letters and digits among them, lie below 0.56, and noise, hum, clicks
and thumps above 0.85; breath, keys and tones lie between and are heard again in the full window.
There the prompts lie below 0.23 and no noise below 0.46."""
UNSURE_NO_SPEECH_PROB = 0.5
FULL_NO_SPEECH_PROB = 0.35
MAX_COMPRESSION = 2.4
"""Above this the text repeats itself (openai/whisper)."""
_NO_WORDS = string.whitespace + string.punctuation + "…–—¿¡"
MANY_WORDS = 4
"""So many words at the end that only repeat what stands before them are hardly ever said."""


def count_repeated(words: Sequence[str]) -> int:
    """How many words at the end only repeat what stands before them; 2 in `a b c b c`.

    A repetition that broke off counts when it began with the first word, as loops do.
    """
    most = 0
    for unit in range(1, len(words)):
        run = 0
        while run < len(words) - unit and words[-1 - run] == words[-1 - run - unit]:
            run += 1
        is_whole = run >= unit
        is_from_the_start = run == len(words) - unit and run >= MANY_WORDS
        if is_whole or is_from_the_start:
            most = max(most, run)
    return most


def count_closers(pieces: Sequence[str]) -> int:
    """How many tokens at the end are only spaces and punctuation, by their spellings."""
    closers = 0
    for piece in reversed(pieces):
        if piece.strip(_NO_WORDS):
            break
        closers += 1
    return closers


@dataclass(frozen=True, slots=True)
class Decoded:
    """What Whisper made of some audio."""

    text: str
    tokens: int
    no_speech_prob: float
    avg_logprob: float
    """Mean logarithm of the probability of a token."""
    window_s: float
    """Seconds of audio that the encoder saw."""
    closing: float | None = None
    """How likely a full stop, question or exclamation mark was behind the last word, 0 to 1."""

    def is_noise(self) -> bool:
        """This is what Whisper makes of audio without speech."""
        most = NO_SPEECH_PROB if self.window_s < MAX_WINDOW_S else FULL_NO_SPEECH_PROB
        return self.no_speech_prob > most or not any(map(str.isalnum, self.text))

    def is_unsure(self) -> bool:
        """Perhaps noise: only the full window can tell."""
        return self.no_speech_prob > UNSURE_NO_SPEECH_PROB and self.window_s < MAX_WINDOW_S

    @property
    def words(self) -> list[str]:
        """The words without case and outer punctuation, as many as `text.split()`."""
        return [word.strip(string.punctuation).lower() for word in self.text.split()]

    def is_loop(self, limit: int) -> bool:
        """The decoder went round in circles instead of ending: this cannot have been said."""
        encoded = self.text.encode()
        return self.tokens >= limit or len(encoded) > MAX_COMPRESSION * len(zlib.compress(encoded))

    def is_doubtful(self, limit: int) -> bool:
        """A loop, or words said again: a loop that ended early, or a caller who repeats himself."""
        words = self.words
        repeated = count_repeated(words)
        return self.is_loop(limit) or repeated >= MANY_WORDS or 0 < repeated >= len(words) / 2

    def without_loop(self) -> "Decoded":
        """The same with what is repeated at its end said once."""
        words = self.text.split()
        once = " ".join(words[: len(words) - count_repeated(self.words)])
        return replace(self, text=once, closing=None)
