import asyncio

from voxd.call.turns.ear import EAR, STEADY_S, Heard, TurnEar
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


class Ear:
    """An ear whose events are kept; `None` marks where the caller was heard to begin."""

    def __init__(self) -> None:
        self.posted: list[Event | None] = []
        self.ear = TurnEar(self.posted.append, lambda: self.posted.append(None))

    @property
    def kinds(self) -> list[type[Event] | None]:
        return [type(event) if event else None for event in self.posted]

    @property
    def transcripts(self) -> list[tuple[str, bool, TurnSignal | None]]:
        return [
            (event.text, event.is_final, event.signal)
            for event in self.posted
            if isinstance(event, TranscriptReceived)
        ]


async def test_a_result_is_speech_that_began_and_paused() -> None:
    it = Ear()
    it.ear.hear(Heard("When are you open?"))
    assert it.kinds == [None, SpeechStarted, SpeechPaused]


async def test_the_words_of_the_result_are_told_when_they_are_asked_for() -> None:
    it = Ear()
    it.ear.hear(Heard("When are you open?"))
    it.ear.transcribe(1000.0)
    words = it.posted[-1]
    assert isinstance(words, TranscriptReceived)
    assert (words.text, words.through, words.is_final) == ("When are you open?", 1000.0, True)
    assert (words.engine, words.signal) == (EAR, TurnSignal.END)


async def test_twilio_has_waited_for_every_pause() -> None:
    it = Ear()
    it.ear.hear(Heard("Yes"))
    it.ear.await_pause(1.4)
    paused, reached = it.posted[-2:]
    assert isinstance(paused, SpeechPaused) and isinstance(reached, PauseReached)
    assert (reached.speech_end, reached.pause_s) == (paused.speech_end, 1.4)


async def test_words_so_far_begin_the_speech_once() -> None:
    it = Ear()
    it.ear.hear_partial("When")
    it.ear.hear_partial("When are")
    it.ear.hear(Heard("When are you open?"))
    assert it.kinds.count(SpeechStarted) == 1 and it.kinds.count(None) == 1
    assert it.transcripts == [("When", False, None), ("When are", False, None)]


async def test_words_that_stay_the_same_are_perhaps_all() -> None:
    it = Ear()
    it.ear.hear_partial("When are")
    await asyncio.sleep(STEADY_S * 0.9)
    it.ear.hear_partial("When are you open")
    await asyncio.sleep(STEADY_S * 1.1)
    assert it.transcripts[-1] == ("When are you open", False, TurnSignal.EAGER_END)
    assert len(it.transcripts) == 3


async def test_after_the_result_no_words_are_steady_any_more() -> None:
    it = Ear()
    it.ear.hear_partial("Yes")
    it.ear.hear(Heard("Yes"))
    it.ear.hear_partial("No")
    it.ear.close()
    await asyncio.sleep(1)
    assert all(signal is None for _, _, signal in it.transcripts)


async def test_keys_come_one_by_one_and_their_pause_is_over() -> None:
    it = Ear()
    it.ear.hear(Heard(digits="12#"))
    assert [event.digit for event in it.posted if isinstance(event, DigitPressed)] == [*"12#"]
    it.ear.end_digits(7)
    fired = it.posted[-1]
    assert isinstance(fired, TimerFired) and (fired.timer, fired.token) == (Timer.DIGITS, 7)


async def test_an_empty_result_is_the_end_of_the_brains_patience() -> None:
    it = Ear()
    it.ear.await_silence(3)
    assert it.posted == []
    it.ear.hear(Heard())
    fired = it.posted[-1]
    assert isinstance(fired, TimerFired) and (fired.timer, fired.token) == (Timer.IDLE, 3)


async def test_a_silence_that_does_not_count_ends_no_patience() -> None:
    it = Ear()
    it.ear.await_silence(3)
    it.ear.hear(Heard(), counts_silence=False)
    it.ear.await_silence(4)
    assert it.posted == []
    it.ear.hear(Heard())
    assert isinstance(it.posted[-1], TimerFired)


async def test_a_patience_that_begins_after_the_empty_result_is_over_at_once() -> None:
    it = Ear()
    it.ear.hear(Heard())
    it.ear.await_silence(4)
    it.ear.await_silence(5)
    assert [event.token for event in it.posted if isinstance(event, TimerFired)] == [4]


async def test_a_silence_that_was_answered_is_over() -> None:
    it = Ear()
    it.ear.hear(Heard())
    it.ear.settle()
    it.ear.await_silence(4)
    assert it.posted == []


async def test_a_patience_that_was_stopped_does_not_end() -> None:
    it = Ear()
    it.ear.await_silence(3)
    it.ear.forget_silence()
    it.ear.hear(Heard())
    assert it.posted == []


async def test_words_without_a_result_were_nothing() -> None:
    it = Ear()
    it.ear.hear_partial("Uh")
    it.ear.hear(Heard())
    assert it.kinds[-1] is SpeechPaused
    it.ear.transcribe(1000.0)
    assert it.transcripts[-1] == ("", True, TurnSignal.END)
    it.ear.await_silence(4)
    assert isinstance(it.posted[-1], TimerFired)


async def test_words_so_far_that_come_out_of_order_are_left_alone() -> None:
    it = Ear()
    for text, number in (("When", 1), ("When are", 2), ("When", 1), ("When are you", None)):
        it.ear.hear_partial(text, number)
    assert [text for text, _, _ in it.transcripts] == ["When", "When are", "When are you"]
    it.ear.hear(Heard("When are you open?"))
    it.ear.hear_partial("On", 0)
    assert it.transcripts[-1][0] == "On"
