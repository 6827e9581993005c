"""Whole passages of a conversation as playbooks."""

from tests.dialog.playbook import INTERRUPTIBLE, Playbook, expect
from voxd.commands import (
    AwaitPause,
    ClearPlayback,
    CloseUtterance,
    DropReply,
    EndTurn,
    HangUp,
    HoldPlayback,
    PhraseKind,
    PreparePrompt,
    Say,
    StartReply,
    StartTimer,
    StopTimer,
    Transcribe,
)
from voxd.dialog.conversation import system_prompt
from voxd.dialog.floor import State
from voxd.errors import Category, Phase
from voxd.events import (
    CallEnded,
    CallStarted,
    ClauseStarted,
    EndReason,
    EngineFailed,
    Kind,
    PauseReached,
    PlaybackFinished,
    ReplyWritten,
    SoundJudged,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TimerFired,
    TranscriptReceived,
    Verdict,
)

QUESTION = "What time do you open?"


def test_a_call_from_greeting_to_answer() -> None:
    book = Playbook()
    book.play(
        [
            (
                CallStarted(0.0, "CA1"),
                [
                    expect(Say, reply_id=1, phrase=PhraseKind.GREETING),
                    expect(StartTimer, timer=Timer.PLAYBACK),
                    expect(PreparePrompt),
                    expect(StartTimer, timer=Timer.MAX_CALL),
                    expect(StartTimer, timer=Timer.TIME_WARNING),
                ],
            ),
            (
                ClauseStarted(0.0, 1, 0, "Hello!", 0.0, False),
                [expect(StartTimer, timer=Timer.PLAYBACK)],
            ),
            (
                PlaybackFinished(1.0, 1),
                [expect(StopTimer, timer=Timer.PLAYBACK), expect(StartTimer, timer=Timer.IDLE)],
            ),
            (SpeechStarted(2.0, 1.9), [expect(StopTimer, timer=Timer.IDLE)]),
            (
                SpeechPaused(3.1, 3.0),
                [expect(Transcribe, speech_end=3.0), expect(AwaitPause, pause_s=0.7)],
            ),
            (
                TranscriptReceived(3.2, QUESTION, 3.0, True, "stt"),
                [expect(AwaitPause, pause_s=0.4)],
            ),
            (
                PauseReached(3.4, 3.0, 0.4),
                [
                    expect(EndTurn, turn=1, speech_end=3.0, reason="complete"),
                    expect(StartReply, turn=1, reply_id=2, committed=True),
                    expect(StartTimer, timer=Timer.LAST_NET, delay_s=10.0),
                ],
            ),
            (
                ClauseStarted(3.7, 2, 0, "We open at nine.", 3.7, True),
                [
                    expect(CloseUtterance, until=3.0),
                    expect(StopTimer, timer=Timer.LAST_NET),
                    expect(StartTimer, timer=Timer.PLAYBACK),
                ],
            ),
            (ReplyWritten(3.7, 2, 1, "stop"), []),
            (
                PlaybackFinished(5.0, 2),
                [
                    expect(StopTimer, timer=Timer.PLAYBACK),
                    expect(StartTimer, timer=Timer.IDLE),
                    expect(PreparePrompt),
                ],
            ),
        ]
    )
    assert book.brain.state is State.LISTENING


def test_the_prompt_carries_the_conversation_so_far() -> None:
    book = Playbook().greeted()
    book.answered(QUESTION, 2.0, 3.0, "We open at nine.")
    book.asked("And on Sunday?", 8.0, 9.0)
    messages = book.all_of(StartReply)[-1].messages
    assert [(m.role, m.content) for m in messages] == [
        ("system", system_prompt(book.config)),
        ("user", QUESTION),
        ("assistant", "We open at nine."),
        ("user", "And on Sunday?"),
    ]


