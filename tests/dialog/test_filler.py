"""A sentence for the wait: when it is said, what it may not change."""

import pytest

from tests.dialog.playbook import PATIENT, Playbook, expect
from voxd.commands import (
    ClearPlayback,
    CommitReply,
    DropReply,
    EndTurn,
    Message,
    PhraseKind,
    Say,
    StartReply,
    StartTimer,
)
from voxd.dialog.filler import choose_filler
from voxd.dialog.floor import State
from voxd.errors import Category, Phase
from voxd.events import (
    ClauseHeard,
    ClauseSent,
    ClauseStarted,
    EngineFailed,
    Kind,
    PauseReached,
    PlaybackFinished,
    ReplyWritten,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TranscriptReceived,
)

QUESTION = "What time do you open?"


def waiting(**tables: object) -> tuple[Playbook, int]:
    """A turn whose reply is being made; its id."""
    book = Playbook(PATIENT, **tables).greeted()
    return book, book.asked(QUESTION, 2.0, 3.0)


def filler_of(book: Playbook) -> Say:
    say: Say = book.all_of(Say)[-1]
    assert say.phrase is PhraseKind.FILLER
    return say


def begin(book: Playbook, reply_id: int, text: str, at: float = 8.0) -> None:
    book.send(ClauseStarted(at, reply_id, 0, text, at, True))


def finish(book: Playbook, reply_id: int, at: float = 9.0) -> None:
    book.send(ClauseSent(at, reply_id, 0, 1.0))
    book.send(PlaybackFinished(at, reply_id))


def said_at_filler(book: Playbook, filler: Say) -> None:
    """What the mouth reports of a filler."""
    book.send(ReplyWritten(7.0, filler.reply_id, 1, "phrase"))
    book.send(ClauseStarted(7.0, filler.reply_id, 0, filler.text, 7.0, False))
    book.send(ClauseSent(7.5, filler.reply_id, 0, 1.0))
    book.send(ClauseHeard(8.0, filler.reply_id, 0, False))
    book.send(PlaybackFinished(8.0, filler.reply_id))


def test_a_late_reply_is_bridged_once() -> None:
    book, reply = waiting()
    assert StartTimer(Timer.FILLER, book.timers[Timer.FILLER], 2.0) in book.commands
    assert book.fire(Timer.FILLER, 7.0) == [
        Say(reply + 1, "Let me check that for you.", PhraseKind.FILLER)
    ]
    assert book.brain.state is State.THINKING
    assert Timer.FILLER not in book.brain._floor.tokens


def test_a_reply_in_time_needs_no_filler() -> None:
    book, reply = waiting()
    begin(book, reply, "At nine.")
    assert book.fire(Timer.FILLER, 8.5) == []
    assert book.all_of(Say)[-1].phrase is PhraseKind.GREETING


def test_a_tier_without_a_limit_has_no_fillers() -> None:
    book = Playbook().greeted()
    book.asked(QUESTION, 2.0, 3.0)
    assert Timer.FILLER not in book.timers


def test_a_filler_is_no_answer() -> None:
    """It moves no ledger, enters no history, and the last net still waits for the reply."""
    book, reply = waiting()
    book.fire(Timer.FILLER, 7.0)
    said_at_filler(book, filler_of(book))
    floor = book.brain._floor
    assert book.brain.state is State.THINKING
    assert Timer.LAST_NET in floor.tokens
    assert floor.ledger.text() == ""
    begin(book, reply, "At nine.")
    finish(book, reply)
    assert [message.content for message in floor.history.prompt()[1:]] == [QUESTION, "At nine."]
    assert book.brain.state is State.LISTENING


def test_the_reply_may_begin_while_the_filler_still_sounds() -> None:
    book, reply = waiting()
    book.fire(Timer.FILLER, 7.0)
    filler = filler_of(book)
    book.send(ClauseStarted(7.0, filler.reply_id, 0, filler.text, 7.0, False))
    begin(book, reply, "At nine.")
    book.send(ClauseHeard(8.1, filler.reply_id, 0, False))
    book.send(PlaybackFinished(8.1, filler.reply_id))
    assert book.brain.state is State.SPEAKING
    assert book.brain._floor.ledger.text() == "At nine."


