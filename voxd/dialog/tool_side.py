"""Rules about tools: what a committed reply wants done, and what came of it. Pure.

Every rule is `(floor, event) -> commands`, sets `floor.state`, and stands in `turns.TABLE`.

A tool is asked once its reply is committed, and at once: words of the reply that sound first
bridge the wait. From then on the question is history with what was done about it, whatever the
caller says next: nothing is done twice because somebody says "okay" to a filler. So, as after a
filler, what the caller says meanwhile is an utterance of its own (`waiting`). Other words than
"okay" get a reply of their own; what the tool answers is told after it.

A call that is wrong is told to the model, once for each question; the second time the caller
gets the apology. `end_call` and its like are done when the reply was heard to its last word, and
only if the caller did not break into it.
"""

import json
from collections.abc import Callable
from typing import Any

from voxd.commands import (
    CallTool,
    Command,
    HangUp,
    NextStep,
    PhraseKind,
    SendDigits,
    TakeMessage,
    Transfer,
)
from voxd.dialog import agent_side, caller_side
from voxd.dialog.floor import Attempt, Floor
from voxd.dialog.history import ToolRound
from voxd.dialog.tool_rounds import hang_up_after, longest_wait_s, tell_late, tell_results
from voxd.dialog.tools import filed_call, judge_call
from voxd.events import (
    CUT_CALL,
    EndReason,
    Event,
    ReplyWritten,
    Timer,
    ToolCall,
    ToolReturned,
)
from voxd.settings.tools import BUILT_IN, END_CALL, SEND_DIGITS, TAKE_MESSAGE, TRANSFER_CALL

MAX_CALLS = 4
"""Calls of one reply that are done; more are a model gone wild."""
MAX_ROUNDS = 5
"""Replies in a row that may have tools asked before the caller hears an answer."""
FILLER_S = 0.5
"""A tool that has been asked and is not bridged by words is worth a filler this soon: a reply must
still be made of its answer."""
_ENDINGS = (END_CALL, TRANSFER_CALL, TAKE_MESSAGE)


def reply_written(floor: Floor, event: ReplyWritten) -> list[Command]:
    """The committed reply is complete, and perhaps it wants something done."""
    attempt = floor.attempt
    if attempt is None or attempt.reply_id != event.reply_id:
        return []
    if attempt.phrase is not None or not event.tool_calls:
        # Its words may have promised what was not done: they do not end the turn.
        attempt.must_tell = event.finish_reason == CUT_CALL and attempt.rounds < MAX_ROUNDS
        return agent_side.reply_written(floor, event)
    attempt.clauses = event.clauses
    return _ask(floor, attempt, event.tool_calls, event.at)


def note_guess(floor: Floor, event: ReplyWritten) -> list[Command]:
    """A guess is complete. What it wants done waits for its commit."""
    if floor.guess is None or floor.guess.reply_id != event.reply_id or not event.tool_calls:
        return caller_side.note_guess(floor, event)
    floor.guess.clauses = event.clauses
    floor.guess.tool_calls = event.tool_calls
    return []


def after(step: Callable[[Floor, Any], list[Command]]) -> Callable[[Floor, Any], list[Command]]:
    """A rule that may commit a guess: what that wants done is done now."""

    def with_tools(floor: Floor, event: Event) -> list[Command]:
        commands = step(floor, event)
        attempt = floor.attempt
        if attempt is None or not attempt.tool_calls:
            return commands
        calls, attempt.tool_calls = attempt.tool_calls, ()
        return [*commands, *_ask(floor, attempt, calls, event.at)]

    return with_tools


def keep_result(floor: Floor, event: ToolReturned) -> list[Command]:
    """A tool has answered: history, whatever became of the reply that asked it."""
    asked = floor.asked.pop(event.request_id, None)
    if asked is not None:
        calls, call = asked
        calls.results[call.id] = event.content
        if floor.attempt is None or floor.attempt.round is not calls:
            floor.has_untold = True
    return []


def tell_result(floor: Floor, event: ToolReturned) -> list[Command]:
    """A tool has answered while nobody speaks: what it was asked for was left for other words."""
    keep_result(floor, event)
    if not floor.has_untold or floor.digits:
        return []
    return [*floor.stop_timer(Timer.IDLE), *tell_late(floor)]


def weigh_result(floor: Floor, event: ToolReturned) -> list[Command]:
    """A tool has answered while the caller waits for it."""
    keep_result(floor, event)
    attempt = floor.attempt
    if attempt is None or attempt.round is None or not attempt.round.is_complete:
        return []
    if (attempt.clauses or attempt.is_audible) and not attempt.was_heard:
        return []  # its own words come first, and sound any moment
    return tell_results(floor)


