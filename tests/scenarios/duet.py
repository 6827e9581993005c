"""A stage on which each kind has two engines, and what the caller heard of a turn on it."""

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.call import Running, Stage, live_call, make_config
from tests.fakes.language_model import FakeLanguageModel, Script, said
from tests.fakes.line import Played
from tests.fakes.speech_to_text import FakeSpeechToText, Said
from tests.fakes.text_to_speech import CHARACTER_S, FakeTextToSpeech
from voxd.config import Config
from voxd.contracts import FRAME_S
from voxd.events import PlaybackFinished

ANSWER = "Weekdays we open nine until five. On Sundays we are closed."
CLAUSES = ("Weekdays we open nine until five.", "On Sundays we are closed.")
QUESTION = "When are you open?"
MAX_EXTRA_S = 1.5
"""The promise: a failure makes no silence longer by more than this."""


def duet_config(**tables: Any) -> Config:
    """Two engines of each kind; deadlines as shipped."""
    tier = {
        "stt": ["fake-stt", "spare-stt"],
        "llm": ["fake-llm", "spare-llm"],
        "tts": ["fake-tts", "spare-tts"],
    }
    return make_config(**{"tier": tier, **tables})


@dataclass
class Duet(Stage):
    """The first engines are the stage's own; the spares take over."""

    llm: FakeLanguageModel = field(default_factory=lambda: FakeLanguageModel(said(ANSWER)))
    config: Config = field(default_factory=duet_config)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.spare_stt = FakeSpeechToText(self.line.said, "spare-stt")
        self.spare_llm = FakeLanguageModel(said(ANSWER), name="spare-llm")
        self.spare_tts = FakeTextToSpeech(name="spare-tts", first_byte=121)
        self.more = [self.spare_stt, self.spare_llm, self.spare_tts]

    def llm_plays(self, *scripts: Script) -> None:
        """The first model answers so."""
        self.llm.scripts = scripts

    @property
    def prompts(self) -> list[str]:
        """The caller's words as the models were asked, in order; the same words only once."""
        requests = [*self.llm.requests, *self.spare_llm.requests]
        return list(dict.fromkeys(request.messages[-1].content for request in requests))

    def heard_words(self, since: float = 0.0) -> list[str]:
        """Every word of which the caller heard at least half, as often as it sounded.

        Less of it is the stammer of a voice that was cut off, not a word.
        """
        return [
            word
            for byte, seconds in self.heard_sounds(since)
            for word in self.words_of(self._text_of(byte), seconds)
        ]

    @staticmethod
    def words_of(text: str, seconds: float) -> list[str]:
        """The words of a text of which at least half sounded, if it sounded for so long."""
        characters = round(seconds / CHARACTER_S)
        words: list[str] = []
        at = 0
        for word in text.split():
            at = text.index(word, at)
            if at + len(word) / 2 <= characters:
                words.append(word)
            at += len(word)
        return words

    def heard_sounds(self, since: float = 0.0) -> list[tuple[int, float]]:
        """Each stretch of one text, by its byte, and how long it sounded, seconds."""
        stretches: list[tuple[int, float]] = []
        for frame in self.frames(since):
            byte = frame.mulaw[0]
            if stretches and stretches[-1][0] == byte:
                stretches[-1] = (byte, stretches[-1][1] + FRAME_S)
            else:
                stretches.append((byte, FRAME_S))
        return stretches

    def frames(self, since: float = 0.0) -> list[Played]:
        return [frame for frame in self.line.played if frame.start >= since]

    def _text_of(self, byte: int) -> str:
        for tts in (self.tts, self.spare_tts):
            if 0 <= byte - tts.first_byte < len(tts.texts):
                return tts.texts[byte - tts.first_byte]
        raise AssertionError(f"no text sounds like {byte}")


@dataclass(frozen=True)
class Turn:
    """One turn as the caller heard it."""

    silence_s: float
    """From the caller's last word to the agent's first."""
    hole_s: float
    """The longest silence inside the reply."""
    words: list[str]
    """Of the reply."""


def judge_turn(stage: Duet, question: Said) -> Turn:
    """What was heard after this question."""
    frames = stage.frames(question.end)
    assert frames, "dead air"
    pairs = zip(frames, frames[1:], strict=False)
    return Turn(
        silence_s=round(frames[0].start - question.end, 3),
        hole_s=round(max((b.start - a.start - FRAME_S for a, b in pairs), default=0.0), 3),
        words=stage.heard_words(question.end),
    )


async def ask(stage: Duet, call: Running, text: str = QUESTION, seconds: float = 1.5) -> Turn:
    """The caller asks and the whole answer is heard."""
    finished = len(call.all(PlaybackFinished))
    question = await stage.line.say(text, seconds)
    await call.wait_for(PlaybackFinished, finished + 1)
    return judge_turn(stage, question)


async def undisturbed() -> Turn:
    """The same turn when nothing fails."""
    stage = Duet()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        return await ask(stage, call)
