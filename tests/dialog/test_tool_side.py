"""Tools in playbooks: asked once, after the commit, and told whatever comes."""

import pytest

from tests.dialog.playbook import INTERRUPTIBLE, PATIENT, SPECULATIVE, expect
from tests.dialog.tooled import (
    BOOK,
    DIGITS,
    END,
    LOOK_UP,
    MESSAGE,
    TRANSFER,
    answers,
    newest_prompt,
    tooled,
    wants,
)
from voxd.commands import (
    CallTool,
    CommitReply,
    HangUp,
    PhraseKind,
    Say,
    SendDigits,
    StartReply,
    TakeMessage,
    Transfer,
)
from voxd.dialog.floor import State
from voxd.dialog.history import PENDING
from voxd.dialog.tool_rounds import GO_ON, INTERRUPTED, LATE
from voxd.events import (
    CUT_CALL,
    ClauseSent,
    ClauseStarted,
    EndReason,
    PauseReached,
    PlaybackFinished,
    ReplyWritten,
    SoundJudged,
    SpeechPaused,
    SpeechStarted,
    Timer,
    ToolCall,
    TranscriptReceived,
    Verdict,
)

ASK = "A table for two please."


def test_a_tool_is_asked_and_its_answer_goes_back_to_the_model() -> None:
    book = tooled()
    reply_id = book.asked(ASK, 2.0, 3.0)
    wants(book, 4.5, reply_id, BOOK)
    (asked,) = book.all_of(CallTool)
    assert (asked.name, asked.arguments) == ("book", '{"people": 2}')
    assert book.brain.state is State.THINKING
    answers(book, 5.0)
    follow_up = book.all_of(StartReply)[-1]
    assert follow_up.committed and follow_up.turn == 1 and follow_up.reply_id > reply_id
    assert newest_prompt(book) == [("user", ASK), ("assistant", ""), ("tool", "Booked.")]
    _, _, called, told = follow_up.messages
    assert called.tool_calls[0].name == "book"
    assert called.tool_calls[0].id == told.tool_call_id


def test_the_answer_itself_is_never_spoken() -> None:
    book = tooled()
    wants(book, 4.5, book.asked(ASK, 2.0, 3.0), BOOK)
    answers(book, 5.0, "Booked under reference 7.")
    assert not [it for it in book.all_of(Say) if "7" in it.text]


def test_the_next_turn_is_told_what_was_said_and_done() -> None:
    book = tooled()
    wants(book, 4.5, book.asked(ASK, 2.0, 3.0), BOOK)
    answers(book, 5.0)
    reply_id = book.all_of(StartReply)[-1].reply_id
    book.send(ClauseStarted(5.5, reply_id, 0, "It is booked.", 5.5, True))
    book.send(ClauseSent(5.5, reply_id, 0, 1.0))
    book.send(ReplyWritten(5.5, reply_id, 1, "stop"))
    book.send(PlaybackFinished(6.5, reply_id))
    assert book.brain.state is State.LISTENING
    book.asked("Thank you.", 7.0, 8.0)
    assert newest_prompt(book) == [
        ("user", ASK),
        ("assistant", ""),
        ("tool", "Booked."),
        ("assistant", "It is booked."),
        ("user", "Thank you."),
    ]


def test_words_before_a_call_sound_while_the_tool_is_asked() -> None:
    book = tooled()
    reply_id = book.asked(ASK, 2.0, 3.0)
    wants(book, 4.5, reply_id, BOOK, clauses=1)
    assert len(book.all_of(CallTool)) == 1
    book.send(ClauseStarted(4.6, reply_id, 0, "Let me see.", 4.6, True))
    book.send(ClauseSent(4.6, reply_id, 0, 1.0))
    answers(book, 5.0)
    assert len(book.all_of(StartReply)) == 1  # its own words come first
    book.send(PlaybackFinished(5.6, reply_id))
    assert book.brain.state is State.THINKING
    assert newest_prompt(book)[1] == ("assistant", "Let me see.")


def test_an_answer_after_those_words_is_told_when_it_comes() -> None:
    book = tooled()
    reply_id = book.asked(ASK, 2.0, 3.0)
    wants(book, 4.5, reply_id, BOOK, clauses=1)
    book.send(ClauseStarted(4.6, reply_id, 0, "Let me see.", 4.6, True))
    book.send(PlaybackFinished(5.6, reply_id))
    assert book.brain.state is State.THINKING and len(book.all_of(StartReply)) == 1
    answers(book, 6.0)
    assert len(book.all_of(StartReply)) == 2


