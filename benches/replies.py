"""The reply of the loopback providers in `failover`: words that can be counted at the ear. I/O-free
but for the models it is given.

Every word, of this reply or of one that another model wrote, is spoken by the shipped voice and
padded to the same length, so that the word times which the loopback Cartesia tells are true. What
the caller heard is transcribed with the shipped Whisper and compared with what was to be said.
"""

import asyncio
import threading
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import jiwer
import numpy as np
from numpy.typing import NDArray

from benches.daemon import CONFIG
from benches.line import BenchFailed
from benches.wer import load_worker
from benches.words import normalize_words
from voxd.caller.mulaw import decode, encode
from voxd.engines.local.piper_worker import PiperWorker

REPLY = "We sell apples bananas oranges lemons potatoes tomatoes onions and cheese."
"""Whisper understands all of it, spoken word by word; that is why it is this."""
WORD_BYTES = 4800
"""0.6 s of mu-law, the length of the longest word."""
SILENCE = b"\xff"
VOICES = 10
"""So often the reply is spoken anew until all of it is understood."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Words as they arrived, against those that were said."""

    text: str
    lost: int
    twice: int
    """Words too many that are among those said."""
    misheard: int
    """Other words, in place of some or between them: Whisper's errors."""
    said: str = ""
    """What was to be said."""

    @property
    def is_whole(self) -> bool:
        """Every word, once."""
        return not (self.lost or self.twice or self.misheard)


class SpokenReply:
    """The voice of the loopback Cartesia."""

    def __init__(self) -> None:
        settings = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["engines"]["piper"]
        self._level_dbfs = settings["level_dbfs"]
        self._worker = PiperWorker()
        self._worker.load({**settings, "voice": str(CONFIG.parent / settings["voice"])})
        self._lock = threading.Lock()
        self._words: dict[str, bytes] = {}
        self.speak_anew()

    def speak_anew(self) -> None:
        """Say every word of the reply once more, which never sounds quite the same."""
        self._words = {word: self._render(word) for word in sorted(set(_words(REPLY)))}

    def speak(self, text: str) -> bytes | AsyncIterator[bytes]:
        """Mu-law of the reply or any part of it, at once; of other text word by word."""
        words = _words(text)
        if all(word in self._words for word in words):
            return b"".join(self._words[word] for word in words)
        return self._make(words)

    async def _make(self, words: list[str]) -> AsyncIterator[bytes]:
        for word in words:
            if word not in self._words:
                self._words[word] = await asyncio.to_thread(self._render, word)
            yield self._words[word]

    def _render(self, word: str) -> bytes:
        if not word:  # it was punctuation alone
            return SILENCE * WORD_BYTES
        pieces: list[bytes] = []
        params = {"text": word, "length_scale": 1.0, "level_dbfs": self._level_dbfs}
        with self._lock:
            self._worker.run(
                "speak", params, b"", lambda _, mulaw: pieces.append(mulaw), lambda: False
            )
        return b"".join(pieces)[:WORD_BYTES].ljust(WORD_BYTES, SILENCE)


class ReplyEar:
    """Hears replies."""

    def __init__(self) -> None:
        self._worker = load_worker(None)

    def judge(self, said: str, pcm: NDArray[np.int16]) -> Heard:
        """Compare a reply with its recording (int16, mono, 8000 Hz)."""
        answer = self._worker.run(
            "transcribe", {"language": "en"}, encode(pcm), lambda *_: None, lambda: False
        )
        return compare_words(said, str(answer["text"]))


def make_voice(ear: ReplyEar) -> SpokenReply:
    """A voice of whose reply the ear gets every word: Piper says a word a little differently each
    time, and the ear is to judge the line.

    Raises:
        BenchFailed: none of some attempts was understood.
    """
    voice = SpokenReply()
    for _ in range(VOICES):
        reply = voice.speak(REPLY)
        assert isinstance(reply, bytes)
        if ear.judge(REPLY, decode(reply)).is_whole:
            return voice
        voice.speak_anew()
    raise BenchFailed("Whisper does not understand the reply, however it is spoken")


def compare_words(said: str, heard: str) -> Heard:
    """Which words were lost and which came too often."""
    text, wanted = heard, said
    said, heard = normalize_words(said), normalize_words(heard)
    if not said or not heard:
        return Heard(text, len(said.split()), 0, len(heard.split()), wanted)
    output = jiwer.process_words(said, heard)
    inserted = [
        word
        for chunk in output.alignments[0]
        if chunk.type == "insert"
        for word in heard.split()[chunk.hyp_start_idx : chunk.hyp_end_idx]
    ]
    twice = sum(word in said.split() for word in inserted)
    misheard = output.substitutions + len(inserted) - twice
    return Heard(text, output.deletions, twice, misheard, wanted)


def _words(text: str) -> list[str]:
    return [word.strip(".,!?").lower() for word in text.split()]
