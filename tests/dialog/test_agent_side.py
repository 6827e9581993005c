"""When the agent's own side fails: phrases that cannot be said, ends that cannot be spoken."""

import pytest

from tests.dialog.playbook import Playbook
from voxd.commands import CloseUtterance, HangUp, PreparePrompt, Say
from voxd.dialog.agent_side import MAX_FAILURES
from voxd.dialog.floor import State
from voxd.errors import Category, Phase
from voxd.events import (
    CallStarted,
    ClauseHeard,
    ClauseSent,
    ClauseStarted,
    EndReason,
    EngineFailed,
    Kind,
    PlaybackFinished,
    Timer,
)


def tts_failed(reply_id: int) -> EngineFailed:
    return EngineFailed(5.0, Kind.TTS, "tts", Category.SERVER, Phase.STREAM, reply_id)


def test_a_greeting_that_cannot_be_spoken_leaves_the_caller_listened_to() -> None:
    book = Playbook()
    book.send(CallStarted(0.0, "CA1"))
    book.send(tts_failed(1))
    assert book.brain.state is State.LISTENING


def test_phrases_that_fail_again_and_again_end_the_call() -> None:
    book = Playbook()
    book.send(CallStarted(0.0, "CA1"))
    for _ in range(MAX_FAILURES):
        book.send(tts_failed(book.brain._floor.last_reply_id))
        if book.brain.state is State.LISTENING:
            book.fire(Timer.IDLE)
    assert book.commands[-1] == HangUp(EndReason.ENGINES_FAILED)


@pytest.mark.parametrize("how", ["heard", "failed", "never begun"])
def test_a_goodbye_ends_in_a_hang_up_however_it_goes(how: str) -> None:
    book = Playbook().greeted()
    book.fire(Timer.MAX_CALL)
    say = book.all_of(Say)[-1]
    match how:
        case "heard":
            book.send(PlaybackFinished(9.0, say.reply_id))
        case "failed":
            book.send(tts_failed(say.reply_id))
        case _:
            book.fire(Timer.PLAYBACK)
    assert book.commands[-1] == HangUp(EndReason.AGENT_HUNG_UP)


def test_a_reply_cut_by_a_failure_is_remembered_as_far_as_it_was_sent() -> None:
    book = Playbook().greeted()
    reply = book.asked("What time do you open?", 2.0, 3.0)
    book.send(ClauseStarted(4.0, reply, 0, "We open", 4.0, True))
    book.send(ClauseSent(4.5, reply, 0, 0.5))
    book.send(tts_failed(reply))
    say = book.all_of(Say)[-1]
    book.send(ClauseStarted(5.1, say.reply_id, 0, say.text, 5.1, False))
    book.send(PlaybackFinished(8.0, say.reply_id))
    assert [m.content for m in book.brain._floor.history.prompt()[1:]] == [
        "What time do you open?",
        f"We open {say.text}",
    ]


def test_the_utterance_is_closed_when_its_reply_becomes_audible_and_only_then() -> None:
    book = Playbook().greeted()
    reply = book.asked("What time do you open?", 2.0, 3.0)
    assert book.all_of(CloseUtterance) == []
    book.send(ClauseStarted(4.0, reply, 0, "At nine,", 4.0, True))
    book.send(ClauseStarted(5.0, reply, 1, "every day.", 5.0, True))
    assert book.all_of(CloseUtterance) == [CloseUtterance(3.0)]


def test_marks_of_dropped_replies_change_nothing() -> None:
    book = Playbook().greeted()
    reply = book.asked("What time do you open?", 2.0, 3.0)
    book.send(ClauseStarted(4.0, reply, 0, "At nine.", 4.0, True))
    assert book.send(ClauseHeard(5.0, reply - 1, 0, False)) == []
    assert book.send(PlaybackFinished(5.0, reply - 1)) == []
    assert book.brain.state is State.SPEAKING


def test_the_prompt_is_read_ahead_at_the_start_of_the_call() -> None:
    book = Playbook()
    commands = book.send(CallStarted(0.0, "CA1"))
    (prepare,) = [c for c in commands if isinstance(c, PreparePrompt)]
    assert [m.role for m in prepare.messages] == ["system"]
    assert book.config.phrases.greeting in prepare.messages[0].content
