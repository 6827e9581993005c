"""The call is nearly over; a machine answered: said at the right moment, or not at all."""

import pytest

from tests.dialog.playbook import Playbook
from voxd.commands import (
    ClearPlayback,
    DropReply,
    HangUp,
    PhraseKind,
    Say,
    StartReply,
    StartTimer,
    StopTimer,
)
from voxd.dialog.floor import State
from voxd.events import (
    AnsweredBy,
    AnswererJudged,
    CallClosing,
    CallStarted,
    ClauseStarted,
    DigitPressed,
    EndReason,
    PlaybackFinished,
    SpeechStarted,
    Timer,
)


def warnings(book: Playbook) -> list[Say]:
    return [say for say in book.all_of(Say) if say.phrase is PhraseKind.TIME_WARNING]


def delay_of(book: Playbook, timer: Timer) -> list[float]:
    return [start.delay_s for start in book.all_of(StartTimer) if start.timer is timer]


def test_the_warning_comes_so_long_before_the_end() -> None:
    book = Playbook(call={"tier": "free", "max_call_s": 600, "warn_s": 40})
    book.send(CallStarted(0.0, "CA1"))
    assert delay_of(book, Timer.MAX_CALL) == [600]
    assert delay_of(book, Timer.TIME_WARNING) == [560]


@pytest.mark.parametrize("warn_s", [0, 20, 30])
def test_a_call_too_short_for_a_warning_gets_none(warn_s: float) -> None:
    book = Playbook(call={"tier": "free", "max_call_s": 20, "warn_s": warn_s})
    book.send(CallStarted(0.0, "CA1"))
    assert delay_of(book, Timer.TIME_WARNING) == []


def test_in_silence_the_caller_is_told_at_once_and_may_go_on() -> None:
    book = Playbook().greeted()
    commands = book.fire(Timer.TIME_WARNING, 5.0)
    assert StopTimer(Timer.IDLE) in commands
    (say,) = warnings(book)
    assert say.text == book.config.phrases.time_warning
    book.send(ClauseStarted(5.1, say.reply_id, 0, say.text, 5.1, False))
    book.send(PlaybackFinished(8.0, say.reply_id))
    assert book.brain.state is State.LISTENING
    book.asked("One more thing", 9.0, 10.0)
    assert "half a minute" in book.all_of(StartReply)[-1].messages[-2].content


def test_nobody_is_talked_over_by_the_warning() -> None:
    book = Playbook().greeted()
    book.send(SpeechStarted(5.0, 5.0))
    assert book.fire(Timer.TIME_WARNING, 5.5) == []
    book.answered("When are you open?", 5.0, 6.0, "At nine.")
    assert warnings(book) == []
    book.fire(Timer.TIME_WARNING, 8.6)
    assert len(warnings(book)) == 1


def test_the_warning_is_said_once() -> None:
    book = Playbook().greeted()
    book.send(SpeechStarted(5.0, 5.0))
    book.fire(Timer.TIME_WARNING, 5.5)
    book.answered("When are you open?", 5.0, 6.0, "At nine.")
    book.fire(Timer.TIME_WARNING, 8.6)
    (say,) = warnings(book)
    book.send(PlaybackFinished(11.0, say.reply_id))
    assert Timer.TIME_WARNING not in book.brain._floor.tokens


def test_keys_are_answered_before_the_warning() -> None:
    book = Playbook().greeted()
    reply_id = book.asked("When are you open?", 2.0, 3.0)
    book.send(ClauseStarted(4.0, reply_id, 0, "At nine.", 4.0, True))
    book.fire(Timer.TIME_WARNING, 4.1)
    book.send(DigitPressed(4.2, "1"))
    book.send(PlaybackFinished(5.0, reply_id))
    book.fire(Timer.DIGITS, 6.2)
    assert book.brain.state is State.THINKING
    assert warnings(book) == []


def test_who_is_pressing_keys_is_told_after_the_answer_to_them() -> None:
    book = Playbook().greeted()
    book.send(DigitPressed(2.0, "1"))
    assert book.fire(Timer.TIME_WARNING, 2.5) == []
    book.fire(Timer.DIGITS, 4.0)
    reply_id = book.brain._floor.last_reply_id
    book.send(ClauseStarted(4.5, reply_id, 0, "Sales it is.", 4.5, True))
    book.send(PlaybackFinished(5.5, reply_id))
    book.fire(Timer.TIME_WARNING, 5.5)
    assert len(warnings(book)) == 1


