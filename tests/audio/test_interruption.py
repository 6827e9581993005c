"""Who takes the floor, and what only makes a noise, judged message by message."""

from collections.abc import Callable

import numpy as np
import pytest

from benches.noises import door
from tests.audio.samples import make_noise, read_speech
from voxd.audio.activity import SpeechActivity, SpeechOffset, SpeechOnset
from voxd.audio.interruption import InterruptionJudge, Judgement, is_voiced, voiced_s
from voxd.audio.voicing import Frames, analyse
from voxd.config import Ear
from voxd.events import Verdict

RATE = 8000
MESSAGE = 160
AGENT = "catch-that"
CALLER = "help-you-today"


class Overlap:
    """A caller's side while an agent speaks; seconds from the beginning of the agent's speech."""

    def __init__(self, length_s: float = 4.0) -> None:
        self.agent = np.zeros(round(length_s * RATE))
        recording = np.tile(read_speech(AGENT), 8)
        self.agent[:] = recording[: len(self.agent)]
        self.caller = make_noise(length_s, -62.0, is_pink=False, seed=3).astype(np.float64)
        self.judged: list[tuple[float, Judgement]] = []

    def add(self, sound: np.ndarray, at_s: float, gain: float = 1.0) -> "Overlap":
        begin = round(at_s * RATE)
        part = sound[: len(self.caller) - begin]
        self.caller[begin : begin + len(part)] += part * gain
        return self

    def between(self, begin: float, end: float) -> np.ndarray:
        first, count = round(begin * RATE), round((end - begin) * RATE)
        heard = np.zeros(count, np.int16)
        lead = max(0, -first)
        part = self.agent[first + lead : first + count]
        heard[lead : lead + len(part)] = part
        return heard

    def has_sound(self, begin: float, end: float) -> bool:
        return bool(self.between(begin, end).any())

    def run(self, judge: InterruptionJudge | None = None) -> list[Verdict]:
        judge = judge or InterruptionJudge(self)
        activity = SpeechActivity(Ear())
        pcm = np.clip(self.caller, -32768, 32767).astype(np.int16)
        for start in range(0, len(pcm), MESSAGE):
            message, now = pcm[start : start + MESSAGE], (start + len(pcm[:MESSAGE])) / RATE
            edges = activity.feed(message, now)
            judge.push(message, now)
            for edge in edges:
                match edge:
                    case SpeechOnset(speech_start):
                        judge.begin(speech_start)
                    case SpeechOffset(speech_end):
                        self._note(now, judge.end(speech_end))
            self._note(now, judge.check())
        return [judgement.verdict for _, judgement in self.judged]

    def _note(self, now: float, judgement: Judgement | None) -> None:
        if judgement is not None:
            self.judged.append((now, judgement))


def cough() -> np.ndarray:
    decay = np.exp(-np.arange(2400) / 900)
    return np.random.default_rng(5).normal(0, 9000, 2400) * decay


def bang() -> np.ndarray:
    time = np.arange(2400) / RATE
    ring = np.sin(2 * np.pi * 260 * time) + 0.5 * np.sin(2 * np.pi * 410 * time)
    return 12000 * ring * np.exp(-time / 0.03)


def hum() -> np.ndarray:
    time = np.arange(8000) / RATE
    waves = (np.sin(2 * np.pi * 100 * order * time + order) / order for order in range(1, 30))
    return np.asarray(2500 * sum(waves))


def whistle() -> np.ndarray:
    return np.asarray(6000 * np.sin(2 * np.pi * 1200 * np.arange(4000) / RATE))


@pytest.mark.parametrize("name", ["hold-on", "afternoon", "help-you-today", "thank-you"])
def test_speech_takes_the_floor_within_a_quarter_of_a_second(name: str) -> None:
    overlap = Overlap().add(read_speech(name), 1.0)
    assert overlap.run()[0] is Verdict.SPEECH
    at, judgement = overlap.judged[0]
    assert at - judgement.speech_start < 0.25


