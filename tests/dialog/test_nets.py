"""Coughs and steady noise: what ends a wait that they would keep going."""

import pytest

from tests.dialog.playbook import PATIENT, SPECULATIVE, Playbook, expect
from voxd.commands import (
    CloseUtterance,
    Command,
    CommitReply,
    EndTurn,
    PhraseKind,
    Say,
    StartTimer,
)
from voxd.dialog.floor import State
from voxd.dialog.nets import LEAST_NET_S, NO_WORDS_S
from voxd.events import (
    ClauseSent,
    ClauseStarted,
    DigitPressed,
    PauseReached,
    PlaybackFinished,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TranscriptReceived,
    TurnSignal,
)

FINISHED, EITHER = "What time do you open?", "booking a table"


# --- the last net ------------------------------------------------------------------------------


def net_s(commands: list[Command]) -> float:
    """How long the reply is waited for, by these commands."""
    (delay_s,) = [
        command.delay_s
        for command in commands
        if isinstance(command, StartTimer) and command.timer is Timer.LAST_NET
    ]
    return delay_s


def coughed(book: Playbook, at: float, text: str = FINISHED) -> list[Command]:
    """A noise while the reply is made, which our own ear takes for speech; its turn's new end."""
    assert book.send(SpeechStarted(at, at))
    assert book.brain.state is State.HEARING
    book.send(SpeechPaused(at + 0.3, at + 0.2))
    book.send(TranscriptReceived(at + 0.4, text, at + 0.2, True, "stt"))
    return book.send(PauseReached(at + 1.4, at + 0.2, 1.2))


def test_coughs_do_not_put_off_the_last_net() -> None:
    book = Playbook().greeted().said(FINISHED, 2.0, 3.0)
    limit_s = book.config.call.last_net_s
    assert net_s(book.send(PauseReached(3.4, 3.0, 0.4))) == limit_s
    for at in (5.0, 7.0, 9.0):
        assert net_s(coughed(book, at)) == pytest.approx(3.4 + limit_s - (at + 1.4))
    assert net_s(coughed(book, 3.4 + limit_s)) == LEAST_NET_S
    commands = book.fire(Timer.LAST_NET, 16.0)
    assert any(expect(Say, phrase=PhraseKind.TOO_SLOW).matches(command) for command in commands)


def test_a_caller_who_says_more_has_the_rest_of_the_net_for_it() -> None:
    book = Playbook().greeted().said(FINISHED, 2.0, 3.0)
    book.send(PauseReached(3.4, 3.0, 0.4))
    book.send(SpeechStarted(5.4, 5.3))
    book.send(SpeechPaused(30.1, 30.0))
    more = f"{FINISHED} I am asking because my train is late."
    book.send(TranscriptReceived(30.2, more, 30.0, True, "stt"))
    commands = book.send(PauseReached(31.2, 30.0, 1.2))
    assert net_s(commands) == pytest.approx(book.config.call.last_net_s - 2.0)


def test_the_next_question_has_a_net_of_its_own() -> None:
    book = Playbook().greeted()
    book.answered(FINISHED, 2.0, 3.0, "At nine.")
    book.said(FINISHED, 40.0, 41.0)
    assert net_s(book.send(PauseReached(42.2, 41.0, 1.2))) == book.config.call.last_net_s


def test_coughs_do_not_put_it_off_for_keys_either() -> None:
    book = Playbook().greeted()
    book.send(DigitPressed(2.0, "1"))
    limit_s = book.config.call.last_net_s
    assert net_s(book.fire(Timer.DIGITS, 4.0)) == limit_s
    assert book.send(SpeechStarted(6.0, 6.0))
    book.send(SpeechPaused(6.3, 6.2))
    book.send(TranscriptReceived(6.4, "", 6.2, True, "stt"))
    assert book.brain.state is State.LISTENING
    assert net_s(book.fire(Timer.DIGITS, 6.5)) == pytest.approx(limit_s - 2.5)


# --- noise that does not stop ------------------------------------------------------------------


def ended(at: float, text: str, through: float) -> TranscriptReceived:
    return TranscriptReceived(at, text, through, True, "stt", TurnSignal.END)


