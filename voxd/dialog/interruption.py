"""Rules about sounds that the caller makes while the agent speaks. Pure.

Every rule is `(floor, event) -> commands`, sets `floor.state`, and stands in `turns.TABLE`.

The ear says what a sound is (`SoundJudged`). One that takes the floor silences the agent at once
(HELD), but nothing is lost by that: the reply is kept until it is sure that somebody has said
something. It is sure when the sound lasts longer than any "uh-huh", when the caller goes on, or by
the words. When it was nothing after all, the agent goes on where it stopped. An "okay" into the
reply's last words is not nothing: it is the answer to them, and they need not be finished.

What the ear was unsure about does not silence the agent; its words may, a little later.
On tiers without interruptions nothing silences the agent (`caller_side.talk_over`).
"""

from voxd.commands import (
    AwaitPause,
    ClearPlayback,
    CloseUtterance,
    Command,
    DropReply,
    HoldPlayback,
    ResumePlayback,
)
from voxd.dialog.agent_side import begin_clause, fail_engine
from voxd.dialog.backchannel import SURE_ECHO_WORDS, is_backchannel, is_echo
from voxd.dialog.caller_side import (
    OVERLAP_TURN_S,
    close_aside,
    keep_transcript,
    note_overlap_pause,
    talk_over,
    weigh_transcript,
)
from voxd.dialog.caller_side import answer_digits as answer_keys
from voxd.dialog.floor import Floor, State, Utterance
from voxd.dialog.nets import watch_words
from voxd.dialog.tool_rounds import call_off
from voxd.events import (
    ClauseStarted,
    EngineFailed,
    Kind,
    SoundJudged,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TimerFired,
    TranscriptReceived,
    Verdict,
)

HOLD_S = 0.4
"""A sound that goes on for this long after it silenced the agent is no "uh-huh" (design: judged
within about 400 ms)."""
WORDS_S = 0.6
"""Words that would decide may come this late after the sound; then the agent goes on. Whisper
takes 0.1 to 0.2 s on a core, Deepgram about 0.25 s. Words that come later still decide."""


def begin_sound(floor: Floor, event: SpeechStarted) -> list[Command]:
    """A sound begins while the agent speaks. An "uh-huh" before it is context now: several of them
    do not add up to a turn. One that is the last thing said to the reply stays open as its answer.
    """
    utterance = floor.utterance
    is_settled = utterance.has_speech and utterance.is_transcribed and utterance.is_final
    is_open = utterance.is_answer or _is_ending(floor, utterance.speech_end)
    if not floor.tier.interruptions or not is_settled or is_open or not _is_nothing(floor):
        return talk_over(floor, event)
    utterance.over = floor.ledger.text()
    return [*close_aside(floor), *talk_over(floor, event)]


def judge_sound(floor: Floor, event: SoundJudged) -> list[Command]:
    """The agent speaks, and the ear has made up its mind about a sound."""
    floor.utterance.verdict = event.verdict
    if not floor.tier.interruptions or event.verdict is not Verdict.SPEECH:
        return []
    return _hold(floor, event.at)


def keep_verdict(floor: Floor, event: SoundJudged) -> list[Command]:
    """What a sound is that came over a filler: it is told once, and may outlast the wait."""
    floor.utterance.verdict = event.verdict
    return []


def begin_reply(floor: Floor, event: ClauseStarted) -> list[Command]:
    """The reply that was waited for begins, but not over a caller who is talking by now."""
    commands = begin_clause(floor, event)
    utterance = floor.utterance
    is_talking = utterance.is_speaking and utterance.verdict is Verdict.SPEECH
    if floor.state is not State.SPEAKING or not floor.tier.interruptions or not is_talking:
        return commands
    return [*commands, *_hold(floor, event.at)]


def end_sound(floor: Floor, event: SpeechPaused) -> list[Command]:
    """A sound is over while the agent speaks: get the words, unless there are none.

    A noise after words is transcribed with them: the pause that ends them is the one after it.
    """
    utterance = floor.utterance
    if utterance.verdict is not Verdict.NOISE:
        return note_overlap_pause(floor, event)
    utterance.verdict, utterance.is_speaking = None, False
    if utterance.has_speech:
        return note_overlap_pause(floor, event)
    floor.utterance = Utterance()
    return [CloseUtterance(event.speech_end)]


def weigh_words(floor: Floor, event: TranscriptReceived) -> list[Command]:
    """Words said over the agent, which goes on so far: they stop it if they mean to."""
    keep_transcript(floor, event)
    attempt, utterance = floor.attempt, floor.utterance
    has_words = utterance.has_speech and utterance.is_transcribed and utterance.is_final
    if not floor.tier.interruptions or attempt is None or not has_words or _is_nothing(floor):
        return []
    floor.ledger.hold(event.at)
    return [ClearPlayback(), *_take_floor(floor), *_await_end(floor, event)]


def answer_digits(floor: Floor, event: TimerFired) -> list[Command]:
    """Keys were pressed over the agent, and no more come: nobody presses one by accident."""
    if not floor.tier.interruptions or not floor.digits or floor.utterance.is_speaking:
        return []  # they are answered when the agent, or the caller, has finished
    floor.ledger.hold(event.at)
    return [ClearPlayback(), *_take_floor(floor), *answer_keys(floor, event)]


