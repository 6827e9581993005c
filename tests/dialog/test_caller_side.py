"""Keys on the telephone, alone and beside speech; what ends a turn; the echo of a reply."""

from dataclasses import replace

import pytest

from tests.dialog.playbook import JUDGED, SPECULATIVE, Playbook, expect
from voxd.commands import (
    AwaitPause,
    CloseUtterance,
    Command,
    DropReply,
    EndTurn,
    JudgeTurn,
    StartReply,
    StartTimer,
    Transcribe,
)
from voxd.dialog.caller_side import MAX_DIGITS
from voxd.dialog.floor import State
from voxd.events import (
    ClauseStarted,
    DigitPressed,
    PauseReached,
    PlaybackFinished,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TranscriptReceived,
    TurnJudged,
    TurnSignal,
)


def pressed(book: Playbook) -> str:
    content: str = book.all_of(StartReply)[-1].messages[-1].content
    return content


def test_keys_become_a_turn_after_a_while() -> None:
    book = Playbook().greeted()
    book.send(DigitPressed(2.0, "1"))
    book.send(DigitPressed(2.5, "2"))
    book.fire(Timer.DIGITS, 4.5)
    assert pressed(book) == "(I pressed 1 2 on the keypad.)"


def test_the_hash_key_ends_the_sequence_at_once() -> None:
    book = Playbook().greeted()
    book.send(DigitPressed(2.0, "7"))
    (start,) = [c for c in book.send(DigitPressed(2.1, "#")) if isinstance(c, StartTimer)]
    assert start.delay_s == 0.0
    book.fire(Timer.DIGITS, 2.1)
    assert pressed(book) == "(I pressed 7 on the keypad.)"


def test_a_hash_alone_is_no_turn() -> None:
    book = Playbook().greeted()
    book.send(DigitPressed(2.0, "#"))
    book.fire(Timer.DIGITS, 2.0)
    assert book.brain.state is State.LISTENING
    assert book.all_of(StartReply) == []


def test_keys_beside_words_go_with_the_words() -> None:
    book = Playbook().greeted()
    book.send(SpeechStarted(2.0, 2.0))
    book.send(DigitPressed(2.5, "5"))
    book.send(SpeechPaused(3.1, 3.0))
    book.send(TranscriptReceived(3.2, "My number is this one.", 3.0, True, "stt"))
    book.send(PauseReached(4.2, 3.0, 1.2))
    assert pressed(book) == "My number is this one. (I pressed 5 on the keypad.)"


def test_keys_pressed_while_the_agent_speaks_are_answered_after_it() -> None:
    book = Playbook().greeted()
    reply = book.asked("What can I press?", 2.0, 3.0)
    book.send(ClauseStarted(4.0, reply, 0, "Press one for sales.", 4.0, True))
    book.send(DigitPressed(4.5, "1"))
    book.fire(Timer.DIGITS, 6.5)
    assert len(book.all_of(StartReply)) == 1
    book.send(PlaybackFinished(7.0, reply))
    book.fire(Timer.DIGITS, 7.0)
    assert pressed(book) == "(I pressed 1 on the keypad.)"


def test_a_stuck_key_is_bounded() -> None:
    book = Playbook().greeted()
    for _ in range(500):
        book.send(DigitPressed(2.0, "0"))
    book.fire(Timer.DIGITS, 4.0)
    assert pressed(book).count("0") == MAX_DIGITS


def test_keys_survive_a_reply_that_is_taken_back() -> None:
    book = Playbook().greeted()
    book.send(DigitPressed(2.0, "1"))
    book.fire(Timer.DIGITS, 4.0)
    book.send(SpeechStarted(4.2, 4.1))
    book.asked("Sales, please.", 4.1, 5.0)
    assert pressed(book) == "Sales, please. (I pressed 1 on the keypad.)"


def test_words_that_may_be_revised_are_given_a_moment_to_become_final() -> None:
    book = Playbook().greeted()
    book.send(SpeechStarted(2.0, 2.0))
    book.send(SpeechPaused(3.1, 3.0))
    book.send(TranscriptReceived(3.2, "What time do you.", 3.0, False, "stt"))
    assert book.send(PauseReached(3.4, 3.0, 0.4)) == [AwaitPause(0.7)]
    # The final comes in that moment: no more waiting than its words ask for.
    final = TranscriptReceived(3.5, "What time do you open?", 3.0, True, "stt")
    assert book.send(final) == [AwaitPause(0.4)]
    book.send(PauseReached(3.5, 3.0, 0.5))
    assert pressed(book) == "What time do you open?"