def noisy_turn(book: Playbook) -> list[Command]:
    """The provider hears a question end, our own ear something that never does."""
    book.send(SpeechStarted(2.0, 2.0))
    assert expect(StartTimer, timer=Timer.NO_WORDS, delay_s=NO_WORDS_S).matches(
        book.send(ended(3.5, FINISHED, 3.0))[-1]
    )
    return book.fire(Timer.NO_WORDS, 6.5)


def test_words_end_a_turn_that_noise_would_not_let_end() -> None:
    book = Playbook(SPECULATIVE).greeted()
    commands = noisy_turn(book)
    assert expect(EndTurn, turn=1, speech_end=3.0, reason="no_words").matches(commands[0])
    assert isinstance(commands[1], CommitReply)
    assert book.brain.state is State.THINKING


def test_after_that_the_caller_is_heard_over_the_noise() -> None:
    book = Playbook(SPECULATIVE).greeted()
    noisy_turn(book)
    reply = book.brain._floor.last_reply_id
    assert CloseUtterance(3.0) in book.send(ClauseStarted(7.0, reply, 0, "At nine.", 7.0, True))
    book.send(ClauseSent(7.1, reply, 0, 1.0))
    book.send(PlaybackFinished(8.0, reply))
    assert book.brain.state is State.HEARING
    book.send(ended(10.5, "And on Sundays?", 10.0))
    assert expect(EndTurn, turn=2, speech_end=10.0).matches(book.fire(Timer.NO_WORDS, 13.5)[0])


def test_a_noise_that_goes_on_past_a_filler_is_no_word_to_it() -> None:
    book = Playbook(PATIENT).greeted()
    noisy_turn(book)
    (say,) = book.fire(Timer.FILLER, 8.5)
    assert isinstance(say, Say)
    book.send(ClauseStarted(9.0, say.reply_id, 0, say.text, 9.0, False))
    assert book.brain._floor.utterance.is_speaking
    book.send(ended(10.0, "Okay.", 9.8))
    assert book.brain.state is State.THINKING


def test_a_noise_that_ends_while_the_reply_is_made_is_forgotten() -> None:
    book = Playbook(SPECULATIVE).greeted()
    noisy_turn(book)
    assert book.send(SpeechPaused(6.8, 6.7)) == []
    reply = book.brain._floor.last_reply_id
    book.send(ClauseStarted(7.0, reply, 0, "At nine.", 7.0, True))
    book.send(ClauseSent(7.1, reply, 0, 1.0))
    book.send(PlaybackFinished(8.0, reply))
    assert book.brain.state is State.LISTENING


def test_newer_words_show_that_it_is_no_noise() -> None:
    book = Playbook(SPECULATIVE).greeted()
    book.send(SpeechStarted(2.0, 2.0))
    book.send(ended(3.5, FINISHED, 3.0))
    book.send(TranscriptReceived(5.0, f"{FINISHED} On Sundays", 4.9, False, "stt"))
    assert book.fire(Timer.NO_WORDS, 6.5) == []
    assert book.brain.state is State.HEARING


def test_words_whose_end_was_heard_before_the_noise_end_the_turn_as_well() -> None:
    book = Playbook().greeted()
    book.send(SpeechStarted(2.0, 2.0))
    book.send(SpeechPaused(3.1, 3.0))
    book.send(ended(3.25, EITHER, 3.0))
    commands = book.send(SpeechStarted(3.4, 3.3))
    assert expect(StartTimer, timer=Timer.NO_WORDS).matches(commands[-1])
    assert expect(EndTurn, speech_end=3.0).matches(book.fire(Timer.NO_WORDS, 6.4)[0])
    # And once more, when a noise takes the reply back.
    commands = book.send(SpeechStarted(7.0, 6.9))
    assert expect(StartTimer, timer=Timer.NO_WORDS).matches(commands[-1])
    assert isinstance(book.fire(Timer.NO_WORDS, 10.0)[0], EndTurn)


def test_without_a_providers_end_a_caller_may_speak_as_long_as_they_like() -> None:
    book = Playbook().greeted()
    book.send(SpeechStarted(2.0, 2.0))
    book.send(TranscriptReceived(3.5, FINISHED, 3.0, True, "stt"))
    assert Timer.NO_WORDS not in book.timers
