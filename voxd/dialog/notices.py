"""Rules about news that come from neither side of the talk. Pure.

Every rule is `(floor, event) -> commands`, sets `floor.state`, and stands in `turns.TABLE`.

The caller is told that the call is nearly over as soon as both are silent, not into a word. And
an outbound call that a machine answers is none of the agent's: the machine gets a message if it
was waited for, nothing otherwise. A call that the daemon cannot wait for is told so before it ends.
"""

from voxd.commands import ClearPlayback, Command, HangUp, PhraseKind
from voxd.dialog.agent_side import abandon, end_with
from voxd.dialog.floor import Floor, State
from voxd.events import AnsweredBy, AnswererJudged, CallClosing, EndReason, Timer, TimerFired

_PEOPLE = (AnsweredBy.HUMAN, AnsweredBy.UNKNOWN)
_LISTENING_MACHINES = (
    AnsweredBy.MACHINE_END_BEEP,
    AnsweredBy.MACHINE_END_SILENCE,
    AnsweredBy.MACHINE_END_OTHER,
)


def warn_of_end(floor: Floor, event: TimerFired) -> list[Command]:
    """The call is nearly over and nobody speaks: say so, if nobody presses keys either."""
    floor.owes_warning = bool(floor.digits)
    if floor.owes_warning:
        return []
    return [
        *floor.stop_timer(Timer.IDLE),
        *floor.say_and_listen(PhraseKind.TIME_WARNING, floor.config.phrases.time_warning),
    ]


def owe_warning(floor: Floor, event: TimerFired) -> list[Command]:
    """The call is nearly over and somebody has the floor: say so after that."""
    floor.owes_warning = True
    return []


def meet_answerer(floor: Floor, event: AnswererJudged) -> list[Command]:
    """It is known who answered an outbound call. With people the talk goes on."""
    if event.by in _PEOPLE:
        return []
    if event.by not in _LISTENING_MACHINES:
        floor.state = State.ENDED
        return [HangUp(EndReason.ANSWERED_BY_MACHINE)]
    message = floor.config.phrases.machine_message
    return [
        *abandon(floor),
        ClearPlayback(),  # the machine has just begun to record
        *end_with(floor, PhraseKind.MACHINE_MESSAGE, message, EndReason.ANSWERED_BY_MACHINE),
    ]


def close_call(floor: Floor, event: CallClosing) -> list[Command]:
    """The daemon stops, and this call has outlived its drain: say so, then hang up."""
    if floor.attempt is not None and floor.attempt.ending is not None:
        floor.next_step = floor.attempt.ending.next_step  # a transfer was promised
    words = floor.config.closing_words
    return end_with(floor, PhraseKind.CLOSING, words, EndReason.SHUTDOWN)
