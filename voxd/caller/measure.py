"""The finished call, judged by what sounded at the caller's ear. Pure.

The rules, each in stream time:

* The *answer* to a turn is the first sound that begins at or after its `speech_end` and before
  the next turn. What still sounds from before is no answer.
* A sound that begins between a turn's first and last speech is *premature*, and no answer;
  but an agent that was speaking when the turn began, stopped for want of audio and went on
  without a `clear` was merely not interrupted.
* A *hole* is an empty buffer for more than 20 ms and at most 1.5 s between two pieces of audio,
  unless a `clear` ordered it, the caller spoke in it, or what comes after it is an answer.
"""

import numpy as np
from numpy.typing import NDArray

from voxd.caller import mulaw
from voxd.caller.ear import Sound
from voxd.caller.messages import FRAME_SAMPLES
from voxd.caller.plan import Turn
from voxd.caller.playback import Run
from voxd.caller.report import Hole, TurnReport, TurnStatus
from voxd.caller.script import Spoken

SHORTEST_HOLE_S = 0.02
"""One frame: a client's jitter, not a stop."""
LONGEST_HOLE_S = 1.5
"""After a longer silence the agent began anew (a reprompt), it did not go on."""


def judge_turns(
    turns: tuple[Turn, ...], spoken: list[Spoken], sounds: list[Sound], has_hung_up: bool
) -> list[TurnReport]:
    """Report every turn of the plan that was due.

    Args:
        turns: all of the plan.
        spoken: those that were begun.
        sounds: everything heard until the end of the call.
        has_hung_up: the caller ended the call as planned: turns not begun were not due.
    """
    reports = []
    for index, said in enumerate(spoken):
        following = spoken[index + 1].starts_at if index + 1 < len(spoken) else float("inf")
        reports.append(_judge_turn(index + 1, said, following, sounds))
    if not has_hung_up:
        rest = enumerate(turns[len(spoken) :], len(spoken) + 1)
        reports += [TurnReport(number, turn.name, TurnStatus.NOT_SPOKEN) for number, turn in rest]
    return reports


def _judge_turn(number: int, said: Spoken, following: float, sounds: list[Sound]) -> TurnReport:
    report = TurnReport(number, said.turn.name, TurnStatus.UNANSWERED)
    report.speech_start_s, report.speech_end_s = said.starts_at, said.ends_at
    interrupted: Sound | None = None
    for sound in sounds:
        is_over_speech = said.starts_at <= sound.start < said.ends_at
        if sound.start < said.starts_at < sound.end or (
            is_over_speech and _goes_on(interrupted, sound)
        ):
            interrupted = sound
            report.interruption_ms = (sound.end - said.starts_at) * 1000
        elif is_over_speech and not report.is_premature:
            report.is_premature, report.premature_s = True, sound.start
        if said.ends_at <= sound.start < following:
            report.status = TurnStatus.ANSWERED
            report.answer_s = sound.start
            report.voice_to_voice_ms = (sound.start - said.ends_at) * 1000
            break
    if said.was_cut:
        report.status = TurnStatus.CUT
    return report


def _goes_on(interrupted: Sound | None, sound: Sound) -> bool:
    """Whether `sound` is the rest of the reply that the caller talks over."""
    return (
        interrupted is not None
        and not sound.is_after_clear
        and sound.start - interrupted.end <= LONGEST_HOLE_S
    )


def find_holes(
    runs: list[Run], spoken: list[Spoken], turns: list[TurnReport], until: float
) -> list[Hole]:
    """Return every stop in the agent's audio before `until` that should not have been."""
    answers = [turn.answer_s for turn in turns if turn.answer_s is not None]
    holes = []
    for before, after in zip(runs, runs[1:], strict=False):
        gap_s = after.start - before.end
        if not SHORTEST_HOLE_S < gap_s <= LONGEST_HOLE_S or after.start >= until:
            continue
        caller_spoke = any(
            said.starts_at < after.start and said.ends_at > before.end for said in spoken
        )
        is_answer = any(after.start <= answer <= after.end for answer in answers)
        if not (after.is_after_clear or caller_spoke or is_answer):
            holes.append(Hole(before.end, gap_s * 1000))
    return holes


def draw_recording(sent: list[bytes | None], runs: list[Run], until: float) -> NDArray[np.int16]:
    """Return the call as stereo: the caller as sent (left), the agent as played (right).

    Args:
        sent: frame after frame; None for one that was lost.
        runs: the agent's audio.
        until: the end of the call; what was buffered beyond it was never heard.
    """
    samples = round(until * mulaw.RATE_HZ)
    stereo = np.zeros((samples, 2), np.int16)
    lost = bytes([mulaw.SILENCE]) * FRAME_SAMPLES
    caller = mulaw.decode(b"".join(frame or lost for frame in sent))[:samples]
    stereo[: len(caller), 0] = caller
    for run in runs:
        start = round(run.start * mulaw.RATE_HZ)
        agent = mulaw.decode(run.mulaw())[: max(0, samples - start)]
        stereo[start : start + len(agent), 1] = agent
    return stereo
