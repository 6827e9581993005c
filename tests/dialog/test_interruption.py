"""Sounds of the caller's while the agent speaks."""

import pytest

from tests.dialog.playbook import INTERRUPTIBLE, Playbook, expect
from voxd.commands import (
    ClearPlayback,
    CloseUtterance,
    DropReply,
    HoldPlayback,
    ResumePlayback,
    StartReply,
    StartTimer,
    StopTimer,
    Transcribe,
)
from voxd.dialog.floor import State
from voxd.errors import Category, Phase
from voxd.events import (
    ClauseMeasured,
    ClauseStarted,
    EngineFailed,
    Kind,
    PlaybackFinished,
    SoundJudged,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TranscriptReceived,
    Verdict,
)

QUESTION = "What time do you open?"
FIRST = "We open at nine,"
SECOND = "and close at five in the evening."


def speaking(tier: object = INTERRUPTIBLE) -> tuple[Playbook, int]:
    """The agent is in its second clause, half of which is heard at 6.0."""
    book = Playbook(tier).greeted()  # type: ignore[arg-type]
    reply = book.asked(QUESTION, 2.0, 3.0)
    for clause, text, at in ((0, FIRST, 4.0), (1, SECOND, 5.0)):
        book.send(ClauseStarted(at, reply, clause, text, at, True))
        book.send(ClauseMeasured(at, reply, clause, 1.0 + clause))
    return book, reply


def held() -> tuple[Playbook, int]:
    """A sound that began at 5.8 has silenced the agent at 6.0."""
    book, reply = speaking()
    book.send(SpeechStarted(5.9, 5.8))
    book.send(SoundJudged(6.0, 5.8, Verdict.SPEECH))
    return book, reply


def test_speech_holds_the_agent_at_once_and_drops_nothing_yet() -> None:
    book, reply = speaking()
    book.play(
        [
            (SpeechStarted(5.9, 5.8), []),
            (
                SoundJudged(6.0, 5.8, Verdict.SPEECH),
                [
                    expect(HoldPlayback, reply_id=reply),
                    expect(StopTimer, timer=Timer.PLAYBACK),
                    expect(StartTimer, timer=Timer.HELD, delay_s=0.4),
                ],
            ),
        ]
    )
    assert book.brain.state is State.HELD


def test_what_lasts_longer_than_any_uh_huh_is_a_turn_and_history_has_what_was_heard() -> None:
    book, reply = held()
    assert book.fire(Timer.HELD, 6.4)[0] == DropReply(reply)
    assert book.brain.state is State.HEARING
    book.send(SpeechPaused(7.1, 7.0))
    book.send(TranscriptReceived(7.2, "On Sunday too?", 7.0, True, "stt"))
    from_pause = book.brain.state
    assert from_pause is State.PAUSED
    book.asked("On Sunday too?", 7.3, 8.0)
    messages = book.all_of(StartReply)[-1].messages
    assert messages[-2].content == "We open at nine, and close at"
    assert messages[-1].content == "On Sunday too?"


@pytest.mark.parametrize("words", ["Uh-huh.", "", "close at five"])
def test_a_short_sound_that_means_nothing_lets_the_agent_go_on(words: str) -> None:
    book, reply = held()
    book.play(
        [
            (SoundJudged(6.2, 5.8, Verdict.UNSURE), []),
            (
                SpeechPaused(6.2, 6.1),
                [expect(Transcribe, speech_end=6.1), expect(StartTimer, timer=Timer.HELD)],
            ),
            (
                TranscriptReceived(6.4, words, 6.1, True, "stt"),
                [
                    expect(ResumePlayback, reply_id=reply),
                    expect(StopTimer, timer=Timer.HELD),
                    expect(StartTimer, timer=Timer.PLAYBACK),
                ],
            ),
        ]
    )
    assert book.brain.state is State.SPEAKING
    # The second clause goes on where it was, and everything is history in the end.
    book.send(ClauseStarted(6.4, reply, 1, SECOND, 6.4, True, from_s=1.0))
    book.send(PlaybackFinished(7.4, reply))
    messages = book.brain._floor.history.prompt()
    assert messages[-1].content == f"{FIRST} {SECOND}"


