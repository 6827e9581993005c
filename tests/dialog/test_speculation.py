"""Replies begun before the turn is over: committed with the same words, dropped otherwise."""

import random

import pytest

from tests.dialog.playbook import SPECULATIVE, TIER, Playbook, expect
from tests.dialog.test_turns import random_event
from voxd.commands import (
    AwaitPause,
    CommitReply,
    DropReply,
    EndTurn,
    StartReply,
    StartTimer,
)
from voxd.dialog.floor import State
from voxd.dialog.speculation import GUESS_AHEAD_S, has_same_words
from voxd.errors import Category, Phase
from voxd.events import (
    CallStarted,
    ClauseStarted,
    DigitPressed,
    EngineFailed,
    Kind,
    PauseReached,
    ReplyWritten,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TranscriptReceived,
    TurnSignal,
)

QUESTION = "What time do you open?"


def paused(text: str = QUESTION) -> Playbook:
    return Playbook(SPECULATIVE).greeted().said(text, 2.0, 3.0)


def test_a_reply_is_begun_at_the_pause_and_committed_at_the_end_of_the_turn() -> None:
    book = paused()
    assert book.commands[-2:] == [
        StartReply(1, 2, False, book.brain._floor.history.prompt(QUESTION)),
        AwaitPause(0.4),
    ]
    book.play(
        [
            (
                PauseReached(3.4, 3.0, 0.4),
                [
                    expect(EndTurn, turn=1),
                    expect(CommitReply, reply_id=2),
                    expect(StartTimer, timer=Timer.LAST_NET),
                ],
            )
        ]
    )
    assert len(book.all_of(StartReply)) == 1
    book.send(ClauseStarted(3.5, 2, 0, "At nine.", 3.5, True))
    assert book.brain.state is State.SPEAKING


def test_a_caller_who_goes_on_drops_the_guess_and_leaves_no_trace_of_it() -> None:
    book = paused("I have a question.")
    assert book.send(SpeechStarted(3.3, 3.2)) == [DropReply(2)]
    book.said("I have a question. Do you sell tyres?", 3.2, 5.0)
    guesses = book.all_of(StartReply)
    assert [guess.reply_id for guess in guesses] == [2, 3]
    assert [m.role for m in guesses[-1].messages] == ["system", "user"]


def test_words_that_change_but_for_punctuation_and_case_keep_the_guess() -> None:
    book = paused("what time do you open")
    book.send(TranscriptReceived(3.3, QUESTION, 3.0, True, "stt"))
    assert book.all_of(DropReply) == []
    book.send(PauseReached(3.7, 3.0, 0.7))
    assert book.all_of(CommitReply) == [CommitReply(2)]


def test_other_words_drop_the_guess_and_begin_another() -> None:
    book = paused("What time do you close?")
    book.send(TranscriptReceived(3.3, QUESTION, 3.0, True, "stt"))
    assert book.all_of(DropReply) == [DropReply(2)]
    book.send(PauseReached(3.4, 3.0, 0.4))
    assert book.all_of(CommitReply) == [CommitReply(3)]


def test_an_unfinished_sentence_is_guessed_at_only_when_its_long_wait_is_nearly_over() -> None:
    book = paused("I would like to")
    assert book.all_of(StartReply) == []
    assert book.commands[-1] == AwaitPause(pytest.approx(1.2 - GUESS_AHEAD_S))
    begun = book.send(PauseReached(3.0 + 1.2 - GUESS_AHEAD_S, 3.0, 1.2 - GUESS_AHEAD_S))
    assert [type(command) for command in begun] == [StartReply, AwaitPause]
    assert begun[1] == AwaitPause(1.2)
    book.send(PauseReached(4.2, 3.0, 1.2))
    assert book.all_of(CommitReply) == [CommitReply(2)]


def test_a_tier_without_guesses_waits_without_looking_in_between() -> None:
    book = Playbook(TIER).greeted().said("I would like to", 2.0, 3.0)
    assert book.commands[-1] == AwaitPause(1.2)


def test_a_provider_that_hears_an_end_sooner_than_our_ear_has_the_reply_begun() -> None:
    book = Playbook(SPECULATIVE).greeted()
    book.send(SpeechStarted(2.1, 2.0))
    eager = TranscriptReceived(3.0, QUESTION, 2.9, False, "flux", TurnSignal.EAGER_END)
    book.play([(eager, [expect(StartReply, turn=1, reply_id=2, committed=False)])])
    book.send(SpeechPaused(3.4, 2.9))
    book.send(TranscriptReceived(3.5, QUESTION, 3.0, True, "flux", TurnSignal.END))
    book.send(PauseReached(3.6, 2.9, 0.7))
    assert book.all_of(CommitReply) == [CommitReply(2)]
    assert len(book.all_of(StartReply)) == 1