def test_without_a_final_the_words_of_then_are_answered() -> None:
    book = Playbook().greeted()
    book.send(SpeechStarted(2.0, 2.0))
    book.send(SpeechPaused(3.1, 3.0))
    book.send(TranscriptReceived(3.2, "What time do you open?", 3.0, False, "stt"))
    book.send(PauseReached(3.7, 3.0, 0.7))
    assert pressed(book) == "What time do you open?"


# --- how the pause sounds -----------------------------------------------------------------------

FINISHED, OPEN, EITHER = "What time do you open?", "I would like to", "booking a table"


def paused(book: Playbook) -> list[Command]:
    """The caller pauses after a second of speech."""
    book.send(SpeechStarted(2.0, 2.0))
    return book.send(SpeechPaused(3.1, 3.0))


def heard(text: str, signal: TurnSignal | None = None) -> TranscriptReceived:
    return TranscriptReceived(3.25, text, 3.0, True, "stt", signal)


def awaited_s(commands: list[Command]) -> float:
    """How long the pause must be, by the last of these commands."""
    waits = [command.pause_s for command in commands if isinstance(command, AwaitPause)]
    return waits[-1]


def test_words_and_judgement_are_asked_for_side_by_side() -> None:
    book = Playbook(JUDGED).greeted()
    assert paused(book) == [Transcribe(3.0), JudgeTurn(3.0), AwaitPause(0.7)]


def test_a_tier_without_a_judge_asks_for_no_judgement() -> None:
    assert paused(Playbook().greeted()) == [Transcribe(3.0), AwaitPause(0.7)]


@pytest.mark.parametrize(
    ("text", "probability", "least_s", "most_s"),
    [
        (FINISHED, 0.97, 0.4, 0.4),
        (FINISHED, 0.6, 0.4, 0.7),
        (FINISHED, 0.01, 1.2, 1.2),
        (EITHER, 0.97, 0.6, 0.7),
        (OPEN, 0.97, 0.7, 1.2),
        (FINISHED, None, 0.4, 0.4),
    ],
)
def test_the_pause_must_be_as_long_as_words_and_melody_ask_for(
    text: str, probability: float | None, least_s: float, most_s: float
) -> None:
    for judged_first in (True, False):
        book = Playbook(JUDGED).greeted()
        paused(book)
        facts = [heard(text), TurnJudged(3.2, 3.0, probability)]
        for fact in reversed(facts) if judged_first else facts:
            commands = book.send(fact)
        assert least_s - 1e-9 <= awaited_s(commands) <= most_s + 1e-9


@pytest.mark.parametrize(("closing", "wait_s"), [(None, 0.4), (0.98, 0.4), (0.3, 0.7)])
def test_words_that_are_no_sentence_leave_time_to_go_on(
    closing: float | None, wait_s: float
) -> None:
    book = Playbook(JUDGED).greeted()
    paused(book)
    book.send(TurnJudged(3.2, 3.0, 0.97))
    commands = book.send(replace(heard(FINISHED), closing=closing))
    assert awaited_s(commands) == pytest.approx(wait_s)


def test_a_turn_is_not_over_before_the_judgement_is_there() -> None:
    book = Playbook(JUDGED).greeted()
    paused(book)
    book.send(heard(FINISHED))
    book.play(
        [
            (PauseReached(3.4, 3.0, 0.4), []),
            (TurnJudged(3.45, 3.0, 0.97), [expect(AwaitPause, pause_s=0.4)]),
        ]
    )
    assert isinstance(book.send(PauseReached(3.45, 3.0, 0.44))[0], EndTurn)


def test_a_judgement_that_failed_leaves_it_to_the_words() -> None:
    book = Playbook(JUDGED).greeted()
    paused(book)
    book.send(heard(FINISHED))
    book.send(TurnJudged(3.4, 3.0, None))
    assert isinstance(book.send(PauseReached(3.4, 3.0, 0.4))[0], EndTurn)