def test_the_echo_of_those_words_takes_nothing_back() -> None:
    book = tooled()
    reply_id = book.asked(ASK, 2.0, 3.0)
    wants(book, 4.5, reply_id, BOOK, clauses=1)
    book.send(ClauseStarted(5.0, reply_id, 0, "Let me check that for you.", 5.0, True))
    book.send(SpeechStarted(5.7, 5.5))
    book.send(SpeechPaused(6.3, 6.1))
    book.send(ClauseSent(6.3, reply_id, 0, 1.4))
    book.send(PlaybackFinished(6.4, reply_id))
    assert book.brain.state is State.THINKING
    book.send(TranscriptReceived(6.6, "Check that for you.", 6.1, True, "stt"))
    assert book.brain.state is State.THINKING
    answers(book, 7.0)
    assert newest_prompt(book)[-1] == ("tool", "Booked.")


def test_a_call_that_broke_off_behind_words_is_made_again() -> None:
    book = tooled()
    reply_id = book.asked(ASK, 2.0, 3.0)
    book.send(ClauseStarted(5.0, reply_id, 0, "Let me book that.", 5.0, True))
    book.send(ReplyWritten(5.2, reply_id, 1, CUT_CALL))
    book.send(PlaybackFinished(6.4, reply_id))
    assert book.brain.state is State.THINKING
    again = book.all_of(StartReply)[-1]
    assert again.is_follow_up and again.messages[-1].content == GO_ON
    assert again.messages[-2].content == "Let me book that."


def test_a_wait_without_words_is_bridged_soon() -> None:
    book = tooled(PATIENT)
    wants(book, 4.5, book.asked(ASK, 2.0, 3.0), BOOK)
    (said,) = book.fire(Timer.FILLER, 5.0)
    assert expect(Say, phrase=PhraseKind.BRIDGE).matches(said)


def test_arguments_that_are_wrong_are_told_to_the_model_once() -> None:
    book = tooled()
    wants(book, 4.5, book.asked(ASK, 2.0, 3.0), ToolCall("", "book", '{"people": 0}'))
    assert not book.all_of(CallTool)
    assert newest_prompt(book)[-1] == ("tool", "Not done: people: is out of range.")
    wants(book, 5.0, book.brain._floor.last_reply_id, ToolCall("", "book", "{"))
    assert not book.all_of(CallTool)
    assert book.all_of(Say)[-1].text == book.config.phrases.too_slow


def test_what_is_put_right_is_done() -> None:
    book = tooled()
    wants(book, 4.5, book.asked(ASK, 2.0, 3.0), ToolCall("", "no_such", "{}"))
    wants(book, 5.0, book.brain._floor.last_reply_id, BOOK)
    assert len(book.all_of(CallTool)) == 1


def test_tools_for_ever_end_in_the_apology() -> None:
    book = tooled()
    book.asked(ASK, 2.0, 3.0)
    for number in range(10):
        wants(book, 4.5 + number, book.brain._floor.last_reply_id, LOOK_UP)
        if book.brain.state is not State.THINKING:
            break
        answers(book, 5.0 + number)
    assert len(book.all_of(CallTool)) == 5
    assert book.all_of(Say)[-1].text == book.config.phrases.too_slow


# --- what the caller does meanwhile -----------------------------------------------------------


def test_okay_changes_nothing_and_other_words_get_a_reply_of_their_own() -> None:
    book = tooled()
    wants(book, 4.5, book.asked(ASK, 2.0, 3.0), BOOK)
    book.said("Okay.", 4.6, 4.9)
    assert book.brain.state is State.THINKING and len(book.all_of(StartReply)) == 1
    book.asked("And have you got parking?", 5.5, 6.5)
    assert len(book.all_of(CallTool)) == 1
    assert newest_prompt(book) == [
        ("user", ASK),
        ("assistant", ""),
        ("tool", PENDING),
        ("user", "And have you got parking?"),
    ]
    assert book.all_of(StartReply)[-1].turn == 2
    reply_id = book.all_of(StartReply)[-1].reply_id
    answers(book, 8.0)
    assert len(book.all_of(StartReply)) == 2
    assert book.brain._floor.history.prompt()[3].content == "Booked."
    book.send(ClauseStarted(8.1, reply_id, 0, "We have.", 8.1, True))
    book.send(PlaybackFinished(9.1, reply_id))
    late = book.all_of(StartReply)[-1]
    assert late.is_follow_up and late.turn == 2 and late.messages[-1].content == LATE


