"""When which scripted word is spoken, by the energy of the audio that comes in. Pure."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.servers.deepgram_script import Script, Utterance
from voxd.audio.g711 import decode_mulaw

RATE_HZ = 8000
STEP = 160
"""Bytes judged at a time: 20 ms."""
VOICED_DBFS = -45.0
WORD_S = 0.33
"""A word takes this long when the script does not say."""
ROUND = 3
"""Decimals of seconds on the wire."""

Spoken = dict[str, Any]
"""A word as Deepgram's JSON has it."""


class SpokenWords:
    """The words of one stream so far, and its silence."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._rest = b""
        self._index = -1
        self._utterance: Utterance | None = None
        self._started = 0.0
        self._given = 0
        self._fixed = [item for item in script.utterances if item.start is not None]
        self.words: list[Spoken] = []
        self.seconds = 0.0
        """Audio received."""
        self.speech_end: float | None = None
        """End of the last voiced 20 ms."""
        self.is_voiced = False
        """The last 20 ms were."""

    @property
    def silence_s(self) -> float:
        """Since the last voiced 20 ms; the whole stream when there was none."""
        return self.seconds - (self.speech_end or 0.0)

    def hear(self, mulaw: bytes) -> Iterator[None]:
        """Take audio; yields after each 20 ms of it."""
        self._rest += mulaw
        while len(self._rest) >= STEP:
            self._step(self._rest[:STEP])
            self._rest = self._rest[STEP:]
            yield

    def complete(self) -> None:
        """A pause: an utterance of unknown length has been said, all within its speech."""
        utterance, end = self._utterance, self.speech_end
        if utterance is None or utterance.seconds is not None or end is None:
            return
        texts = utterance.text.split()[self._given :]
        begin = self._started
        if self._given:
            begin = self.words[-1]["end"]
        each = max(0.0, end - begin) / max(1, len(texts))
        for number, text in enumerate(texts):
            self._add(text, begin + number * each, begin + (number + 1) * each)

    def _step(self, mulaw: bytes) -> None:
        pcm = decode_mulaw(mulaw).astype(np.float64) / 32768
        level_dbfs = 10 * np.log10(np.mean(pcm**2) + 1e-12)
        silence_s = self.silence_s
        self.seconds += STEP / RATE_HZ
        self.is_voiced = bool(level_dbfs > VOICED_DBFS)
        if self._fixed:
            self._follow_clock()
        elif self.is_voiced and (
            self.speech_end is None or silence_s >= self._script.utterance_gap_s
        ):
            self._begin(self.seconds - STEP / RATE_HZ)
        if self.is_voiced:
            self.speech_end = self.seconds
        if self._utterance is not None and (self.is_voiced or self._utterance.seconds is not None):
            self._give(self.seconds)

    def _follow_clock(self) -> None:
        following = self._index + 1
        if following < len(self._fixed):
            start = self._fixed[following].start
            assert start is not None
            if self.seconds >= start:
                self._begin(start)

    def _begin(self, at: float) -> None:
        self.complete()
        utterances = self._fixed or self._script.utterances
        self._index += 1
        self._utterance = utterances[self._index % len(utterances)] if utterances else None
        self._started = at
        self._given = 0

    def _give(self, until: float) -> None:
        """Note the words that end up to this second."""
        assert self._utterance is not None
        texts = self._utterance.text.split()
        each = (self._utterance.seconds or WORD_S * len(texts)) / max(1, len(texts))
        while self._given < len(texts):
            end = self._started + (self._given + 1) * each
            if end > until + 1e-6:
                return
            self._add(texts[self._given], end - each, end)

    def _add(self, text: str, start: float, end: float) -> None:
        self._given += 1
        self.words.append(
            {
                "word": text.strip(".,?!").lower(),
                "start": round(start, ROUND),
                "end": round(end, ROUND),
                "confidence": 0.99,
                "punctuated_word": text,
            }
        )