def test_a_judgement_of_an_earlier_pause_says_nothing_of_this_one() -> None:
    book = Playbook(JUDGED).greeted()
    paused(book)
    book.send(SpeechStarted(3.3, 3.2))
    book.send(SpeechPaused(4.1, 4.0))
    assert book.send(TurnJudged(4.12, 3.0, 0.97)) == []
    book.send(TranscriptReceived(4.2, FINISHED, 4.0, True, "stt"))
    assert book.send(PauseReached(4.4, 4.0, 0.4)) == []
    assert awaited_s(book.send(TurnJudged(4.45, 4.0, 0.01))) == pytest.approx(1.2)


def test_a_judgement_does_not_outlive_its_pause() -> None:
    book = Playbook(JUDGED).greeted()
    paused(book)
    book.send(TurnJudged(3.2, 3.0, 0.01))
    book.send(SpeechStarted(3.3, 3.2))
    book.send(SpeechPaused(4.1, 4.0))
    final = TranscriptReceived(4.2, FINISHED, 4.0, True, "stt")
    assert awaited_s(book.send(final)) == pytest.approx(0.4)


def test_what_was_judged_while_the_agent_spoke_counts_when_it_becomes_a_turn() -> None:
    book = Playbook(JUDGED).greeted().said(FINISHED, 2.0, 3.0)
    book.send(TurnJudged(3.2, 3.0, 0.97))
    book.send(PauseReached(3.4, 3.0, 0.4))
    reply = book.brain._floor.last_reply_id
    book.send(ClauseStarted(4.5, reply, 0, "At nine.", 4.5, True))
    book.send(SpeechStarted(5.0, 5.0))
    assert JudgeTurn(5.5) in book.send(SpeechPaused(5.6, 5.5))
    book.send(TranscriptReceived(5.7, EITHER, 5.5, True, "stt"))
    book.send(TurnJudged(5.7, 5.5, 0.01))
    commands = book.send(PlaybackFinished(5.8, reply))
    assert book.brain.state is State.PAUSED
    assert awaited_s(commands) == pytest.approx(1.2)


# --- what the provider says ---------------------------------------------------------------------


def test_the_providers_signal_shortens_or_lengthens_the_wait() -> None:
    found = {}
    for signal in (None, *TurnSignal):
        book = Playbook().greeted()
        paused(book)
        found[signal] = awaited_s(book.send(heard(EITHER, signal)))
    assert found[None] == pytest.approx(0.7)
    assert found[TurnSignal.END] == pytest.approx(0.4)
    # An early end may be no more than silence: with words of unknown shape it decides nothing.
    assert found[TurnSignal.END] < found[TurnSignal.EAGER_END] == found[None]
    assert found[TurnSignal.RESUMED] > found[None]


def test_a_signal_is_told_once_and_holds_for_its_words_only() -> None:
    book = Playbook().greeted()
    paused(book)
    book.send(heard(EITHER, TurnSignal.END))
    assert awaited_s(book.send(heard("Booking a table."))) == pytest.approx(0.4)
    assert awaited_s(book.send(heard("cooking a table"))) == pytest.approx(0.7)


def test_who_goes_on_takes_the_providers_end_back() -> None:
    book = Playbook().greeted()
    paused(book)
    book.send(heard(EITHER, TurnSignal.END))
    book.send(SpeechStarted(3.4, 3.3))
    book.send(SpeechPaused(3.9, 3.8))
    final = TranscriptReceived(4.0, EITHER, 3.8, True, "stt")
    assert awaited_s(book.send(final)) == pytest.approx(0.7)


# --- the agent's own echo -----------------------------------------------------------------------

CLOSING = "We close at five in the evening."


def echoing() -> tuple[Playbook, int]:
    """A reply sounds from 4.0 to 6.0."""
    book = Playbook().greeted()
    reply = book.asked("When do you close?", 2.0, 3.0)
    book.send(ClauseStarted(4.0, reply, 0, CLOSING, 4.0, True))
    return book, reply