# --- held: the agent is silent, and it is not known yet why ----------------------------------


def judge_again(floor: Floor, event: SoundJudged) -> list[Command]:
    """The sound that silenced the agent is over, and the ear knows all of it now."""
    floor.utterance.verdict = event.verdict
    if event.verdict is Verdict.NOISE:
        return _go_on(floor)
    return _hear_out(floor) if event.verdict is Verdict.SPEECH else []


def pause_held(floor: Floor, event: SpeechPaused) -> list[Command]:
    """It was short: its words decide, if they come soon."""
    return [*note_overlap_pause(floor, event), floor.start_timer(Timer.HELD, WORDS_S)]


def go_on_speaking(floor: Floor, event: SpeechStarted) -> list[Command]:
    """The caller says more: the floor is theirs."""
    return _hear_out(floor)


def weigh_held_words(floor: Floor, event: TranscriptReceived) -> list[Command]:
    """The words of the sound, or the first of them."""
    keep_transcript(floor, event)
    utterance = floor.utterance
    if utterance.is_transcribed:
        if not _is_nothing(floor) or _is_answer(floor):
            return [*_take_floor(floor), *_await_end(floor, event)]
        return _go_on(floor) if event.is_final else []
    if _is_nothing(floor):
        return []
    if utterance.is_speaking:
        return _hear_out(floor)
    floor.state = State.PAUSED  # the rest of the words is on its way
    return [*_take_floor(floor), AwaitPause(floor.waits.unknown_s)]


def give_up_judging(floor: Floor, event: TimerFired) -> list[Command]:
    """Too long for an "uh-huh": a turn. Or over, and its words are late: go on meanwhile."""
    return _hear_out(floor) if floor.utterance.is_speaking else _go_on(floor)


def lose_held_reply(floor: Floor, event: EngineFailed) -> list[Command]:
    """What was held cannot be finished: no apology now, the caller may be speaking."""
    attempt = floor.attempt
    if event.kind is Kind.STT:
        return fail_engine(floor, event)
    if attempt is None or attempt.reply_id != event.reply_id:
        return []
    if floor.utterance.is_speaking:
        return _hear_out(floor)
    if attempt.is_audible:
        return _go_on(floor)
    return [*floor.stop_timer(Timer.HELD), *fail_engine(floor, event)]  # nothing can go on


def _is_nothing(floor: Floor) -> bool:
    utterance = floor.utterance
    least_words = SURE_ECHO_WORDS if utterance.has_silenced else 1
    is_heard_back = is_echo(utterance.text, floor.ledger.text(), least_words)
    is_late_echo = is_echo(utterance.text, utterance.over, SURE_ECHO_WORDS)
    return is_heard_back or is_late_echo or is_backchannel(utterance.text)


def _is_answer(floor: Floor) -> bool:
    """Whether an "okay" was said to the last words of the reply."""
    utterance = floor.utterance
    return utterance.is_answer and bool(utterance.text) and is_backchannel(utterance.text)


def _is_ending(floor: Floor, at: float) -> bool:
    """Whether the reply is as good as over for the caller."""
    clauses = floor.attempt.clauses if floor.attempt is not None else None
    if clauses is None or not floor.ledger.has_begun(clauses - 1):
        return False
    return floor.ledger.ends_at(at) - at <= OVERLAP_TURN_S


def _hold(floor: Floor, at: float) -> list[Command]:
    """Silence the agent until it is known what this is."""
    attempt = floor.attempt
    assert attempt is not None
    utterance = floor.utterance
    utterance.is_speaking = utterance.has_silenced = True
    utterance.is_answer = utterance.is_answer or _is_ending(floor, at)
    floor.ledger.hold(at)
    floor.state = State.HELD
    return [
        HoldPlayback(attempt.reply_id),
        *floor.stop_timer(Timer.PLAYBACK),
        floor.start_timer(Timer.HELD, HOLD_S),
    ]


def _go_on(floor: Floor) -> list[Command]:
    """It was nothing: the agent speaks again."""
    attempt = floor.attempt
    assert attempt is not None
    floor.state = State.SPEAKING
    return [
        ResumePlayback(attempt.reply_id),
        *floor.stop_timer(Timer.HELD),
        floor.start_timer(Timer.PLAYBACK, floor.config.call.last_net_s),
    ]


def _hear_out(floor: Floor) -> list[Command]:
    """It is a turn of the caller's, who is still speaking."""
    floor.utterance.is_speaking = True
    floor.state = State.HEARING
    return [*_take_floor(floor), *watch_words(floor)]


def _await_end(floor: Floor, event: TranscriptReceived) -> list[Command]:
    """It is a turn of the caller's, who has paused after these words."""
    floor.state = State.PAUSED
    return weigh_transcript(floor, event)


def _take_floor(floor: Floor) -> list[Command]:
    """The reply ends here; what was heard of it is history."""
    attempt = floor.attempt
    assert attempt is not None
    floor.note_heard(attempt, floor.ledger.heard(0.0))
    call_off(attempt)
    if attempt.round is not None and attempt.must_tell and attempt.round.results:
        floor.has_untold = True  # a tool has answered, and this was to tell it
    floor.attempt = None
    floor.ledger.clear()
    return [
        DropReply(attempt.reply_id),
        *floor.stop_timer(Timer.HELD),
        *floor.stop_timer(Timer.PLAYBACK),
    ]