def test_an_answer_that_comes_while_nobody_speaks_is_told_at_once_and_once() -> None:
    book = tooled()
    wants(book, 4.5, book.asked(ASK, 2.0, 3.0), BOOK)
    reply_id = book.asked("And have you got parking?", 5.5, 6.5)
    book.send(ClauseStarted(8.1, reply_id, 0, "We have.", 8.1, True))
    book.send(PlaybackFinished(9.1, reply_id))
    assert book.brain.state is State.LISTENING
    answers(book, 9.5)
    assert book.brain.state is State.THINKING
    reply_id = book.all_of(StartReply)[-1].reply_id
    book.send(ClauseStarted(10.0, reply_id, 0, "It is booked.", 10.0, True))
    book.send(PlaybackFinished(11.0, reply_id))
    assert book.brain.state is State.LISTENING and len(book.all_of(StartReply)) == 3
    assert LATE not in [message.content for message in book.brain._floor.history.prompt()]


def test_a_question_asked_after_the_answer_came_is_answered_with_it() -> None:
    book = tooled()
    wants(book, 4.5, book.asked(ASK, 2.0, 3.0), BOOK)
    book.send(SpeechStarted(5.5, 5.4))
    book.said("And have you got parking?", 5.5, 6.5)
    answers(book, 6.8)
    book.send(PauseReached(7.7, 6.5, 1.2))
    reply_id = book.all_of(StartReply)[-1].reply_id
    assert ("tool", "Booked.") in newest_prompt(book)
    book.send(ClauseStarted(8.1, reply_id, 0, "Booked, and we have.", 8.1, True))
    book.send(PlaybackFinished(9.1, reply_id))
    assert book.brain.state is State.LISTENING


def test_what_is_being_asked_is_not_asked_again() -> None:
    book = tooled()
    wants(book, 4.5, book.asked(ASK, 2.0, 3.0), BOOK)
    reply_id = book.asked("Hello, are you still there?", 5.5, 6.5)
    wants(book, 8.0, reply_id, BOOK)
    assert len(book.all_of(CallTool)) == 1


def test_a_caller_who_went_on_before_the_reply_was_complete_has_nothing_done() -> None:
    book = tooled()
    reply_id = book.asked(ASK, 2.0, 3.0)
    book.send(SpeechStarted(4.4, 4.3))
    wants(book, 4.5, reply_id, BOOK)
    assert not book.all_of(CallTool)


# --- speculation ------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [BOOK, END, MESSAGE, DIGITS], ids=lambda call: call.name)
def test_a_guess_has_nothing_done_before_its_commit(call: ToolCall) -> None:
    book = tooled(SPECULATIVE)
    book.said(ASK, 2.0, 3.0)
    (guess,) = book.all_of(StartReply)
    assert not guess.committed
    wants(book, 3.3, guess.reply_id, call)
    assert not book.all_of(CallTool) + book.all_of(HangUp) + book.all_of(SendDigits)
    book.send(PauseReached(4.2, 3.0, 1.2))
    assert book.all_of(CommitReply) == [CommitReply(guess.reply_id)]
    assert book.all_of(CallTool) + book.all_of(HangUp) + book.all_of(SendDigits) or (
        book.brain.state is State.ENDING
    )


def test_a_guess_that_is_dropped_has_nothing_done() -> None:
    book = tooled(SPECULATIVE)
    book.said(ASK, 2.0, 3.0)
    wants(book, 3.3, book.all_of(StartReply)[0].reply_id, BOOK)
    book.send(SpeechStarted(3.5, 3.4))
    assert not book.all_of(CallTool)
    assert len(book.brain._floor.history) == 0


# --- the built-in ones ------------------------------------------------------------------------


