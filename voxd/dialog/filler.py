"""A sentence for the wait, when a committed reply is late: "Let me check that for you." Pure.

The reply goes on being made and stays the attempt on the floor: the filler is no answer, enters
no history, moves no ledger and ends no wait. It is said once for each reply, and a caller who goes
on takes it back together with the reply (`waiting`).
"""

from collections.abc import Sequence

from voxd.commands import CloseUtterance, Command, DropReply, PhraseKind, Say
from voxd.dialog.floor import Floor, Utterance
from voxd.events import Timer, TimerFired


def await_reply(floor: Floor) -> list[Command]:
    """The turn is over: see whether its reply is audible within the tier's limit."""
    limit_s = floor.tier.filler_after_s
    if not limit_s or floor.filler is not None:
        return []
    return [floor.start_timer(Timer.FILLER, limit_s)]


def fill_wait(floor: Floor, event: TimerFired) -> list[Command]:
    """The reply is late: say that it is being made.

    A language's only filler is left out for once where it would be said twice in a row.
    """
    text = choose_filler(floor.config.phrases.fillers, floor.last_filler)
    floor.last_filler = text
    if not text:
        return []
    floor.filler = floor.next_reply_id()
    attempt = floor.attempt
    has_own_words = attempt is not None and attempt.clauses and not attempt.was_heard
    asks_tools = attempt is not None and attempt.round is not None and not has_own_words
    return [Say(floor.filler, text, PhraseKind.BRIDGE if asks_tools else PhraseKind.FILLER)]


def settle_question(floor: Floor) -> list[Command]:
    """The filler is heard: what the caller says from now on is not part of the question."""
    attempt = floor.attempt
    if attempt is None or attempt.phrase is not None or attempt.is_bridged or attempt.is_audible:
        return []
    attempt.is_bridged = True
    until = floor.utterance.speech_end
    floor.utterance = Utterance(is_speaking=floor.utterance.is_speaking)
    return [CloseUtterance(until)]


def take_back(floor: Floor) -> list[Command]:
    """The caller goes on: no filler may sound, now or later in this turn."""
    drop: list[Command] = [] if floor.filler is None else [DropReply(floor.filler)]
    return [*drop, *floor.stop_timer(Timer.FILLER)]


def choose_filler(texts: Sequence[str], last: str) -> str:
    """The text after the last one, in turns; empty when there is no other."""
    following = texts.index(last) + 1 if last in texts else 0
    text = texts[following % len(texts)] if texts else ""
    return "" if text == last else text