def test_a_short_word_that_means_something_ends_the_reply() -> None:
    book, reply = held()
    book.send(SoundJudged(6.2, 5.8, Verdict.UNSURE))
    book.send(SpeechPaused(6.2, 6.1))
    commands = book.send(TranscriptReceived(6.4, "Stop.", 6.1, True, "stt"))
    assert commands[0] == DropReply(reply)
    assert book.brain.state is State.PAUSED
    assert book.brain._floor.history.prompt()[-1].content == "We open at nine, and close at"


def test_a_sound_that_turns_out_to_be_none_lets_the_agent_go_on_without_its_words() -> None:
    book, reply = held()
    assert book.send(SoundJudged(6.2, 5.8, Verdict.NOISE))[0] == ResumePlayback(reply)
    assert book.send(SpeechPaused(6.2, 6.1)) == [CloseUtterance(6.1)]
    assert book.brain.state is State.SPEAKING
    assert not book.brain._floor.utterance.has_speech


def test_words_that_are_late_do_not_keep_the_agent_silent_and_count_all_the_same() -> None:
    book, reply = held()
    book.send(SpeechPaused(6.2, 6.1))
    assert book.fire(Timer.HELD, 6.8)[0] == ResumePlayback(reply)
    book.send(ClauseStarted(6.8, reply, 1, SECOND, 6.8, True, from_s=1.0))
    commands = book.send(TranscriptReceived(7.0, "No, wait.", 6.1, True, "stt"))
    assert commands[:2] == [ClearPlayback(), DropReply(reply)]
    assert book.brain.state is State.PAUSED


def test_a_caller_who_says_more_has_the_floor() -> None:
    book, reply = held()
    book.send(SpeechPaused(6.2, 6.1))
    assert book.send(SpeechStarted(6.4, 6.3))[0] == DropReply(reply)
    assert book.brain.state is State.HEARING


def test_interim_words_decide_before_the_sound_is_over() -> None:
    book, reply = held()
    assert book.send(TranscriptReceived(6.2, "okay", 6.1, False, "stt")) == []
    commands = book.send(TranscriptReceived(6.3, "okay but", 6.2, False, "stt"))
    assert commands[0] == DropReply(reply)


def test_a_noise_leaves_no_trace() -> None:
    book, _ = speaking()
    book.play(
        [
            (SpeechStarted(5.9, 5.8), []),
            (SoundJudged(6.2, 5.8, Verdict.NOISE), []),
            (SpeechPaused(6.2, 6.1), [expect(CloseUtterance, until=6.1)]),
            (TranscriptReceived(6.4, "you", 6.1, True, "stt"), []),
        ]
    )
    assert book.brain.state is State.SPEAKING


def test_words_the_ear_was_unsure_about_still_stop_the_agent() -> None:
    book, reply = speaking()
    book.send(SpeechStarted(5.9, 5.8))
    book.send(SoundJudged(6.2, 5.8, Verdict.UNSURE))
    book.send(SpeechPaused(6.2, 6.1))
    assert book.send(TranscriptReceived(6.4, "Yeah.", 6.1, True, "stt")) == []
    commands = book.send(TranscriptReceived(6.5, "Yeah, stop.", 6.1, True, "stt"))
    assert commands[:2] == [ClearPlayback(), DropReply(reply)]


def test_a_reply_that_ends_while_it_is_held_leaves_the_floor_to_the_caller() -> None:
    book, reply = held()
    assert StopTimer(Timer.HELD) in book.send(PlaybackFinished(6.1, reply))
    assert book.brain.state is State.HEARING


@pytest.mark.parametrize("is_speaking", [True, False])
def test_a_reply_that_fails_while_it_is_held_brings_no_apology(is_speaking: bool) -> None:
    book, reply = held()
    if not is_speaking:
        book.send(SpeechPaused(6.2, 6.1))
    failed = EngineFailed(6.3, Kind.TTS, "tts", Category.SERVER, Phase.STREAM, reply)
    commands = book.send(failed)
    assert type(commands[0]) is (DropReply if is_speaking else ResumePlayback)


def test_an_interrupted_greeting_is_not_repeated_in_the_history() -> None:
    book = Playbook(INTERRUPTIBLE)
    book.greeted()
    before = book.brain._floor.history.prompt()
    assert len(before) == 1


def test_without_interruptions_no_verdict_silences_the_agent() -> None:
    book, _ = speaking(INTERRUPTIBLE.model_copy(update={"interruptions": False}))
    book.send(SpeechStarted(5.9, 5.8))
    assert book.send(SoundJudged(6.0, 5.8, Verdict.SPEECH)) == []
    assert book.brain.state is State.SPEAKING
