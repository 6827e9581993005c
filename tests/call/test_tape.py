"""The tape of the present utterance: what it keeps and what a new stream is told."""

from voxd.call.tape import IDLE_S, KEPT_S, ONSET_S, Tape
from voxd.contracts import Transcript


class Told:
    """A stream that remembers what it was told, in order."""

    def __init__(self) -> None:
        self.audio: list[tuple[bytes, float]] = []
        self.starts: list[float] = []
        self.flushes: list[float] = []

    def push(self, mulaw: bytes, at: float) -> None:
        self.audio.append((mulaw, at))

    def speech_started(self, at: float) -> None:
        assert self.audio[-1][1] - ONSET_S <= at <= self.audio[-1][1]
        self.starts.append(at)

    def quiet(self, since: float) -> None:
        raise AssertionError("a new stream is told what is certain")

    def flush(self, speech_end: float) -> None:
        self.flushes.append(speech_end)

    def forget(self, until: float) -> None:
        raise AssertionError("nothing to forget on a new stream")

    def __aiter__(self) -> "Told":
        return self

    async def __anext__(self) -> Transcript:
        raise StopAsyncIteration

    @property
    def seconds(self) -> float:
        return round(sum(len(mulaw) for mulaw, _ in self.audio) / 8000, 3)


def record(tape: Tape, start: float, end: float) -> None:
    """20 ms pieces of this stretch of audio time."""
    for index in range(round((end - start) / 0.02)):
        tape.push(b"\xff" * 160, start + (index + 1) * 0.02)


def replayed(tape: Tape) -> Told:
    told = Told()
    tape.replay(told)
    return told


def spoken(start: float, end: float) -> Tape:
    """A tape on which the caller spoke from half a second after `start` to `end`."""
    tape = Tape()
    record(tape, start, start + 0.6)
    tape.speech_started(start + 0.5)
    record(tape, start + 0.6, end + 0.1)
    tape.ask(end)
    return tape


def test_a_new_stream_is_told_audio_onsets_and_the_question_in_order() -> None:
    told = replayed(spoken(0.0, 2.0))
    assert told.seconds == 2.1
    assert (told.starts, told.flushes) == ([0.5], [2.0])


def test_silence_is_kept_only_as_long_as_an_onset_may_be_late() -> None:
    tape = Tape()
    record(tape, 0.0, 60.0)
    assert abs(replayed(tape).seconds - IDLE_S) < 0.03


def test_speech_is_kept_up_to_the_bound_and_the_oldest_goes() -> None:
    tape = spoken(0.0, KEPT_S + 20)
    told = replayed(tape)
    assert abs(told.seconds - KEPT_S) < 0.03
    assert told.audio[-1][1] > KEPT_S + 20
    assert len(told.starts) == 1


def test_what_was_dealt_with_is_not_told_again() -> None:
    tape = spoken(0.0, 2.0)
    tape.forget(2.0)
    told = replayed(tape)
    assert told.seconds <= 0.1
    assert (told.starts, told.flushes) == ([], [])


def test_what_is_asked_is_urgent_until_the_caller_goes_on() -> None:
    tape = spoken(0.0, 2.0)
    assert tape.is_urgent
    assert tape.asked_speech_s == 1.5
    tape.speech_started(2.05)
    assert not tape.is_urgent
    assert tape.asked == 2.0


def test_words_that_end_a_frame_before_the_question_answer_it() -> None:
    tape = spoken(0.0, 2.0)
    assert tape.is_answered_by(1.99)
    assert not tape.is_answered_by(1.9)
    tape.asked = None
    assert not tape.is_answered_by(2.0)


def test_settled_words_are_remembered_and_their_audio_is_not() -> None:
    tape = spoken(0.0, 2.0)
    tape.asked = None
    tape.settle("First half", 2.0)
    record(tape, 2.1, 2.6)
    tape.speech_started(2.4)
    record(tape, 2.6, 3.0)
    tape.ask(2.9)
    told = replayed(tape)
    assert tape.settled == "First half"
    assert told.seconds == 1.0
    assert (told.starts, told.flushes) == ([2.4], [2.9])
    assert abs(tape.asked_speech_s - 0.5) < 1e-9


def test_words_are_not_settled_while_the_caller_speaks_on() -> None:
    tape = spoken(0.0, 2.0)
    tape.speech_started(2.05)
    tape.settle("First half", 2.0)
    assert tape.settled == ""
    assert replayed(tape).seconds == 2.1


def test_words_that_do_not_reach_the_pause_are_not_settled() -> None:
    tape = spoken(0.0, 2.0)
    tape.settle("First", 1.0)
    assert tape.settled == ""


def test_a_turn_that_is_dealt_with_takes_its_settled_words_along() -> None:
    tape = spoken(0.0, 2.0)
    tape.settle("First half", 2.0)
    tape.forget(2.0)
    assert tape.settled == ""