def test_an_incomplete_sentence_waits_longer_and_going_on_makes_it_one_turn() -> None:
    book = Playbook().greeted()
    book.said("I would like to", 2.0, 3.0)
    assert book.commands[-1] == AwaitPause(1.2)
    book.play(
        [
            # The earlier wait was asked for before the words were known; it is not enough now.
            (PauseReached(3.7, 3.0, 0.7), [expect(AwaitPause, pause_s=1.2)]),
            (SpeechStarted(4.0, 3.9), []),
        ]
    )
    assert book.brain.state is State.HEARING
    book.asked("I would like to book a table.", 4.0, 5.0)
    (reply,) = book.all_of(StartReply)
    assert reply.turn == 1
    assert reply.messages[-1].content == "I would like to book a table."


def test_a_turn_does_not_end_before_its_words_are_there() -> None:
    book = Playbook().greeted()
    book.send(SpeechStarted(2.0, 2.0))
    book.send(SpeechPaused(3.1, 3.0))
    book.play(
        [
            (
                PauseReached(3.7, 3.0, 0.7),
                [expect(StartTimer, timer=Timer.TRANSCRIPT, delay_s=4.0)],
            ),
            # An interim that ends before the speech did is not enough either.
            (TranscriptReceived(3.8, "What time", 2.5, False, "stt"), []),
            (
                TranscriptReceived(4.0, QUESTION, 3.0, True, "stt"),
                [expect(StopTimer, timer=Timer.TRANSCRIPT), expect(AwaitPause, pause_s=0.4)],
            ),
        ]
    )


def test_words_that_never_come_are_asked_for_again() -> None:
    book = Playbook().greeted()
    book.send(SpeechStarted(2.0, 2.0))
    book.send(SpeechPaused(3.1, 3.0))
    book.send(PauseReached(3.7, 3.0, 0.7))
    book.fire(Timer.TRANSCRIPT)
    assert book.all_of(Say)[-1].phrase is PhraseKind.DID_NOT_CATCH
    assert book.brain.state is State.SPEAKING


def test_noise_without_words_is_no_turn() -> None:
    book = Playbook().greeted()
    book.said("", 2.0, 2.2)
    assert book.brain.state is State.LISTENING
    assert book.commands[-2] == CloseUtterance(2.2)
    assert book.all_of(StartReply) == []


def test_a_caller_who_goes_on_before_the_reply_is_heard_takes_the_turn_back() -> None:
    book = Playbook().greeted()
    first = book.asked("I have a question.", 2.0, 3.0)
    book.play(
        [
            (
                SpeechStarted(4.3, 4.2),
                [
                    expect(DropReply, reply_id=first),
                    expect(ClearPlayback),
                    expect(StopTimer, timer=Timer.LAST_NET),
                ],
            ),
            # The dropped reply's audio had begun in the meantime: it is no longer on the floor.
            (ClauseStarted(4.3, first, 0, "Yes?", 4.3, True), []),
        ]
    )
    book.asked("I have a question. Do you sell tyres?", 4.2, 5.0)
    reply = book.all_of(StartReply)[-1]
    assert reply.turn == 1
    assert reply.messages[-1].content == "I have a question. Do you sell tyres?"
    assert len(reply.messages) == 2


def test_barge_in_keeps_what_was_heard() -> None:
    book = Playbook(INTERRUPTIBLE).greeted()
    reply = book.asked(QUESTION, 2.0, 3.0)
    book.send(ClauseStarted(4.0, reply, 0, "We open at nine,", 4.0, True))
    book.send(ClauseStarted(5.0, reply, 1, "and close at five in the evening.", 5.0, True))
    book.send(SpeechStarted(5.95, 5.9))
    book.play(
        [
            (
                SoundJudged(6.0, 5.9, Verdict.SPEECH),
                [
                    expect(HoldPlayback, reply_id=reply),
                    expect(StopTimer, timer=Timer.PLAYBACK),
                    expect(StartTimer, timer=Timer.HELD),
                ],
            )
        ]
    )
    assert book.fire(Timer.HELD, 6.4)[0] == DropReply(reply)
    book.asked("On Sunday too?", 5.9, 7.0)
    heard = book.all_of(StartReply)[-1].messages[-2]
    assert heard.role == "assistant"
    assert heard.content.startswith("We open at nine, and close")
    assert not heard.content.endswith("evening.")


