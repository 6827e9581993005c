"""Turn-taking as one table: what each event does in each state. Pure.

Laws of this file:

1. Every (state, event) pair stands here, the ignored ones too; a test counts them.
2. A rule names the states it may lead to; `Conversation` refuses any other, and leaves none
   half done: a rule that raises is a bug of voxd and ends the call at its border.

Theory of operation. The floor passes LISTENING -> HEARING -> PAUSED -> THINKING -> SPEAKING and
back to LISTENING. PAUSED falls back to HEARING when the caller goes on, and to LISTENING when it
was only noise. THINKING falls back to HEARING as long as nothing of the reply was audible. Once
something is, SPEAKING is left by its end, by an interruption (where the tier allows it) or by an
apology.
Events about a reply carry its id; those of an attempt that was dropped find another id on the
floor and do nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from voxd.commands import Command
from voxd.dialog import agent_side as agent
from voxd.dialog import caller_side as caller
from voxd.dialog.floor import Floor, State
from voxd.events import (
    CallEnded,
    CallStarted,
    ClauseHeard,
    ClauseSent,
    ClauseStarted,
    ClauseVoiced,
    ClauseWritten,
    DigitPressed,
    EngineFailed,
    EngineSwitched,
    Event,
    FirstToken,
    PauseReached,
    PlaybackFinished,
    PlaybackUnderran,
    ReplyRequested,
    ReplyWritten,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TimerFired,
    TranscriptReceived,
)

Key = type[Event] | Timer
"""What an event is looked up by: its class, or the timer that fired."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do, and where that may lead."""

    step: Callable[[Floor, Any], list[Command]]
    to: tuple[State, ...]


def _rule(step: Callable[[Floor, Any], list[Command]], *to: State) -> Rule:
    return Rule(step, to)


NEW, LISTENING, HEARING, PAUSED = State.NEW, State.LISTENING, State.HEARING, State.PAUSED
THINKING, SPEAKING, ENDING, ENDED = State.THINKING, State.SPEAKING, State.ENDING, State.ENDED

JOURNAL_ONLY: tuple[Key, ...] = (
    EngineSwitched,
    ReplyRequested,
    FirstToken,
    ClauseWritten,
    ClauseVoiced,
    PlaybackUnderran,
)
"""Events for the journal alone: no state acts on them."""

_END = _rule(agent.end, ENDED)

TABLE: dict[State, dict[Key, Rule]] = {
    NEW: {
        CallStarted: _rule(agent.greet, SPEAKING),
        CallEnded: _END,
    },
    LISTENING: {
        SpeechStarted: _rule(caller.hear_speech, HEARING),
        TranscriptReceived: _rule(caller.keep_aside, LISTENING),
        DigitPressed: _rule(caller.press_digit, LISTENING),
        Timer.DIGITS: _rule(caller.answer_digits, THINKING, LISTENING),
        Timer.IDLE: _rule(agent.ask_whether_there, SPEAKING, ENDING),
        Timer.MAX_CALL: _rule(agent.end_politely, ENDING),
        EngineFailed: _rule(agent.fail_engine, LISTENING, ENDING),
        CallEnded: _END,
    },
    HEARING: {
        SpeechPaused: _rule(caller.note_pause, PAUSED),
        TranscriptReceived: _rule(caller.keep_transcript, HEARING),
        DigitPressed: _rule(caller.press_digit, HEARING),
        Timer.MAX_CALL: _rule(agent.end_politely, ENDING),
        EngineFailed: _rule(agent.fail_engine, HEARING, ENDING),
        CallEnded: _END,
    },
    PAUSED: {
        SpeechStarted: _rule(caller.hear_speech, HEARING),
        PauseReached: _rule(caller.end_pause, PAUSED, THINKING),
        TranscriptReceived: _rule(caller.weigh_transcript, PAUSED, LISTENING),
        ReplyWritten: _rule(caller.note_guess, PAUSED),
        DigitPressed: _rule(caller.press_digit, PAUSED),
        Timer.TRANSCRIPT: _rule(caller.give_up_transcript, SPEAKING),
        Timer.MAX_CALL: _rule(agent.end_politely, ENDING),
        EngineFailed: _rule(agent.fail_engine, PAUSED, ENDING),
        CallEnded: _END,
    },
    THINKING: {
        SpeechStarted: _rule(caller.caller_went_on, HEARING),
        ClauseStarted: _rule(agent.begin_clause, THINKING, SPEAKING),
        ReplyWritten: _rule(agent.reply_written, THINKING, SPEAKING),
        DigitPressed: _rule(caller.press_digit, THINKING),
        Timer.LAST_NET: _rule(agent.give_up_reply, SPEAKING, ENDING),
        Timer.MAX_CALL: _rule(agent.end_politely, ENDING),
        EngineFailed: _rule(agent.fail_engine, THINKING, SPEAKING, ENDING),
        CallEnded: _END,
    },
    SPEAKING: {
        SpeechStarted: _rule(agent.interrupt, SPEAKING, HEARING),
        SpeechPaused: _rule(caller.note_overlap_pause, SPEAKING),
        TranscriptReceived: _rule(caller.keep_transcript, SPEAKING),
        ClauseStarted: _rule(agent.begin_clause, SPEAKING),
        ClauseSent: _rule(agent.end_clause, SPEAKING),
        ClauseHeard: _rule(agent.confirm_clause, SPEAKING),
        PlaybackFinished: _rule(agent.finish_playback, SPEAKING, LISTENING, HEARING, PAUSED),
        DigitPressed: _rule(caller.press_digit, SPEAKING),
        Timer.PLAYBACK: _rule(agent.give_up_reply, SPEAKING, LISTENING, HEARING, PAUSED, ENDING),
        Timer.MAX_CALL: _rule(agent.end_politely, ENDING),
        EngineFailed: _rule(agent.fail_engine, SPEAKING, LISTENING, HEARING, PAUSED, ENDING, ENDED),
        CallEnded: _END,
    },
    ENDING: {
        ClauseStarted: _rule(agent.begin_clause, ENDING),
        ClauseSent: _rule(agent.end_clause, ENDING),
        ClauseHeard: _rule(agent.confirm_clause, ENDING),
        PlaybackFinished: _rule(agent.hang_up, ENDING, ENDED),
        Timer.PLAYBACK: _rule(agent.hang_up, ENDED),
        EngineFailed: _rule(agent.hang_up, ENDING, ENDED),
        CallEnded: _END,
    },
    ENDED: {},
}

