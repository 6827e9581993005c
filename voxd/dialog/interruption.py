"""Rules about sounds that the caller makes while the agent speaks. Pure.

Every rule is `(floor, event) -> commands`, sets `floor.state`, and stands in `turns.TABLE`.

The ear says what a sound is (`SoundJudged`). One that takes the floor silences the agent at once
(HELD), but nothing is lost by that: the reply is kept until it is sure that somebody has said
something. It is sure when the sound lasts longer than any "uh-huh", when the caller goes on, or by
the words. When it was nothing after all, the agent goes on where it stopped.

What the ear was unsure about does not silence the agent; its words may, a little later.
On tiers without interruptions nothing silences the agent (`caller_side.talk_over`).
"""

from voxd.commands import (
    ClearPlayback,
    CloseUtterance,
    Command,
    DropReply,
    HoldPlayback,
    PhraseKind,
    ResumePlayback,
)
from voxd.dialog.agent_side import fail_engine
from voxd.dialog.backchannel import is_backchannel, is_echo
from voxd.dialog.caller_side import keep_transcript, note_overlap_pause, weigh_transcript
from voxd.dialog.floor import Floor, State, Utterance
from voxd.events import (
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


def judge_sound(floor: Floor, event: SoundJudged) -> list[Command]:
    """The agent speaks, and the ear has made up its mind about a sound."""
    attempt = floor.attempt
    floor.utterance.is_noise = event.verdict is Verdict.NOISE
    if not floor.tier.interruptions or attempt is None or event.verdict is not Verdict.SPEECH:
        return []
    floor.ledger.hold(event.at)
    floor.utterance.is_speaking = True
    floor.state = State.HELD
    return [
        HoldPlayback(attempt.reply_id),
        *floor.stop_timer(Timer.PLAYBACK),
        floor.start_timer(Timer.HELD, HOLD_S),
    ]


def end_sound(floor: Floor, event: SpeechPaused) -> list[Command]:
    """A sound is over while the agent speaks: get the words, unless there are none."""
    utterance = floor.utterance
    if not utterance.is_noise:
        return note_overlap_pause(floor, event)
    utterance.is_noise = utterance.is_speaking = False
    if utterance.has_speech:
        return []
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


# --- held: the agent is silent, and it is not known yet why ----------------------------------


def judge_again(floor: Floor, event: SoundJudged) -> list[Command]:
    """The sound that silenced the agent is over, and the ear knows all of it now."""
    floor.utterance.is_noise = event.verdict is Verdict.NOISE
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
    if not floor.utterance.is_transcribed:
        return [] if _is_nothing(floor) else _hear_out(floor)
    if not _is_nothing(floor):
        return [*_take_floor(floor), *_await_end(floor, event)]
    return _go_on(floor) if event.is_final else []


def give_up_judging(floor: Floor, event: TimerFired) -> list[Command]:
    """Too long for an "uh-huh": a turn. Or over, and its words are late: go on meanwhile."""
    return _hear_out(floor) if floor.utterance.is_speaking else _go_on(floor)


def lose_held_reply(floor: Floor, event: EngineFailed) -> list[Command]:
    """What was held cannot be finished: no apology now, the caller may be speaking."""
    if event.kind is Kind.STT:
        return fail_engine(floor, event)
    if event.reply_id is None or not floor.is_current(event.reply_id):
        return []
    return _hear_out(floor) if floor.utterance.is_speaking else _go_on(floor)


def _is_nothing(floor: Floor) -> bool:
    text = floor.utterance.text
    return is_backchannel(text) or is_echo(text, floor.ledger.text())


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
    return _take_floor(floor)


def _await_end(floor: Floor, event: TranscriptReceived) -> list[Command]:
    """It is a turn of the caller's, who has paused after these words."""
    floor.state = State.PAUSED
    return weigh_transcript(floor, event)


def _take_floor(floor: Floor) -> list[Command]:
    """The reply ends here; what was heard of it is history."""
    attempt = floor.attempt
    assert attempt is not None
    if attempt.phrase is not PhraseKind.GREETING:
        floor.history.add_agent(floor.ledger.heard(0.0))
    floor.attempt = None
    floor.ledger.clear()
    return [
        DropReply(attempt.reply_id),
        *floor.stop_timer(Timer.HELD),
        *floor.stop_timer(Timer.PLAYBACK),
    ]
