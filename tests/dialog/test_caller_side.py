"""Keys on the telephone, alone and beside speech."""

from tests.dialog.playbook import Playbook
from voxd.commands import AwaitPause, StartReply, StartTimer
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
