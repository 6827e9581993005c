"""Calls placed by the simulated caller, with the recorded prompts as what it says. I/O."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benches.prompts import Prompt
from voxd.caller.call import place_call
from voxd.caller.plan import CallPlan, Turn, build_turn
from voxd.caller.report import CallReport, Outcome, TurnReport, TurnStatus
from voxd.errors import VoxdError


class BenchFailed(VoxdError):
    """A bench could not measure; the message says why."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The turns of some calls, as the caller heard them."""

    due: int
    """Turns that were to be answered."""
    answered: int
    """Those answered by the model: an apology or "are you still there?" is no answer."""
    premature: int
    """Those into which the agent spoke."""
    holes: int
    longest_hole_ms: float
    warnings: int
    """Messages that Twilio would have complained about."""
    late_frames: int
    """Frames that the caller sent more than 20 ms late: many, and the figures are worthless."""
    voice_to_voice_ms: tuple[float, ...]
    """Of each answered turn, in order."""


def build_turns(prompts: Iterable[Prompt]) -> tuple[Turn, ...]:
    """These prompts as turns of a call, each ending where its label says."""
    return tuple(build_turn(p.name, p.read_pcm(), p.speech_end_s) for p in prompts)


async def place_calls(plans: Sequence[CallPlan], limit_s: float) -> list[CallReport]:
    """Place all at once (each after its own delay) and wait for their reports.

    Raises:
        BenchFailed: they took longer than `limit_s`.
    """
    try:
        async with asyncio.timeout(limit_s), asyncio.TaskGroup() as group:
            tasks = [group.create_task(place_call(plan)) for plan in plans]
    except TimeoutError:
        raise BenchFailed(f"the calls were not over after {limit_s:.0f} s") from None
    return [task.result() for task in tasks]


def check_connected(reports: Iterable[CallReport]) -> None:
    """Make sure that every call had a media stream.

    Raises:
        BenchFailed: one had none.
    """
    for report in reports:
        if report.outcome is not Outcome.CONNECTED:
            raise BenchFailed(f"a call was not connected ({report.outcome}): {report.problem}")


def is_answered(turn: TurnReport) -> bool:
    """Whether the model's own reply was heard; where the daemon does not say, any sound counts."""
    return turn.status is TurnStatus.ANSWERED and turn.is_confirmed is not False


def gather_heard(reports: Iterable[CallReport]) -> Heard:
    """Add up what the callers heard."""
    reports = list(reports)
    turns = [turn for report in reports for turn in report.turns]
    holes = [hole.length_ms for report in reports for hole in report.holes]
    answered = [turn for turn in turns if is_answered(turn)]
    return Heard(
        due=len(turns),
        answered=len(answered),
        premature=sum(turn.is_premature for turn in turns),
        holes=len(holes),
        longest_hole_ms=max(holes, default=0.0),
        warnings=sum(report.warning_count for report in reports),
        late_frames=sum(report.traffic.late_frames for report in reports),
        voice_to_voice_ms=tuple(
            turn.voice_to_voice_ms for turn in answered if turn.voice_to_voice_ms is not None
        ),
    )
