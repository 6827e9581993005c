"""Turn-taking as one table: what each event does in each state. Pure.

Laws of this file:

1. Every (state, event) pair stands here, the ignored ones too; a test counts them.
2. A rule names the states it may lead to; `Conversation` refuses any other, and leaves none
   half done: a rule that raises is a bug of voxd and ends the call at its border.

Theory of operation. The floor passes LISTENING -> HEARING -> PAUSED -> THINKING -> SPEAKING and
back to LISTENING. PAUSED falls back to HEARING when the caller goes on, and to LISTENING when it
was only noise. THINKING falls back to HEARING as long as nothing of the reply was audible. Once
something is, SPEAKING is left by its end, by an apology or (where the tier allows it) for HELD: a
sound of the caller's silences the agent, which goes back to SPEAKING when that was nothing and
gives the floor away, to HEARING or PAUSED, when it was something.
Events about a reply carry its id; those of an attempt that was dropped find another id on the
floor and do nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from voxd.commands import Command
from voxd.dialog import agent_side as agent
from voxd.dialog import caller_side as caller
from voxd.dialog import filler, interruption, notices, waiting
from voxd.dialog import tool_side as tools
from voxd.dialog.floor import Floor, State
from voxd.events import (
    AnswererJudged,
    CallClosing,
    CallEnded,
    CallStarted,
    ClauseHeard,
    ClauseMeasured,
    ClauseSent,
    ClauseStarted,
    ClauseVoiced,
    ClauseWritten,
    DigitPressed,
    EngineFailed,
    EngineSwitched,
    Event,
    FirstToken,
    HedgeEnded,
    HedgeStarted,
    PauseReached,
    PlaybackFinished,
    PlaybackUnderran,
    ReplyRequested,
    ReplyWasted,
    ReplyWritten,
    SoundJudged,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TimerFired,
    ToolReturned,
    TranscriptReceived,
    TurnJudged,
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
THINKING, SPEAKING, HELD = State.THINKING, State.SPEAKING, State.HELD
ENDING, ENDED = State.ENDING, State.ENDED

JOURNAL_ONLY: tuple[Key, ...] = (
    EngineSwitched,
    HedgeStarted,
    HedgeEnded,
    ReplyRequested,
    FirstToken,
    ClauseWritten,
    ClauseVoiced,
    ReplyWasted,
    PlaybackUnderran,
)
"""Events for the journal alone: no state acts on them."""

_END = _rule(agent.end, ENDED)

COMMITTED = (THINKING, SPEAKING, LISTENING, ENDING, ENDED)
"""Where a reply may lead that is committed and complete: what it wants done may end the call,
or be all that it wants."""

TABLE: dict[State, dict[Key, Rule]] = {
    NEW: {
        CallStarted: _rule(agent.greet, SPEAKING),
        CallEnded: _END,
    },
    LISTENING: {
        SpeechStarted: _rule(caller.hear_speech, HEARING),
        TranscriptReceived: _rule(caller.keep_aside, LISTENING),
        DigitPressed: _rule(caller.press_digit, LISTENING),
        AnswererJudged: _rule(notices.meet_answerer, LISTENING, ENDING, ENDED),
        CallClosing: _rule(notices.close_call, ENDING),
        ToolReturned: _rule(tools.tell_result, LISTENING, THINKING),
        Timer.DIGITS: _rule(caller.answer_digits, THINKING, LISTENING),
        Timer.IDLE: _rule(agent.ask_whether_there, SPEAKING, ENDING),
        Timer.MAX_CALL: _rule(agent.end_politely, ENDING),
        Timer.TIME_WARNING: _rule(notices.warn_of_end, SPEAKING, LISTENING),
        EngineFailed: _rule(agent.fail_engine, LISTENING, ENDING),
        CallEnded: _END,
    },
    HEARING: {
        SpeechPaused: _rule(caller.note_pause, PAUSED),
        TranscriptReceived: _rule(caller.hear_words, HEARING),
        ReplyWritten: _rule(tools.note_guess, HEARING),
        ToolReturned: _rule(tools.keep_result, HEARING),
        DigitPressed: _rule(caller.press_digit, HEARING),
        AnswererJudged: _rule(notices.meet_answerer, HEARING, ENDING, ENDED),
        CallClosing: _rule(notices.close_call, ENDING),
        Timer.NO_WORDS: _rule(tools.after(caller.end_without_pause), HEARING, *COMMITTED),
        Timer.MAX_CALL: _rule(agent.end_politely, ENDING),
        Timer.TIME_WARNING: _rule(notices.owe_warning, HEARING),
        EngineFailed: _rule(agent.fail_engine, HEARING, ENDING),
        CallEnded: _END,
    },
    PAUSED: {
        SpeechStarted: _rule(caller.hear_speech, HEARING),
        PauseReached: _rule(tools.after(caller.end_pause), PAUSED, *COMMITTED),
        TranscriptReceived: _rule(caller.weigh_transcript, PAUSED, LISTENING, THINKING),
        TurnJudged: _rule(caller.weigh_judgement, PAUSED),
        ReplyWritten: _rule(tools.note_guess, PAUSED),
        ToolReturned: _rule(tools.keep_result, PAUSED),
        DigitPressed: _rule(caller.press_digit, PAUSED),
        AnswererJudged: _rule(notices.meet_answerer, PAUSED, ENDING, ENDED),
        CallClosing: _rule(notices.close_call, ENDING),
        Timer.TRANSCRIPT: _rule(caller.give_up_transcript, SPEAKING),
        Timer.MAX_CALL: _rule(agent.end_politely, ENDING),
        Timer.TIME_WARNING: _rule(notices.owe_warning, PAUSED),
        EngineFailed: _rule(agent.fail_engine, PAUSED, ENDING),
        CallEnded: _END,
    },
    THINKING: {
        SpeechStarted: _rule(waiting.hear_speech, THINKING, HEARING),
        SpeechPaused: _rule(waiting.note_pause, THINKING),
        TranscriptReceived: _rule(waiting.weigh_words, THINKING, HEARING, PAUSED),
        SoundJudged: _rule(interruption.keep_verdict, THINKING),
        TurnJudged: _rule(caller.keep_judgement, THINKING),
        ClauseStarted: _rule(interruption.begin_reply, THINKING, SPEAKING, HELD),
        ReplyWritten: _rule(tools.reply_written, HEARING, PAUSED, *COMMITTED),
        ToolReturned: _rule(tools.weigh_result, THINKING),
        DigitPressed: _rule(caller.press_digit, THINKING),
        AnswererJudged: _rule(notices.meet_answerer, THINKING, ENDING, ENDED),
        CallClosing: _rule(notices.close_call, ENDING),
        Timer.LAST_NET: _rule(agent.give_up_reply, SPEAKING, ENDING, ENDED),
        Timer.FILLER: _rule(filler.fill_wait, THINKING),
        Timer.MAX_CALL: _rule(agent.end_politely, ENDING),
        Timer.TIME_WARNING: _rule(notices.owe_warning, THINKING),
        EngineFailed: _rule(agent.fail_engine, THINKING, SPEAKING, ENDING, ENDED),
        CallEnded: _END,
    },
    SPEAKING: {
        SpeechStarted: _rule(interruption.begin_sound, SPEAKING),
        SoundJudged: _rule(interruption.judge_sound, SPEAKING, HELD),
        SpeechPaused: _rule(interruption.end_sound, SPEAKING),
        TranscriptReceived: _rule(interruption.weigh_words, SPEAKING, PAUSED),
        TurnJudged: _rule(caller.keep_judgement, SPEAKING),
        ClauseStarted: _rule(agent.begin_clause, SPEAKING),
        ClauseMeasured: _rule(agent.measure_clause, SPEAKING),
        ClauseSent: _rule(agent.measure_clause, SPEAKING),
        ClauseHeard: _rule(agent.confirm_clause, SPEAKING),
        ReplyWritten: _rule(tools.reply_written, SPEAKING, ENDING),
        ToolReturned: _rule(tools.keep_result, SPEAKING),
        PlaybackFinished: _rule(
            agent.finish_playback, SPEAKING, LISTENING, HEARING, PAUSED, THINKING, ENDED
        ),
        DigitPressed: _rule(caller.press_digit, SPEAKING),
        AnswererJudged: _rule(notices.meet_answerer, SPEAKING, ENDING, ENDED),
        CallClosing: _rule(notices.close_call, ENDING),
        Timer.DIGITS: _rule(interruption.answer_digits, SPEAKING, THINKING),
        Timer.PLAYBACK: _rule(
            agent.give_up_reply, SPEAKING, LISTENING, HEARING, PAUSED, THINKING, ENDING, ENDED
        ),
        Timer.MAX_CALL: _rule(agent.end_politely, ENDING),
        Timer.TIME_WARNING: _rule(notices.owe_warning, SPEAKING),
        EngineFailed: _rule(
            agent.fail_engine, SPEAKING, LISTENING, HEARING, PAUSED, THINKING, ENDING, ENDED
        ),
        CallEnded: _END,
    },
    HELD: {
        SpeechStarted: _rule(interruption.go_on_speaking, HEARING),
        SoundJudged: _rule(interruption.judge_again, HELD, SPEAKING, HEARING),
        SpeechPaused: _rule(interruption.pause_held, HELD),
        TranscriptReceived: _rule(interruption.weigh_held_words, HELD, SPEAKING, HEARING, PAUSED),
        TurnJudged: _rule(caller.keep_judgement, HELD),
        # What the mouth reported before it was silenced.
        ClauseMeasured: _rule(agent.measure_clause, HELD),
        ClauseSent: _rule(agent.measure_clause, HELD),
        ClauseHeard: _rule(agent.confirm_clause, HELD),
        ReplyWritten: _rule(tools.reply_written, HELD, SPEAKING, ENDING),
        ToolReturned: _rule(tools.keep_result, HELD),
        PlaybackFinished: _rule(
            agent.finish_playback, HELD, LISTENING, HEARING, PAUSED, THINKING, ENDED
        ),
        DigitPressed: _rule(caller.press_digit, HELD),
        AnswererJudged: _rule(notices.meet_answerer, HELD, ENDING, ENDED),
        CallClosing: _rule(notices.close_call, ENDING),
        Timer.HELD: _rule(interruption.give_up_judging, SPEAKING, HEARING),
        Timer.MAX_CALL: _rule(agent.end_politely, ENDING),
        Timer.TIME_WARNING: _rule(notices.owe_warning, HELD),
        EngineFailed: _rule(
            interruption.lose_held_reply,
            *(HELD, SPEAKING, LISTENING, HEARING, PAUSED, THINKING, ENDING, ENDED),
        ),
        CallEnded: _END,
    },
    ENDING: {
        ClauseStarted: _rule(agent.begin_clause, ENDING),
        ClauseMeasured: _rule(agent.measure_clause, ENDING),
        ClauseSent: _rule(agent.measure_clause, ENDING),
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
        TurnJudged, ReplyWritten, ClauseStarted, ClauseMeasured, ClauseSent, ClauseHeard,
        PlaybackFinished, SoundJudged, AnswererJudged, CallClosing, ToolReturned, *Timer,
    ),
    # Reply events are echoes of an attempt that was dropped; pauses those of a closed utterance.
    LISTENING: (
        CallStarted, SpeechPaused, PauseReached, ReplyWritten, ClauseStarted, ClauseMeasured,
        ClauseSent, ClauseHeard, PlaybackFinished, TurnJudged, SoundJudged,
        Timer.TRANSCRIPT, Timer.LAST_NET, Timer.FILLER, Timer.PLAYBACK, Timer.HELD, Timer.NO_WORDS,
    ),
    # Keys wait until the caller has finished; `end_turn` adds them to the words.
    HEARING: (
        CallStarted, SpeechStarted, PauseReached, ClauseStarted, ClauseMeasured, ClauseSent,
        ClauseHeard, PlaybackFinished, TurnJudged, SoundJudged, Timer.HELD,
        Timer.DIGITS, Timer.IDLE, Timer.TRANSCRIPT, Timer.LAST_NET, Timer.FILLER, Timer.PLAYBACK,
    ),
    PAUSED: (
        CallStarted, SpeechPaused, ClauseStarted, ClauseMeasured, ClauseSent, ClauseHeard,
        PlaybackFinished, SoundJudged, Timer.HELD, Timer.NO_WORDS,
        Timer.DIGITS, Timer.IDLE, Timer.LAST_NET, Timer.FILLER, Timer.PLAYBACK,
    ),
    THINKING: (
        CallStarted, PauseReached, ClauseMeasured, ClauseSent, ClauseHeard, PlaybackFinished,
        Timer.DIGITS, Timer.IDLE, Timer.TRANSCRIPT, Timer.PLAYBACK, Timer.HELD,
        Timer.NO_WORDS,
    ),
    SPEAKING: (
        CallStarted, PauseReached,
        Timer.IDLE, Timer.TRANSCRIPT, Timer.LAST_NET, Timer.FILLER, Timer.HELD,
        Timer.NO_WORDS,
    ),
    # A clause that was begun and held in one moment is told of again when it goes on.
    HELD: (
        CallStarted, PauseReached, ClauseStarted, Timer.DIGITS, Timer.IDLE, Timer.TRANSCRIPT,
        Timer.LAST_NET, Timer.FILLER, Timer.PLAYBACK, Timer.NO_WORDS,
    ),
    # The decision to hang up stands; the caller is not answered any more.
    ENDING: (
        CallStarted, SpeechStarted, SpeechPaused, PauseReached, TranscriptReceived, DigitPressed,
        TurnJudged, SoundJudged, ReplyWritten, Timer.DIGITS, Timer.IDLE, Timer.TRANSCRIPT,
        Timer.LAST_NET, Timer.FILLER, Timer.HELD, Timer.NO_WORDS, Timer.MAX_CALL,
        Timer.TIME_WARNING, AnswererJudged, CallClosing, ToolReturned,
    ),
    ENDED: (
        CallStarted, CallClosing, CallEnded, SpeechStarted, SpeechPaused, PauseReached,
        TranscriptReceived,
        EngineFailed, DigitPressed, TurnJudged, SoundJudged, ReplyWritten, ClauseStarted,
        ClauseMeasured, ClauseSent, ClauseHeard, PlaybackFinished, AnswererJudged, ToolReturned,
        *Timer,
    ),
}  # fmt: skip


def key_of(event: Event) -> Key:
    """What to look an event up by."""
    return event.timer if isinstance(event, TimerFired) else type(event)