def test_a_long_hiss_before_the_first_vowel_only_delays_it() -> None:
    assert Verdict.SPEECH in Overlap().add(read_speech("sea-shells"), 1.0).run()


def test_a_short_yes_is_never_called_noise() -> None:
    assert Verdict.NOISE not in Overlap().add(read_speech("yes"), 1.0).run()


@pytest.mark.parametrize("sound", [cough, bang, hum, whistle])
def test_noises_do_not(sound: Callable[[], np.ndarray]) -> None:
    assert Verdict.SPEECH not in Overlap().add(sound(), 1.0).run()


def test_doors_that_ring_on_a_low_note_do_not() -> None:
    takers = 0
    for seed in range(40):
        slam = door(np.random.default_rng(seed))
        overlap = Overlap().add(slam * 8000 / np.abs(slam).max(), 1.0)
        takers += Verdict.SPEECH in overlap.run()
    assert takers <= 1


def test_what_has_no_voice_at_all_is_called_noise() -> None:
    assert Overlap().add(cough(), 1.0).run() == [Verdict.NOISE]


@pytest.mark.parametrize("echo_db", [-20.0, -25.0])
@pytest.mark.parametrize("delay_s", [0.03, 0.2])
def test_the_agents_echo_does_not(echo_db: float, delay_s: float) -> None:
    overlap = Overlap()
    overlap.add(overlap.agent, delay_s, 10 ** (echo_db / 20))
    assert set(overlap.run()) <= {Verdict.NOISE}


def test_a_caller_is_heard_over_the_echo() -> None:
    overlap = Overlap()
    overlap.add(overlap.agent, 0.1, 0.08).add(read_speech(CALLER), 1.5)
    assert Verdict.SPEECH in overlap.run()
    at = next(at for at, judgement in overlap.judged if judgement.verdict is Verdict.SPEECH)
    assert 1.5 < at < 1.8


def in_turn_then_over_agent(gain: float, seconds: float) -> Overlap:
    """The caller speaks while the agent is silent, then over it, at another loudness."""
    overlap = Overlap(8.0)
    overlap.agent[: 5 * RATE] = 0
    voice = read_speech("afternoon")
    return overlap.add(voice, 0.5).add(voice[: round(seconds * RATE)], 6.0, gain)


@pytest.mark.parametrize("seconds", [0.4, 1.2])
def test_soft_voice_is_left_to_its_words(seconds: float) -> None:
    assert set(in_turn_then_over_agent(0.25, seconds).run()) == {Verdict.UNSURE}


def test_loud_voice_is_not_and_what_it_was_is_told_at_its_end() -> None:
    overlap = in_turn_then_over_agent(1.2, 0.4)
    assert overlap.run() == [Verdict.SPEECH, Verdict.UNSURE]
    assert overlap.judged[0][0] < 6.3


def test_what_is_said_while_the_agent_is_silent_is_not_judged() -> None:
    overlap = Overlap(3.0).add(read_speech(CALLER), 0.5)
    overlap.agent[:] = 0
    assert overlap.run() == []


def test_voice_goes_on_where_its_pitch_is_taken_for_half_of_it() -> None:
    def voice(*pitch_hz: float) -> Frames:
        same = np.zeros(len(pitch_hz))
        return Frames(same, same + 0.8, np.array(pitch_hz), np.zeros((len(same), 6)), same)

    assert voiced_s(voice(211, 216, 107, 211, 104)) == pytest.approx(0.04)
    assert voiced_s(voice(211, 150, 107, 290, 104)) == 0.0


def test_a_judge_without_sound_says_nothing() -> None:
    judge = InterruptionJudge(Overlap())
    assert judge.check() is None
    assert judge.end(1.0) is None
    assert not is_voiced(analyse(np.zeros(0, np.int16)))
    assert not is_voiced(analyse(np.zeros(800, np.int16)))