def test_without_interruptions_early_words_are_context_and_late_words_the_next_turn() -> None:
    book = Playbook().greeted()
    reply = book.asked(QUESTION, 2.0, 3.0)
    book.send(ClauseStarted(4.0, reply, 0, "We open at nine.", 4.0, True))
    book.said("uh-huh", 4.2, 4.5)
    assert book.brain.state is State.SPEAKING
    book.send(PlaybackFinished(6.0, reply))
    assert book.brain.state is State.LISTENING
    reply = book.asked("And on Sunday?", 7.0, 8.0)
    assert book.all_of(StartReply)[-1].messages[-1].content == "uh-huh And on Sunday?"

    book.send(ClauseStarted(10.0, reply, 0, "Closed.", 10.0, True))
    book.said("And on Monday?", 10.2, 10.9)
    book.send(PlaybackFinished(11.2, reply))
    assert book.brain.state is State.PAUSED
    book.send(PauseReached(11.4, 10.9, 0.5))
    assert book.all_of(StartReply)[-1].messages[-1].content == "And on Monday?"


def test_a_caller_still_speaking_when_the_reply_ends_is_heard_out() -> None:
    book = Playbook().greeted()
    reply = book.asked(QUESTION, 2.0, 3.0)
    book.send(ClauseStarted(4.0, reply, 0, "We open at nine.", 4.0, True))
    book.send(SpeechStarted(4.8, 4.7))
    book.send(PlaybackFinished(5.0, reply))
    assert book.brain.state is State.HEARING


def test_the_last_net_apologises_and_the_third_time_ends_the_call() -> None:
    book = Playbook().greeted()
    at = 2.0
    for expected in (PhraseKind.TOO_SLOW, PhraseKind.TOO_SLOW, PhraseKind.FAILURE):
        book.asked(QUESTION, at, at + 1)
        book.fire(Timer.LAST_NET)
        say = book.all_of(Say)[-1]
        assert say.phrase is expected
        book.send(ClauseStarted(at + 12, say.reply_id, 0, say.text, at + 12, False))
        book.send(PlaybackFinished(at + 15, say.reply_id))
        at += 20
    assert book.commands[-1] == HangUp(EndReason.ENGINES_FAILED)
    assert book.brain.state is State.ENDED


def test_an_answered_turn_forgives_earlier_failures() -> None:
    book = Playbook().greeted()
    for _ in range(4):
        book.asked(QUESTION, 2.0, 3.0)
        book.fire(Timer.LAST_NET)
        book.send(PlaybackFinished(4.0, book.all_of(Say)[-1].reply_id))
        book.answered(QUESTION, 5.0, 6.0, "At nine.")
    assert book.brain.state is State.LISTENING


def test_an_engine_that_fails_before_a_sound_is_apologised_for() -> None:
    book = Playbook().greeted()
    reply = book.asked(QUESTION, 2.0, 3.0)
    book.send(EngineFailed(3.5, Kind.LLM, "llm", Category.SERVER, Phase.FIRST_RESULT, reply))
    assert [type(command) for command in book.commands[-5:]] == [
        DropReply,
        StopTimer,
        CloseUtterance,
        Say,
        StartTimer,
    ]


def test_a_failure_of_a_dropped_reply_is_nobodys_business() -> None:
    book = Playbook().greeted()
    reply = book.asked(QUESTION, 2.0, 3.0)
    book.send(SpeechStarted(4.0, 4.0))
    failed = EngineFailed(4.1, Kind.TTS, "tts", Category.SERVER, Phase.STREAM, reply)
    assert book.send(failed) == []


def test_dead_speech_to_text_ends_the_call_with_a_sentence() -> None:
    book = Playbook().greeted()
    book.send(EngineFailed(2.0, Kind.STT, "stt", Category.SERVER, Phase.STREAM))
    say = book.all_of(Say)[-1]
    assert say.phrase is PhraseKind.FAILURE
    book.send(ClauseStarted(2.1, say.reply_id, 0, say.text, 2.1, False))
    book.send(PlaybackFinished(5.0, say.reply_id))
    assert book.commands[-1] == HangUp(EndReason.ENGINES_FAILED)