IGNORED: dict[State, tuple[Key, ...]] = {
    # Before `CallStarted` there is no ear and no mouth.
    NEW: (
        SpeechStarted, SpeechPaused, PauseReached, TranscriptReceived, EngineFailed, DigitPressed,
        ReplyWritten, ClauseStarted, ClauseSent, ClauseHeard, PlaybackFinished, *Timer,
    ),
    # Reply events are echoes of an attempt that was dropped; pauses those of a closed utterance.
    LISTENING: (
        CallStarted, SpeechPaused, PauseReached, ReplyWritten, ClauseStarted, ClauseSent,
        ClauseHeard, PlaybackFinished, Timer.TRANSCRIPT, Timer.LAST_NET, Timer.PLAYBACK,
    ),
    # Keys wait until the caller has finished; `end_turn` adds them to the words.
    HEARING: (
        CallStarted, SpeechStarted, PauseReached, ReplyWritten, ClauseStarted, ClauseSent,
        ClauseHeard, PlaybackFinished,
        Timer.DIGITS, Timer.IDLE, Timer.TRANSCRIPT, Timer.LAST_NET, Timer.PLAYBACK,
    ),
    PAUSED: (
        CallStarted, SpeechPaused, ClauseStarted, ClauseSent, ClauseHeard,
        PlaybackFinished, Timer.DIGITS, Timer.IDLE, Timer.LAST_NET, Timer.PLAYBACK,
    ),
    # The words are decided; a transcript that is revised after the turn's end comes too late.
    THINKING: (
        CallStarted, SpeechPaused, PauseReached, TranscriptReceived, ClauseSent, ClauseHeard,
        PlaybackFinished, Timer.DIGITS, Timer.IDLE, Timer.TRANSCRIPT, Timer.PLAYBACK,
    ),
    SPEAKING: (
        CallStarted, PauseReached, ReplyWritten,
        Timer.DIGITS, Timer.IDLE, Timer.TRANSCRIPT, Timer.LAST_NET,
    ),
    # The decision to hang up stands; the caller is not answered any more.
    ENDING: (
        CallStarted, SpeechStarted, SpeechPaused, PauseReached, TranscriptReceived, DigitPressed,
        ReplyWritten,
        Timer.DIGITS, Timer.IDLE, Timer.TRANSCRIPT, Timer.LAST_NET, Timer.MAX_CALL,
    ),
    ENDED: (
        CallStarted, CallEnded, SpeechStarted, SpeechPaused, PauseReached, TranscriptReceived,
        EngineFailed, DigitPressed, ReplyWritten, ClauseStarted, ClauseSent, ClauseHeard,
        PlaybackFinished, *Timer,
    ),
}  # fmt: skip


def key_of(event: Event) -> Key:
    """What to look an event up by."""
    return event.timer if isinstance(event, TimerFired) else type(event)