def test_the_call_ends_when_the_last_word_was_heard() -> None:
    book = tooled()
    reply_id = book.asked("That is all, bye.", 2.0, 3.0)
    wants(book, 4.5, reply_id, END, clauses=1)
    book.send(ClauseStarted(4.6, reply_id, 0, "Goodbye!", 4.6, True))
    book.send(ClauseSent(4.7, reply_id, 0, 1.0))
    assert not book.all_of(HangUp)
    assert book.send(PlaybackFinished(5.6, reply_id))[-1] == HangUp(EndReason.AGENT_HUNG_UP)
    assert book.brain.state is State.ENDED


def test_without_a_word_of_the_model_a_phrase_says_goodbye() -> None:
    book = tooled()
    wants(book, 4.5, book.asked("That is all, bye.", 2.0, 3.0), END)
    said = book.all_of(Say)[-1]
    assert (said.phrase, said.text) == (PhraseKind.GOODBYE, book.config.phrases.goodbye)
    assert not book.all_of(HangUp)
    book.send(PlaybackFinished(6.0, said.reply_id))
    assert book.all_of(HangUp) == [HangUp(EndReason.AGENT_HUNG_UP)]


def test_a_call_is_put_through_after_its_words_or_a_phrase() -> None:
    step = Transfer("+15550123")
    book = tooled()
    wants(book, 4.5, book.asked("A person, please.", 2.0, 3.0), TRANSFER)
    said = book.all_of(Say)[-1]
    assert said.text == book.config.phrases.transferring
    book.send(PlaybackFinished(6.0, said.reply_id))
    assert book.all_of(HangUp) == [HangUp(EndReason.AGENT_HUNG_UP, step)]
    book = tooled()
    reply_id = book.asked("A person, please.", 2.0, 3.0)
    wants(book, 4.5, reply_id, TRANSFER, clauses=1)
    book.send(ClauseStarted(4.6, reply_id, 0, "I connect you.", 4.6, True))
    book.send(PlaybackFinished(5.6, reply_id))
    assert book.all_of(HangUp) == [HangUp(EndReason.AGENT_HUNG_UP, step)]


def test_a_message_is_recorded_at_once_because_twilio_announces_it() -> None:
    book = tooled()
    wants(book, 4.5, book.asked("Can I leave a message?", 2.0, 3.0), MESSAGE)
    assert book.all_of(HangUp) == [HangUp(EndReason.AGENT_HUNG_UP, TakeMessage())]


def test_a_goodbye_that_cannot_be_finished_ends_the_call_all_the_same() -> None:
    book = tooled()
    reply_id = book.asked("Bye.", 2.0, 3.0)
    wants(book, 4.5, reply_id, END, clauses=1)
    book.send(ClauseStarted(4.6, reply_id, 0, "Goodbye!", 4.6, True))
    book.fire(Timer.PLAYBACK, 20.0)
    assert book.all_of(HangUp) == [HangUp(EndReason.AGENT_HUNG_UP)]


def test_a_caller_who_breaks_into_the_goodbye_is_listened_to() -> None:
    book = tooled(INTERRUPTIBLE)
    reply_id = book.asked("That is all.", 2.0, 3.0)
    wants(book, 4.5, reply_id, END, clauses=1)
    book.send(ClauseStarted(4.6, reply_id, 0, "Thank you and goodbye!", 4.6, True))
    book.send(SpeechStarted(4.9, 4.8))
    book.send(SoundJudged(5.0, 4.8, Verdict.SPEECH))
    book.fire(Timer.HELD, 5.4)
    assert book.brain.state is State.HEARING and not book.all_of(HangUp)
    assert book.brain._floor.history.prompt()[-1].content == INTERRUPTED


def test_keys_are_pressed_and_the_agent_listens() -> None:
    book = tooled()
    wants(book, 4.5, book.asked("Press one for sales.", 2.0, 3.0), DIGITS)
    assert [command.digits for command in book.all_of(SendDigits)] == ["1w#"]
    assert book.brain.state is State.LISTENING
    assert len(book.all_of(StartReply)) == 1


def test_an_end_beside_other_tools_waits_for_what_they_answer() -> None:
    book = tooled()
    wants(book, 4.5, book.asked(ASK, 2.0, 3.0), BOOK, END)
    assert len(book.all_of(CallTool)) == 1 and not book.all_of(HangUp)
    answers(book, 5.0)
    assert newest_prompt(book)[-1][1].startswith("Not done: call it alone")