def test_a_caller_who_goes_on_takes_filler_and_reply_back() -> None:
    book, reply = waiting()
    book.fire(Timer.FILLER, 7.0)
    filler = filler_of(book)
    commands = book.send(SpeechStarted(7.5, 7.4))
    assert commands[:3] == [DropReply(reply), DropReply(filler.reply_id), ClearPlayback()]
    assert book.brain.state is State.HEARING
    book.send(SpeechPaused(8.1, 8.0))
    book.send(TranscriptReceived(8.2, f"{QUESTION} On Sundays, I mean.", 8.0, True, "stt"))
    book.send(PauseReached(9.2, 8.0, 1.2))
    started = book.all_of(StartReply)[-1]
    assert started.messages[-1] == Message("user", f"{QUESTION} On Sundays, I mean.")
    assert Timer.FILLER not in book.brain._floor.tokens  # it was said for this turn


def test_a_caller_who_goes_on_before_it_stops_its_timer() -> None:
    book, _ = waiting()
    book.send(SpeechStarted(4.5, 4.4))
    assert Timer.FILLER not in book.brain._floor.tokens
    assert book.fire(Timer.FILLER, 7.0) == []


def test_the_next_turn_may_have_one_again_in_other_words() -> None:
    book, reply = waiting()
    book.fire(Timer.FILLER, 7.0)
    begin(book, reply, "At nine.")
    finish(book, reply)
    for start, text in ((12.0, "One moment, please."), (30.0, "Let me check that for you.")):
        reply = book.asked("And on Sundays?", start, start + 1.0)
        book.fire(Timer.FILLER, start + 4.0)
        assert filler_of(book).text == text
        begin(book, reply, "At ten.", start + 5.0)
        finish(book, reply, start + 6.0)


def test_an_only_filler_is_left_out_for_once_rather_than_repeated() -> None:
    book, reply = waiting(phrases={"en": {"fillers": ["Hm."]}})
    told = []
    for start in (2.0, 12.0, 22.0):
        if start > 2.0:
            reply = book.asked("And then?", start, start + 1.0)
        told.append(bool(book.fire(Timer.FILLER, start + 4.0)))
        begin(book, reply, "At nine.", start + 5.0)
        finish(book, reply, start + 6.0)
    assert told == [True, False, True]


def test_an_apology_follows_a_filler_and_ends_its_turn() -> None:
    book, reply = waiting()
    book.fire(Timer.FILLER, 7.0)
    error = EngineFailed(8.0, Kind.LLM, "llm", Category.SERVER, Phase.STREAM, reply)
    commands = book.send(error)
    assert isinstance(commands[-2], Say)
    assert commands[-2].phrase is PhraseKind.TOO_SLOW
    assert DropReply(reply) in commands


def test_a_filler_that_fails_changes_nothing() -> None:
    book, reply = waiting()
    book.fire(Timer.FILLER, 7.0)
    failed = filler_of(book).reply_id
    error = EngineFailed(7.1, Kind.TTS, "tts", Category.SERVER, Phase.STREAM, failed)
    assert book.send(error) == []
    assert book.brain.state is State.THINKING
    assert book.brain._floor.attempt is not None
    assert book.brain._floor.attempt.reply_id == reply


def test_a_guess_that_was_committed_is_waited_for_as_any_reply() -> None:
    tier = PATIENT.model_copy(update={"speculation": 2})
    book = Playbook(tier).greeted()
    book.said(QUESTION, 2.0, 3.0)
    commands = book.send(PauseReached(4.2, 3.0, 1.2))
    kinds = [type(command) for command in commands]
    assert kinds[:2] == [EndTurn, CommitReply]
    assert expect(StartTimer, timer=Timer.FILLER, delay_s=2.0).matches(commands[-1])


@pytest.mark.parametrize(
    ("texts", "last", "chosen"),
    [
        ((), "", ""),
        (("a",), "", "a"),
        (("a",), "a", ""),
        (("a", "b"), "", "a"),
        (("a", "b"), "a", "b"),
        (("a", "b", "c"), "b", "c"),
        (("a", "b", "c"), "c", "a"),
        (("a", "b"), "of another language", "a"),
    ],
)
def test_fillers_are_said_in_turns(texts: tuple[str, ...], last: str, chosen: str) -> None:
    assert choose_filler(texts, last) == chosen
