"""Rules about what the caller says while the reply is being made. Pure.

Every rule is `(floor, event) -> commands`, sets `floor.state`, and stands in `turns.TABLE`.

Before a filler, speech means that the turn was not over: it continues, and the reply is made anew
when it ends (`caller_side.caller_went_on`). After "Let me check that for you." most callers say
"okay", which must not throw away a reply that is late as it is. So the question is settled once
the filler is heard (`filler.settle_question`), and what comes then is an utterance of its own: an
"okay, thank you", a cough or the filler's own echo changes nothing, other words join the question.
First guesses at words count for nothing: what begins as "the" may end as a cough.
"""

from voxd.commands import AwaitPause, ClearPlayback, CloseUtterance, Command, DropReply
from voxd.dialog.backchannel import SURE_ECHO_WORDS, count_meant, is_echo
from voxd.dialog.caller_side import (
    caller_went_on,
    keep_transcript,
    note_overlap_pause,
    talk_over,
    weigh_transcript,
)
from voxd.dialog.filler import take_back
from voxd.dialog.floor import Floor, State, Utterance
from voxd.dialog.nets import watch_words
from voxd.dialog.tool_rounds import call_off
from voxd.events import SpeechPaused, SpeechStarted, Timer, TranscriptReceived

SURE_WORDS = 3
"""So many words of a caller who is still speaking, though they may be revised, are no misheard
noise. For fewer, the reply, which is late as it is, is not thrown away until they are final."""


def hear_speech(floor: Floor, event: SpeechStarted) -> list[Command]:
    """The caller speaks: the turn continues, or it is said to a filler."""
    if not _is_bridged(floor):
        return caller_went_on(floor, event)
    if not floor.utterance.has_speech and event.speech_start < floor.spoken_until:
        floor.utterance.over = floor.spoken
    return talk_over(floor, event)


def note_pause(floor: Floor, event: SpeechPaused) -> list[Command]:
    """What was said to a filler is over: get the words."""
    if _is_bridged(floor):
        return note_overlap_pause(floor, event)
    floor.utterance.is_speaking = False  # a noise behind the words is over
    return []


def weigh_words(floor: Floor, event: TranscriptReceived) -> list[Command]:
    """What was said to a filler. Words of the question itself, revised now, come too late."""
    if not _is_bridged(floor) or not floor.utterance.has_speech:
        return []
    keep_transcript(floor, event)
    utterance = floor.utterance
    is_settled = utterance.is_transcribed and utterance.is_final
    is_own = is_echo(utterance.text, floor.last_filler) or is_echo(
        utterance.text, utterance.over, SURE_ECHO_WORDS
    )
    meant = 0 if is_own else count_meant(utterance.text)
    if not is_settled and not (utterance.is_speaking and meant >= SURE_WORDS):
        return []
    if not meant:
        floor.utterance = Utterance()
        return [CloseUtterance(utterance.speech_end)]
    commands = _reopen(floor)
    if utterance.is_speaking:
        floor.state = State.HEARING
        return [*commands, *watch_words(floor)]
    floor.state = State.PAUSED
    return [*commands, AwaitPause(floor.waits.unknown_s), *weigh_transcript(floor, event)]


def _reopen(floor: Floor) -> list[Command]:
    """The question goes on: drop the reply to its first part, which the next one answers too."""
    attempt = floor.attempt
    assert attempt is not None
    if attempt.user is not None:  # else something was done for it, and it is a turn of its own
        floor.history.add_aside(attempt.user)
        floor.turn -= 1
    call_off(attempt)
    floor.attempt = None
    return [
        DropReply(attempt.reply_id),
        *take_back(floor),
        ClearPlayback(),
        *floor.stop_timer(Timer.LAST_NET),
    ]


def _is_bridged(floor: Floor) -> bool:
    return floor.attempt is not None and floor.attempt.is_bridged