def _ask(floor: Floor, attempt: Attempt, wanted: tuple[ToolCall, ...], at: float) -> list[Command]:
    """Have done what a committed reply wants."""
    if attempt.rounds >= MAX_ROUNDS:
        return agent_side.apologise(floor)
    wanted = wanted[:MAX_CALLS]
    calls = _as_round(floor, wanted)
    judged = (judge_call(floor.config, call) for call in wanted)
    faults = {call.id: fault for call, fault in zip(calls.calls, judged, strict=True)}
    if any(faults.values()):
        attempt.faults += 1
        if attempt.faults > 1:
            return agent_side.apologise(floor)
    commands = _file(floor, attempt, calls)
    own = [call for call in calls.calls if call.name not in BUILT_IN]
    for call in calls.calls:
        if faults[call.id]:
            _answer(calls, call, f"Not done: {faults[call.id]}.")
            attempt.must_tell = True
        elif call.name in _ENDINGS:
            commands += _end_after(floor, attempt, call, is_alone=len(calls.calls) == 1)
        elif call.name == SEND_DIGITS:
            _answer(calls, call, "Pressed.")
            digits = str(json.loads(call.arguments)["digits"]).strip()  # `$` allows a line's end
            commands.append(SendDigits(floor.next_reply_id(), digits))
    attempt.must_tell = attempt.must_tell or bool(own)
    for call in own:
        commands += [] if faults[call.id] else _call(floor, calls, call)
    return [*commands, *_go_on(floor, attempt, at)]


def _as_round(floor: Floor, wanted: tuple[ToolCall, ...]) -> ToolRound:
    calls = []
    for call in wanted:
        floor.last_request_id += 1
        calls.append(filed_call(call, f"call_{floor.last_request_id}"))
    return ToolRound(tuple(calls))


def _file(floor: Floor, attempt: Attempt, calls: ToolRound) -> list[Command]:
    """The question is settled, with what is done about it."""
    commands: list[Command] = []
    if attempt.user is not None and not attempt.is_audible:
        commands += agent_side.file_question(floor, attempt)
    attempt.user = None
    attempt.is_bridged = True
    attempt.round = calls
    floor.history.add_round(calls)
    return commands


def _call(floor: Floor, calls: ToolRound, call: ToolCall) -> list[Command]:
    """Ask a tool, unless it is being asked the same already."""
    for _, other in floor.asked.values():
        if (other.name, other.arguments) == (call.name, call.arguments):
            _answer(calls, call, "Not done again: its answer is on its way.")
            return []
    floor.last_request_id += 1
    floor.asked[floor.last_request_id] = (calls, call)
    return [CallTool(floor.last_request_id, call.name, call.arguments)]


def _end_after(floor: Floor, attempt: Attempt, call: ToolCall, *, is_alone: bool) -> list[Command]:
    """The call is to end once the reply was heard; what it was to say about it may be missing."""
    assert attempt.round is not None
    if not is_alone:
        _answer(attempt.round, call, "Not done: call it alone, after the others have answered.")
        attempt.must_tell = True
        return []
    _answer(attempt.round, call, "Done.")
    step: NextStep | None = None
    if call.name == TRANSFER_CALL:
        step = Transfer(floor.config.agent.transfer.number)
    elif call.name == TAKE_MESSAGE:
        step = TakeMessage()
    attempt.ending = HangUp(EndReason.AGENT_HUNG_UP, step)
    return []


def _go_on(floor: Floor, attempt: Attempt, at: float) -> list[Command]:
    """Everything is asked. Words of the reply come first; without any, the next thing is done."""
    assert attempt.round is not None
    if attempt.clauses or attempt.is_audible:
        return []
    if attempt.ending is not None:
        return _end_without_words(floor, attempt.ending)
    if not attempt.must_tell:
        return [*agent_side.abandon(floor), *caller_side.resume_after_reply(floor, at)]
    if attempt.round.is_complete:
        return tell_results(floor)
    net_s = longest_wait_s(floor) + floor.config.call.last_net_s
    return [floor.start_timer(Timer.LAST_NET, net_s), *_fill_soon(floor)]


def _fill_soon(floor: Floor) -> list[Command]:
    limit_s = floor.tier.filler_after_s
    if not limit_s or floor.filler is not None:
        return []
    return [floor.start_timer(Timer.FILLER, min(limit_s, FILLER_S))]


def _end_without_words(floor: Floor, ending: HangUp) -> list[Command]:
    """The model ended the call and said nothing: a stock phrase says it."""
    phrases, kind = floor.config.phrases, PhraseKind.GOODBYE
    text = phrases.goodbye
    if isinstance(ending.next_step, TakeMessage):  # announced by who records it
        return [*agent_side.abandon(floor), *hang_up_after(floor, ending)]
    if isinstance(ending.next_step, Transfer):
        kind, text = PhraseKind.TRANSFERRING, phrases.transferring
    commands = agent_side.end_with(floor, kind, text, ending.reason)
    floor.next_step = ending.next_step
    return commands


def _answer(calls: ToolRound, call: ToolCall, content: str) -> None:
    calls.results[call.id] = content
