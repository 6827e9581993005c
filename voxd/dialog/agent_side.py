"""Rules about the agent: replies, playback, failures, endings. Pure.

Every rule is `(floor, event) -> commands`, sets `floor.state`, and stands in `turns.TABLE`.
"""

from voxd.commands import (
    CloseUtterance,
    Command,
    DropReply,
    HangUp,
    PhraseKind,
    PreparePrompt,
)
from voxd.dialog.caller_side import resume_after_reply
from voxd.dialog.filler import settle_question
from voxd.dialog.floor import Attempt, Floor, State, Utterance
from voxd.dialog.speculation import drop_guess, is_guess
from voxd.dialog.tool_rounds import go_on_after, hang_up_after
from voxd.events import (
    CallEnded,
    CallStarted,
    ClauseHeard,
    ClauseMeasured,
    ClauseSent,
    ClauseStarted,
    EndReason,
    EngineFailed,
    Kind,
    PlaybackFinished,
    ReplyWritten,
    Timer,
    TimerFired,
)

MAX_FAILURES = 3
"""Turns in a row that may end in an apology; then the call ends with the failure phrase."""
ENDING_S = 15.0
"""The last phrase may take this long to begin; then the call is hung up without it."""


def greet(floor: Floor, event: CallStarted) -> list[Command]:
    """The call begins: greet, and have the model read its prompt meanwhile."""
    floor.reprompts_left = floor.config.call.reprompts
    return [
        *floor.say_and_listen(PhraseKind.GREETING, floor.config.phrases.greeting),
        PreparePrompt(floor.history.prompt()),
        floor.start_timer(Timer.MAX_CALL, floor.config.call.max_call_s),
        *_announce_end(floor),
    ]


def begin_clause(floor: Floor, event: ClauseStarted) -> list[Command]:
    """The first clause makes the turn history; each one moves the ledger on."""
    attempt = floor.attempt
    if event.reply_id == floor.filler:
        return settle_question(floor)
    if attempt is None or attempt.reply_id != event.reply_id:
        return []
    commands: list[Command] = []
    floor.ledger.start_clause(event.clause, event.text, event.heard_at, event.from_s)
    if not attempt.is_audible:
        attempt.is_audible = True
        if attempt.user is not None:
            commands += file_question(floor, attempt)
        if attempt.phrase is None:
            floor.failures = 0
            floor.reprompts_left = floor.config.call.reprompts
        commands += floor.stop_timer(Timer.LAST_NET)
        commands += floor.stop_timer(Timer.FILLER)
        floor.filler = None
        if floor.state is State.THINKING:
            floor.state = State.SPEAKING
    return [*commands, _watch_playback(floor, event.at)]


def measure_clause(floor: Floor, event: ClauseMeasured | ClauseSent) -> list[Command]:
    """It is known how long a clause lasts, perhaps even when each word is spoken."""
    if not floor.is_current(event.reply_id):
        return []
    words = event.words if isinstance(event, ClauseMeasured) else ()
    floor.ledger.measure_clause(event.clause, event.duration_s, words)
    return [_watch_playback(floor, event.at)]


def confirm_clause(floor: Floor, event: ClauseHeard) -> list[Command]:
    """A clause was heard to its end."""
    if floor.is_current(event.reply_id):
        floor.ledger.confirm(event.clause)
    return []


def reply_written(floor: Floor, event: ReplyWritten) -> list[Command]:
    """The model is done. One that said nothing is asked for by a phrase instead."""
    attempt = floor.attempt
    if attempt is None or attempt.reply_id != event.reply_id:
        return []
    attempt.clauses = event.clauses
    if event.clauses == 0 and attempt.phrase is None and not attempt.is_audible:
        return [
            *abandon(floor),
            *floor.say_and_listen(PhraseKind.DID_NOT_CATCH, floor.config.phrases.did_not_catch),
        ]
    return []


def finish_playback(floor: Floor, event: PlaybackFinished) -> list[Command]:
    """The reply or phrase was heard to its end: the caller's turn."""
    attempt = floor.attempt
    if attempt is None or attempt.reply_id != event.reply_id:
        return []
    floor.note_heard(attempt, floor.ledger.text())
    floor.spoken, floor.spoken_until = floor.ledger.text(), event.at
    if floor.utterance.has_speech:
        floor.utterance.over = floor.spoken
    floor.attempt = None
    floor.ledger.clear()
    stop = [*floor.stop_timer(Timer.PLAYBACK), *floor.stop_timer(Timer.HELD)]
    to_do = go_on_after(floor, attempt)
    if to_do is not None:
        return [*stop, *to_do]
    return [
        *stop,
        *resume_after_reply(floor, event.at),
        *_read_ahead(floor, attempt),
    ]


def fail_engine(floor: Floor, event: EngineFailed) -> list[Command]:
    """An engine is gone for good: apologise for the turn, or for the call."""
    if event.kind is Kind.STT:
        return end_with(
            floor, PhraseKind.FAILURE, floor.config.last_words, EndReason.ENGINES_FAILED
        )
    if is_guess(floor, event.reply_id):
        return drop_guess(floor)  # nobody waits for it; the turn's end starts a new one
    if event.reply_id is None or not floor.is_current(event.reply_id):
        return []
    attempt = floor.attempt
    assert attempt is not None
    if attempt.phrase is None:
        return apologise(floor)
    # Not even a phrase can be said. Silence would be dead air: after a few, end the call.
    floor.failures += 1
    commands = abandon(floor)
    if floor.failures >= MAX_FAILURES:
        floor.state = State.ENDED
        return [*commands, HangUp(EndReason.ENGINES_FAILED)]
    return [*commands, *resume_after_reply(floor, event.at)]


