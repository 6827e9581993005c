"""Sounds of the caller's while the agent speaks."""

import pytest

from tests.dialog.playbook import INTERRUPTIBLE, Playbook, expect
from voxd.commands import (
    AwaitPause,
    ClearPlayback,
    CloseUtterance,
    DropReply,
    HoldPlayback,
    Message,
    PhraseKind,
    ResumePlayback,
    Say,
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
    DigitPressed,
    EngineFailed,
    Kind,
    PauseReached,
    PlaybackFinished,
    ReplyWritten,
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


# --- nobody is left waiting ------------------------------------------------------------------


def test_words_that_are_late_and_not_all_of_them_take_the_floor_and_are_answered() -> None:
    book, reply = held()
    book.send(SoundJudged(6.3, 5.8, Verdict.UNSURE))
    book.send(SpeechPaused(6.3, 6.2))
    book.play(
        [
            (
                TranscriptReceived(6.4, "No, wait", 6.0, False, "stt"),
                [
                    expect(DropReply, reply_id=reply),
                    expect(StopTimer, timer=Timer.HELD),
                    expect(AwaitPause, pause_s=0.7),
                ],
            ),
            (TranscriptReceived(6.6, "No, wait.", 6.2, True, "stt"), [expect(AwaitPause)]),
        ]
    )
    assert book.brain.state is State.PAUSED
    book.send(PauseReached(7.4, 6.2, 1.2))
    assert book.all_of(StartReply)[-1].messages[-1] == Message("user", "No, wait.")


def words_and_a_cough(book: Playbook) -> list[object]:
    """Words over the agent end at 6.2, a cough follows until 6.45; what its end brings about."""
    book.send(SpeechStarted(5.9, 5.8))
    book.send(SoundJudged(6.3, 5.8, Verdict.UNSURE))
    book.send(SpeechPaused(6.3, 6.2))
    book.send(SpeechStarted(6.42, 6.33))
    book.send(SoundJudged(6.55, 6.33, Verdict.NOISE))
    return list(book.send(SpeechPaused(6.55, 6.45)))


def test_a_cough_after_the_callers_words_does_not_keep_them_from_being_answered() -> None:
    book, reply = speaking()
    assert words_and_a_cough(book) == [Transcribe(6.45)]
    assert book.send(TranscriptReceived(6.6, "No, wait.", 6.2, True, "stt")) == []
    commands = book.send(TranscriptReceived(6.7, "No, wait.", 6.45, True, "stt"))
    assert commands[:2] == [ClearPlayback(), DropReply(reply)]
    assert book.brain.state is State.PAUSED
    book.send(PauseReached(7.7, 6.45, 1.2))
    assert book.brain.state is State.THINKING


def test_nor_where_the_reply_ends_just_then() -> None:
    book, reply = speaking()
    words_and_a_cough(book)
    book.send(PlaybackFinished(6.6, reply))
    assert book.brain.state is State.PAUSED
    book.send(TranscriptReceived(6.7, "No, wait.", 6.45, True, "stt"))
    book.send(PauseReached(7.7, 6.45, 1.2))
    assert book.brain.state is State.THINKING


def murmur(book: Playbook, text: str, start: float) -> list[object]:
    """A short soft sound over the agent; what its words bring about."""
    book.send(SpeechStarted(start + 0.1, start))
    book.send(SoundJudged(start + 0.4, start, Verdict.UNSURE))
    book.send(SpeechPaused(start + 0.4, start + 0.3))
    heard = " ".join([*murmur_texts(book), text])
    return list(book.send(TranscriptReceived(start + 0.5, heard, start + 0.3, True, "stt")))


def murmur_texts(book: Playbook) -> list[str]:
    """What speech-to-text still has of the utterance before."""
    text = book.brain._floor.utterance.text
    return [text] if text else []


def test_any_number_of_mm_hmms_leaves_the_floor_to_the_agent() -> None:
    book, _ = speaking()
    for number in range(8):
        assert murmur(book, "Mm-hmm.", 5.0 + number) == []
    assert book.brain.state is State.SPEAKING
    assert len(book.all_of(CloseUtterance)) == 1 + 7  # the question, and all but the last


def test_several_echoes_do_not_add_up_to_words() -> None:
    book, _ = speaking()
    assert murmur(book, "We open at nine", 5.0) == []
    assert murmur(book, "close at five", 6.0) == []
    book.send(SpeechStarted(7.1, 7.0))
    assert book.brain._floor.history.prompt("So?")[-1] == Message("user", f"{QUESTION} So?")


def test_an_okay_before_words_is_kept_as_their_context() -> None:
    book, reply = speaking()
    assert murmur(book, "Okay.", 5.0) == []
    book.send(SpeechStarted(6.1, 6.0))
    book.send(SoundJudged(6.4, 6.0, Verdict.UNSURE))
    book.send(SpeechPaused(6.4, 6.3))
    commands = book.send(TranscriptReceived(6.5, "On Sundays?", 6.3, True, "stt"))
    assert commands[:2] == [ClearPlayback(), DropReply(reply)]
    book.send(PauseReached(7.6, 6.3, 1.2))
    assert book.all_of(StartReply)[-1].messages[-1] == Message("user", "Okay. On Sundays?")


# --- the last words of a reply ---------------------------------------------------------------


def closing(last: str = SECOND) -> tuple[Playbook, int]:
    """The reply's second and last clause is heard from 5.0 to 7.0."""
    book = Playbook(INTERRUPTIBLE).greeted()
    reply = book.asked(QUESTION, 2.0, 3.0)
    for clause, text, at in ((0, FIRST, 4.0), (1, last, 5.0)):
        book.send(ClauseStarted(at, reply, clause, text, at, True))
        book.send(ClauseMeasured(at, reply, clause, 1.0 + clause))
    book.send(ReplyWritten(5.1, reply, 2, "stop"))
    return book, reply


def hold(book: Playbook, start: float, end: float) -> None:
    """A short loud sound."""
    book.send(SpeechStarted(start + 0.1, start))
    book.send(SoundJudged(start + 0.2, start, Verdict.SPEECH))
    assert book.brain.state is State.HELD
    book.send(SoundJudged(end + 0.1, start, Verdict.UNSURE))
    book.send(SpeechPaused(end + 0.1, end))


def test_a_yeah_into_the_last_words_is_the_answer_to_them() -> None:
    book, reply = closing()
    hold(book, 6.52, 6.85)
    commands = book.send(TranscriptReceived(7.2, "Yeah.", 6.85, True, "stt"))
    assert commands[0] == DropReply(reply)
    assert book.brain.state is State.PAUSED
    book.send(PauseReached(8.05, 6.85, 1.2))
    assert book.all_of(StartReply)[-1].messages[-1] == Message("user", "Yeah.")


def test_it_is_even_when_its_words_come_after_the_agent_has_gone_on() -> None:
    book, reply = closing()
    hold(book, 6.52, 6.85)
    assert book.fire(Timer.HELD, 7.55)[0] == ResumePlayback(reply)
    book.send(TranscriptReceived(7.7, "Yeah.", 6.85, True, "stt"))
    book.send(PlaybackFinished(8.0, reply))
    assert book.brain.state is State.PAUSED
    book.send(PauseReached(8.05, 6.85, 1.2))
    assert book.all_of(StartReply)[-1].messages[-1] == Message("user", "Yeah.")


def test_a_yeah_between_two_clauses_is_not() -> None:
    book, reply = speaking()  # nobody knows yet how many clauses there will be
    hold(book, 6.52, 6.85)
    commands = book.send(TranscriptReceived(7.2, "Yeah.", 6.85, True, "stt"))
    assert commands[0] == ResumePlayback(reply)


def test_a_cough_after_the_answer_does_not_make_context_of_it() -> None:
    book, reply = closing()
    assert murmur(book, "Yeah.", 6.4) == []
    assert book.send(SpeechStarted(6.95, 6.9)) == []
    book.send(SoundJudged(7.05, 6.9, Verdict.NOISE))
    assert book.send(SpeechPaused(7.05, 7.0)) == [Transcribe(7.0)]
    book.send(PlaybackFinished(7.1, reply))
    book.send(TranscriptReceived(7.2, "Yeah.", 7.0, True, "stt"))
    book.send(PauseReached(8.2, 7.0, 1.2))
    assert book.all_of(StartReply)[-1].messages[-1] == Message("user", "Yeah.")


def test_a_choice_that_the_agent_offered_is_no_echo() -> None:
    book, reply = closing("Would you like morning or afternoon?")
    hold(book, 6.1, 6.5)
    commands = book.send(TranscriptReceived(6.8, "Afternoon.", 6.5, True, "stt"))
    assert commands[0] == DropReply(reply)
    assert book.brain.state is State.PAUSED


# --- a caller who talks to a filler ----------------------------------------------------------


def test_a_reply_does_not_begin_over_a_caller_who_is_talking() -> None:
    book = Playbook(INTERRUPTIBLE.model_copy(update={"filler_after_s": 2.0})).greeted()
    reply = book.asked(QUESTION, 2.0, 3.0)
    (say,) = book.fire(Timer.FILLER, 6.5)
    assert isinstance(say, Say)
    book.send(ClauseStarted(6.6, say.reply_id, 0, say.text, 6.6, False))
    book.send(SpeechStarted(7.6, 7.5))
    assert book.send(SoundJudged(7.7, 7.5, Verdict.SPEECH)) == []
    commands = book.send(ClauseStarted(7.9, reply, 0, FIRST, 7.9, True))
    assert HoldPlayback(reply) in commands
    assert book.brain.state is State.HELD
    assert book.fire(Timer.HELD, 8.3)[0] == DropReply(reply)
    book.send(SpeechPaused(9.1, 9.0))
    book.send(TranscriptReceived(9.2, "On Sundays, I mean.", 9.0, True, "stt"))
    book.send(PauseReached(10.2, 9.0, 1.2))
    asked = book.all_of(StartReply)[-1].messages[-1]
    assert asked == Message("user", f"{QUESTION} On Sundays, I mean.")


def test_it_does_where_that_sound_is_over() -> None:
    book = Playbook(INTERRUPTIBLE.model_copy(update={"filler_after_s": 2.0})).greeted()
    reply = book.asked(QUESTION, 2.0, 3.0)
    (say,) = book.fire(Timer.FILLER, 6.5)
    assert isinstance(say, Say)
    book.send(ClauseStarted(6.6, say.reply_id, 0, say.text, 6.6, False))
    book.send(SpeechStarted(7.6, 7.5))
    book.send(SoundJudged(7.7, 7.5, Verdict.SPEECH))
    book.send(SpeechPaused(7.9, 7.8))
    book.send(ClauseStarted(7.95, reply, 0, FIRST, 7.95, True))
    assert book.brain.state is State.SPEAKING


# --- what the mouth reports behind the hold --------------------------------------------------


def test_a_clause_begun_in_the_moment_of_the_hold_does_not_erase_what_was_heard() -> None:
    book, reply = held()
    assert book.send(ClauseStarted(6.01, reply, 2, "Any day.", 6.2, True)) == []
    book.fire(Timer.HELD, 6.4)
    assert book.brain._floor.history.prompt()[-1].content == f"{FIRST} and close at"


def test_a_phrase_that_fails_unheard_is_not_waited_for() -> None:
    book = Playbook(INTERRUPTIBLE).greeted()
    (say, *_) = book.fire(Timer.IDLE, 9.0)
    assert expect(Say, phrase=PhraseKind.REPROMPT).matches(say)
    assert isinstance(say, Say)
    book.send(SpeechStarted(9.1, 9.0))
    book.send(SoundJudged(9.2, 9.0, Verdict.SPEECH))
    book.send(SpeechPaused(9.4, 9.3))
    failed = EngineFailed(9.5, Kind.TTS, "tts", Category.SERVER, Phase.CONNECT, say.reply_id)
    commands = book.send(failed)
    assert DropReply(say.reply_id) in commands
    assert not book.all_of(ResumePlayback)
    assert book.brain.state is State.PAUSED


def test_keys_stop_the_agent_and_are_answered() -> None:
    """ "Or press 1": whoever knows the menu does not wait for its end."""
    book, reply = speaking()
    book.send(DigitPressed(5.5, "1"))
    commands = book.fire(Timer.DIGITS, 6.0)
    assert commands[:2] == [ClearPlayback(), DropReply(reply)]
    assert book.brain.state is State.THINKING
    messages = book.all_of(StartReply)[-1].messages
    assert messages[-1].content == "(I pressed 1 on the keypad.)"
    assert messages[-2].content == "We open at nine, and close at"  # what was heard


def test_keys_beside_words_wait_for_the_words() -> None:
    book, _ = speaking()
    book.send(SpeechStarted(5.2, 5.1))
    book.send(DigitPressed(5.5, "1"))
    assert book.fire(Timer.DIGITS, 6.0) == []
    assert book.brain.state is State.SPEAKING


def test_a_hash_alone_does_not_stop_the_agent() -> None:
    book, _ = speaking()
    book.send(DigitPressed(5.5, "#"))
    assert book.fire(Timer.DIGITS, 5.5) == []
    assert book.brain.state is State.SPEAKING