@pytest.mark.parametrize(
    ("text", "signal"),
    [(QUESTION, TurnSignal.RESUMED), ("What time do you open on Sundays", None)],
)
def test_a_provider_that_takes_an_end_back_drops_the_guess(
    text: str, signal: TurnSignal | None
) -> None:
    book = Playbook(SPECULATIVE).greeted()
    book.send(SpeechStarted(2.1, 2.0))
    book.send(TranscriptReceived(3.0, QUESTION, 2.9, False, "flux", TurnSignal.EAGER_END))
    assert book.send(TranscriptReceived(3.2, text, 3.1, False, "flux", signal)) == [DropReply(2)]
    assert book.brain.state is State.HEARING


def test_words_while_the_caller_speaks_begin_nothing_by_themselves() -> None:
    book = Playbook(SPECULATIVE).greeted()
    book.send(SpeechStarted(2.1, 2.0))
    assert book.send(TranscriptReceived(3.0, QUESTION, 2.9, False, "nova")) == []


def test_guesses_per_turn_are_capped() -> None:
    book = Playbook(SPECULATIVE).greeted()
    for number in range(6):
        book.said(f"This is sentence number {number}.", 2.0 + number, 2.8 + number)
    assert len(book.all_of(StartReply)) == 2
    book.send(PauseReached(8.3, 7.8, 0.5))
    last = book.all_of(StartReply)[-1]
    assert last.committed and last.turn == 1


def test_a_key_pressed_after_the_guess_makes_it_another_turn() -> None:
    book = paused()
    book.send(DigitPressed(3.2, "5"))
    book.send(PauseReached(3.4, 3.0, 0.4))
    assert book.all_of(DropReply) == [DropReply(2)]
    assert book.all_of(StartReply)[-1].messages[-1].content.endswith("(I pressed 5 on the keypad.)")


@pytest.mark.parametrize(
    "event",
    [
        EngineFailed(3.3, Kind.LLM, "llm", Category.SERVER, Phase.FIRST_RESULT, 2),
        ReplyWritten(3.3, 2, 0, "stop"),
    ],
)
def test_a_guess_that_comes_to_nothing_is_begun_anew_at_the_end(event: EngineFailed) -> None:
    book = paused()
    assert book.send(event) == [DropReply(2)]
    assert book.brain.state is State.PAUSED
    book.send(PauseReached(3.4, 3.0, 0.4))
    assert book.all_of(StartReply)[-1].committed


def test_at_most_one_guess_is_alive_and_none_outlives_the_turn() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        book = Playbook(SPECULATIVE)
        book.send(CallStarted(0.0, "CA1"))
        alive: set[int] = set()
        for step in range(1, 100):
            for command in book.send(random_event(rng, step * 0.1, book)):
                if isinstance(command, StartReply) and not command.committed:
                    alive.add(command.reply_id)
                elif isinstance(command, DropReply | CommitReply):
                    alive.discard(command.reply_id)
            assert len(alive) <= 1
            if book.brain.state not in (State.HEARING, State.PAUSED, State.ENDED):
                assert alive == set(), (seed, step, book.brain.state)


def test_history_knows_nothing_of_a_guess_before_its_commit() -> None:
    """Whatever is begun, changed or dropped before a turn's end leaves the prompt as it was."""
    guesses = 0
    for seed in range(300):
        rng = random.Random(seed)
        book = Playbook(SPECULATIVE)
        book.send(CallStarted(0.0, "CA1"))
        for step in range(1, 100):
            before = book.brain._floor.history.prompt()
            commands = book.send(random_event(rng, step * 0.1, book))
            begun = [c for c in commands if isinstance(c, StartReply) and not c.committed]
            if begun:
                guesses += 1
                assert book.brain._floor.history.prompt() == before
                assert begun[0].messages[: len(before) - 1] == before[:-1]
    assert guesses >= 10


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What time?", "what  time", True),
        ("¿Qué hora es?", "qué hora es", True),
        ("I'm here.", "I am here.", False),
        ("two", "too", False),
        ("", "...", True),
    ],
)
def test_the_same_words(one: str, other: str, same: bool) -> None:
    assert has_same_words(one, other) is same