def test_no_warning_follows_the_goodbye() -> None:
    book = Playbook().greeted()
    commands = book.fire(Timer.MAX_CALL, 5.0)
    assert StopTimer(Timer.TIME_WARNING) in commands


@pytest.mark.parametrize("by", [AnsweredBy.HUMAN, AnsweredBy.UNKNOWN])
def test_with_people_the_talk_goes_on(by: AnsweredBy) -> None:
    book = Playbook().greeted()
    assert book.send(AnswererJudged(3.0, by)) == []
    assert book.brain.state is State.LISTENING


@pytest.mark.parametrize("by", [AnsweredBy.MACHINE_START, AnsweredBy.FAX])
def test_a_machine_that_nobody_waited_for_is_hung_up(by: AnsweredBy) -> None:
    book = Playbook().greeted()
    assert book.send(AnswererJudged(3.0, by)) == [HangUp(EndReason.ANSWERED_BY_MACHINE)]
    assert book.brain.state is State.ENDED


@pytest.mark.parametrize(
    "by",
    [
        AnsweredBy.MACHINE_END_BEEP,
        AnsweredBy.MACHINE_END_SILENCE,
        AnsweredBy.MACHINE_END_OTHER,
    ],
)
def test_a_machine_that_records_gets_the_message_and_then_the_line_is_free(
    by: AnsweredBy,
) -> None:
    book = Playbook().greeted()
    reply_id = book.asked("You have reached the Smiths.", 2.0, 3.0)
    book.send(ClauseStarted(4.0, reply_id, 0, "Hello Smiths.", 4.0, True))
    commands = book.send(AnswererJudged(4.5, by))
    kinds = [type(command) for command in commands]
    assert kinds.index(DropReply) < kinds.index(ClearPlayback) < kinds.index(Say)
    say = book.all_of(Say)[-1]
    assert (say.phrase, say.text) == (
        PhraseKind.MACHINE_MESSAGE,
        book.config.phrases.machine_message,
    )
    book.send(ClauseStarted(4.6, say.reply_id, 0, say.text, 4.6, False))
    ended = book.send(PlaybackFinished(9.0, say.reply_id))
    assert ended == [HangUp(EndReason.ANSWERED_BY_MACHINE)]


def test_who_outlives_the_drain_is_told_so_and_hung_up() -> None:
    book = Playbook().greeted()
    reply_id = book.asked("When do you open?", 2.0, 3.0)
    book.send(ClauseStarted(4.0, reply_id, 0, "At nine.", 4.0, True))
    commands = book.send(CallClosing(4.2))
    assert DropReply(reply_id) in commands
    say = book.all_of(Say)[-1]
    assert (say.phrase, say.text) == (PhraseKind.CLOSING, book.config.phrases.closing)
    assert book.brain.state is State.ENDING
    assert book.send(CallClosing(4.3)) == []  # once is enough
    book.send(ClauseStarted(4.4, say.reply_id, 0, say.text, 4.4, False))
    assert book.send(PlaybackFinished(9.0, say.reply_id)) == [HangUp(EndReason.SHUTDOWN)]


def test_who_is_taken_over_then_hears_that() -> None:
    agent = {"on_failure": "transfer", "transfer": {"number": "+15550123"}}
    book = Playbook(agent=agent).greeted()
    book.send(CallClosing(4.0))
    assert book.all_of(Say)[-1].text == book.config.phrases.hand_over


def test_without_a_sentence_of_its_own_a_language_says_goodbye() -> None:
    config = Playbook().config
    own = config.phrases_of["en"].model_copy(update={"closing": None})
    config = config.model_copy(update={"phrases_of": {"en": own}})
    assert config.closing_words == config.phrases.goodbye


def test_a_call_that_ends_anyway_is_left_to_its_own_goodbye() -> None:
    book = Playbook().greeted()
    book.fire(Timer.MAX_CALL, 5.0)
    assert book.send(CallClosing(5.5)) == []
    assert book.all_of(Say)[-1].phrase is PhraseKind.GOODBYE
