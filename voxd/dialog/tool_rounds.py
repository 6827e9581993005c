"""From a reply that had tools asked to the reply that tells what they answered. Pure.

The steps that the rules of both sides share; the rules themselves are in `tool_side`.
"""

from voxd.commands import Command, HangUp, StartReply
from voxd.dialog.filler import await_reply
from voxd.dialog.floor import Attempt, Floor, State
from voxd.events import Timer

LATE = "(What you asked for before has been answered by now. Tell me about it.)"
"""Said to the model in the caller's name, and kept nowhere."""
INTERRUPTED = "Not done: the caller went on talking."
"""The result of a tool that was to end the call after words that the caller broke into."""

GO_ON = "(The line to you broke off before you had done what you just said you would. Do it now.)"
"""What the model is told when its call of a tool broke off behind words that were heard."""


def go_on_after(floor: Floor, attempt: Attempt) -> list[Command] | None:
    """The reply was heard to its end; what it had done decides what comes now.

    Returns:
        None where nothing is to be told: it is the caller's turn.
    """
    if attempt.ending is not None:
        return hang_up_after(floor, attempt.ending)
    if not attempt.must_tell:
        return None
    if attempt.round is None:
        return _follow_up(floor, attempt.rounds + 1, attempt.faults, GO_ON)
    floor.attempt = attempt
    attempt.was_heard = True
    if attempt.round.is_complete:
        return tell_results(floor)
    floor.state = State.THINKING
    net_s = longest_wait_s(floor) + floor.config.call.last_net_s
    return [floor.start_timer(Timer.LAST_NET, net_s), *await_reply(floor)]


def tell_results(floor: Floor) -> list[Command]:
    """Every tool of the reply has answered: ask for the next reply, which knows the answers."""
    before = floor.attempt
    assert before is not None
    return _follow_up(floor, before.rounds + 1, before.faults)


def tell_late(floor: Floor) -> list[Command]:
    """Nobody speaks, and the caller does not know yet what a tool has answered: tell it."""
    return _follow_up(floor, 1, 0, LATE)


def _follow_up(floor: Floor, rounds: int, faults: int, ask: str | None = None) -> list[Command]:
    reply_id = floor.next_reply_id()
    floor.attempt = Attempt(
        reply_id, user=None, phrase=None, is_bridged=True, rounds=rounds, faults=faults
    )
    floor.has_untold = False
    floor.ledger.clear()
    floor.state = State.THINKING
    return [
        StartReply(floor.turn, reply_id, True, floor.history.prompt(ask), is_follow_up=True),
        floor.start_timer(Timer.LAST_NET, floor.config.call.last_net_s),
    ]


def hang_up_after(floor: Floor, ending: HangUp) -> list[Command]:
    """The last word was heard: give up the line."""
    floor.state = State.ENDED
    return [ending]


def call_off(attempt: Attempt) -> None:
    """The caller broke into the words after which the call was to end: it does not."""
    if attempt.ending is not None and attempt.round is not None:
        for call in attempt.round.calls:
            attempt.round.results[call.id] = INTERRUPTED
        attempt.ending = None


def longest_wait_s(floor: Floor) -> float:
    """How long the tools that are asked now may take."""
    tools = floor.config.tools
    return max((tools[call.name].deadline_s for _, call in floor.asked.values()), default=0.0)