@pytest.mark.parametrize("is_told_before_the_end", [True, False])
def test_what_comes_back_of_a_reply_is_no_turn(is_told_before_the_end: bool) -> None:
    book, reply = echoing()
    end = PlaybackFinished(6.0, reply)
    start = SpeechStarted(5.9 if is_told_before_the_end else 6.1, 5.0)
    for event in (start, end) if is_told_before_the_end else (end, start):
        book.send(event)
    book.send(SpeechPaused(6.2, 6.1))
    commands = book.send(TranscriptReceived(6.4, "Five in the evening.", 6.1, True, "stt"))
    assert CloseUtterance(6.1) in commands
    assert book.brain.state is State.LISTENING
    assert len(book.all_of(StartReply)) == 1


def test_what_came_back_in_the_middle_of_a_reply_is_no_context() -> None:
    for is_late in (True, False):
        book, reply = echoing()
        book.send(SpeechStarted(4.3, 4.2))
        book.send(SpeechPaused(5.1, 5.0))
        words = TranscriptReceived(5.3, "we close at five", 5.0, True, "stt")
        end = PlaybackFinished(6.0, reply)
        for event in (end, words) if is_late else (words, end):
            book.send(event)
        assert CloseUtterance(5.0) in book.commands
        assert book.brain.state is State.LISTENING
        book.asked("Thank you.", 7.0, 8.0)
        assert pressed(book) == "Thank you."


def test_a_reply_that_came_back_and_was_heard_to_its_end_before_is_no_turn() -> None:
    book, reply = echoing()
    book.send(SpeechStarted(5.1, 5.0))
    book.send(SpeechPaused(5.9, 5.8))
    book.send(TranscriptReceived(5.95, "Five in the evening.", 5.8, True, "stt"))
    book.send(PlaybackFinished(6.0, reply))
    assert book.brain.state is State.LISTENING


@pytest.mark.parametrize("words", ["In the evening is too late.", "Five?", "the evening"])
def test_words_of_the_callers_own_are_a_turn(words: str) -> None:
    book, reply = echoing()
    book.send(SpeechStarted(5.9, 5.5))
    book.send(PlaybackFinished(6.0, reply))
    book.send(SpeechPaused(6.6, 6.5))
    book.send(TranscriptReceived(6.8, words, 6.5, True, "stt"))
    book.send(PauseReached(7.7, 6.5, 1.2))
    assert pressed(book) == words


def test_words_that_may_still_grow_are_no_echo_yet_and_no_turn() -> None:
    book, reply = echoing()
    book.send(SpeechStarted(5.9, 5.5))
    book.send(PlaybackFinished(6.0, reply))
    book.send(SpeechPaused(6.6, 6.5))
    assert book.send(TranscriptReceived(6.7, "five in the", 6.5, False, "stt")) == []
    book.play([(PauseReached(7.2, 6.5, 0.7), [expect(StartTimer, timer=Timer.TRANSCRIPT)])])
    book.send(TranscriptReceived(7.3, "Five in the morning!", 6.5, True, "stt"))
    book.send(PauseReached(7.7, 6.5, 1.2))
    assert pressed(book) == "Five in the morning!"


def test_the_same_words_said_after_the_reply_are_a_turn() -> None:
    book, reply = echoing()
    book.send(PlaybackFinished(6.0, reply))
    book.asked("Five in the evening?", 6.5, 7.5)
    assert pressed(book) == "Five in the evening?"


def test_a_pause_that_the_ear_has_begun_anew_counts_and_an_earlier_one_does_not() -> None:
    book = Playbook().greeted().said(FINISHED, 2.0, 3.0)
    assert book.send(PauseReached(3.9, 2.5, 1.2)) == []
    assert isinstance(book.send(PauseReached(4.4, 3.2, 1.2))[0], EndTurn)


def test_who_says_nothing_that_can_be_heard_loses_the_guess_as_well() -> None:
    book = Playbook(SPECULATIVE).greeted()
    book.send(SpeechStarted(2.0, 2.0))
    early = TranscriptReceived(2.6, FINISHED, 2.5, False, "stt", TurnSignal.EAGER_END)
    (start,) = book.send(early)
    book.send(SpeechPaused(3.1, 3.0))
    book.send(PauseReached(3.7, 3.0, 0.7))
    commands = book.fire(Timer.TRANSCRIPT, 6.7)
    assert isinstance(start, StartReply)
    assert commands[:2] == [DropReply(start.reply_id), CloseUtterance(3.0)]
    assert book.brain._floor.guess is None