def test_a_model_that_says_nothing_is_covered_by_a_phrase() -> None:
    book = Playbook().greeted()
    reply = book.asked(QUESTION, 2.0, 3.0)
    book.send(ReplyWritten(3.5, reply, 0, "stop"))
    assert book.all_of(Say)[-1].phrase is PhraseKind.DID_NOT_CATCH


def test_a_silent_caller_is_asked_twice_and_then_let_go() -> None:
    book = Playbook().greeted()
    phrases = []
    for _ in range(3):
        book.fire(Timer.IDLE)
        say = book.all_of(Say)[-1]
        phrases.append(say.phrase)
        book.send(ClauseStarted(9.0, say.reply_id, 0, say.text, 9.0, False))
        book.send(PlaybackFinished(10.0, say.reply_id))
    assert phrases == [PhraseKind.REPROMPT, PhraseKind.REPROMPT, PhraseKind.GOODBYE]
    assert book.commands[-1] == HangUp(EndReason.AGENT_HUNG_UP)


def test_a_stale_timer_does_nothing() -> None:
    book = Playbook().greeted()
    stale = book.timers[Timer.IDLE]
    book.answered(QUESTION, 2.0, 3.0, "At nine.")
    assert book.send(TimerFired(9.0, Timer.IDLE, stale)) == []


def test_an_agent_that_stops_moving_is_caught() -> None:
    book = Playbook().greeted()
    reply = book.asked(QUESTION, 2.0, 3.0)
    book.send(ClauseStarted(4.0, reply, 0, "We open", 4.0, True))
    book.fire(Timer.PLAYBACK, 15.0)
    assert book.all_of(DropReply)[-1].reply_id == reply
    assert book.all_of(Say)[-1].phrase is PhraseKind.TOO_SLOW


def test_history_is_trimmed_eight_at_once_and_read_again_while_nobody_waits() -> None:
    book = Playbook().greeted()
    for number in range(10):
        book.answered(f"Question number {number}?", number * 10, number * 10 + 1, "Yes.")
    assert book.all_of(PreparePrompt)[-1].messages[1].content == "Question number 0?"
    book.answered("One more question?", 200, 201, "Yes.")
    assert book.all_of(PreparePrompt)[-1].messages[1].content == "Question number 4?"


def test_after_each_reply_the_conversation_is_read_up_to_the_callers_next_word() -> None:
    book = Playbook().greeted()
    assert len(book.all_of(PreparePrompt)) == 1  # at set-up; the greeting adds nothing to it
    book.answered(QUESTION, 2.0, 3.0, "We open at nine.")
    prepared = book.all_of(PreparePrompt)
    assert len(prepared) == 2
    assert [message.role for message in prepared[-1].messages] == ["system", "user", "assistant"]


def test_the_longest_allowed_call_ends_with_a_goodbye_in_any_state() -> None:
    for prepare in (
        lambda book: book,
        lambda book: book.asked(QUESTION, 2.0, 3.0),
        lambda book: book.send(SpeechStarted(2.0, 2.0)),
    ):
        book = Playbook().greeted()
        prepare(book)
        book.fire(Timer.MAX_CALL)
        assert book.all_of(Say)[-1].phrase is PhraseKind.GOODBYE
        assert book.brain.state is State.ENDING


def test_after_the_end_nothing_is_asked_for() -> None:
    book = Playbook().greeted()
    book.send(CallEnded(5.0, EndReason.CALLER_HUNG_UP))
    assert book.send(SpeechStarted(6.0, 6.0)) == []


def test_a_shell_without_ears_is_told_when_the_agent_goes_on_by_itself() -> None:
    book = Playbook().greeted()
    assert not book.brain.goes_on
    book.fire(Timer.MAX_CALL)
    assert book.brain.goes_on  # the goodbye is being said; then the call is hung up