def give_up_reply(floor: Floor, event: TimerFired) -> list[Command]:
    """The last net: no reply is audible, or one that sounds has stopped moving."""
    if floor.attempt is not None and floor.attempt.phrase is not None:
        return [*abandon(floor), *resume_after_reply(floor, event.at)]
    return apologise(floor)


def ask_whether_there(floor: Floor, event: TimerFired) -> list[Command]:
    """The caller has said nothing for a while."""
    if floor.reprompts_left == 0:
        return end_politely(floor, event)
    floor.reprompts_left -= 1
    return floor.say_and_listen(PhraseKind.REPROMPT, floor.config.phrases.reprompt)


def end_politely(floor: Floor, event: TimerFired) -> list[Command]:
    """Say goodbye, then hang up: nobody is there, or the call has lasted as long as it may."""
    if floor.attempt is not None and floor.attempt.ending is not None:
        floor.next_step = floor.attempt.ending.next_step  # a transfer was promised
    goodbye = floor.config.phrases.goodbye
    return end_with(floor, PhraseKind.GOODBYE, goodbye, EndReason.AGENT_HUNG_UP)


def hang_up(floor: Floor, event: PlaybackFinished | EngineFailed | TimerFired) -> list[Command]:
    """The last phrase was heard, or cannot be said."""
    if isinstance(event, EngineFailed) and event.reply_id is None:
        return []
    if not isinstance(event, TimerFired) and not floor.is_current(event.reply_id or 0):
        return []
    assert floor.end_reason is not None
    floor.state = State.ENDED
    return [HangUp(floor.end_reason, floor.next_step)]


def end(floor: Floor, event: CallEnded) -> list[Command]:
    """The transport is gone; the shell cleans up by itself."""
    floor.state = State.ENDED
    return []


def _announce_end(floor: Floor) -> list[Command]:
    limits = floor.config.call
    if not 0 < limits.warn_s < limits.max_call_s:
        return []
    return [floor.start_timer(Timer.TIME_WARNING, limits.max_call_s - limits.warn_s)]


def _watch_playback(floor: Floor, at: float) -> Command:
    """What sounds must come to its end; one that stops moving is caught by the last net."""
    remaining_s = max(0.0, floor.ledger.ends_at(at) - at)
    return floor.start_timer(Timer.PLAYBACK, remaining_s + floor.config.call.last_net_s)


def abandon(floor: Floor) -> list[Command]:
    """Drop the attempt; what it sent already is heard, so it and the question become history."""
    attempt = floor.attempt
    if attempt is None:
        return []
    commands: list[Command] = [
        DropReply(attempt.reply_id),
        *floor.stop_timer(Timer.LAST_NET),
        *floor.stop_timer(Timer.FILLER),
        *floor.stop_timer(Timer.PLAYBACK),
    ]
    if attempt.user is not None and not attempt.is_audible:
        commands += file_question(floor, attempt)
    floor.note_heard(attempt, floor.ledger.text())
    floor.attempt = None
    floor.ledger.clear()
    return commands


def file_question(floor: Floor, attempt: Attempt) -> list[Command]:
    """What the caller asked is history; what is said from now on is something else."""
    floor.history.add_user(attempt.user or "")
    if attempt.is_bridged:  # done when the filler was heard; the caller may be speaking again
        return []
    until = floor.utterance.speech_end
    floor.utterance = Utterance(is_speaking=floor.utterance.is_speaking)  # a noise behind the words
    return [CloseUtterance(until)]


def apologise(floor: Floor) -> list[Command]:
    """There will be no answer: say so, in the end for the whole call."""
    attempt = floor.attempt
    if attempt is not None and attempt.ending is not None:  # there was only a goodbye left to say
        return [*abandon(floor), *hang_up_after(floor, attempt.ending)]
    floor.failures += 1
    config = floor.config
    if floor.failures >= MAX_FAILURES:
        return end_with(floor, PhraseKind.FAILURE, config.last_words, EndReason.ENGINES_FAILED)
    return [*abandon(floor), *floor.say_and_listen(PhraseKind.TOO_SLOW, config.phrases.too_slow)]


def end_with(floor: Floor, phrase: PhraseKind, text: str, reason: EndReason) -> list[Command]:
    """Say this to its end, whatever was going on, then hang up."""
    commands = [*drop_guess(floor), *abandon(floor)]
    timers = (Timer.IDLE, Timer.TRANSCRIPT, Timer.DIGITS, Timer.HELD)
    for timer in (*timers, Timer.MAX_CALL, Timer.TIME_WARNING):
        commands += floor.stop_timer(timer)
    floor.end_reason = reason
    floor.state = State.ENDING
    return [*commands, *floor.say(phrase, text, begins_within_s=ENDING_S)]


def _read_ahead(floor: Floor, heard: Attempt) -> list[Command]:
    """Have the model read the conversation up to the caller's next word while nobody waits.

    That is the little between a reply and that word (a quarter of what a turn has to read, measured
    on the local model), the reply where history tells it otherwise than the model wrote it, and all
    of it after old messages were dropped.
    """
    if heard.phrase is PhraseKind.GREETING or floor.guess is not None or floor.attempt is not None:
        return []
    return [PreparePrompt(floor.history.prompt())]
