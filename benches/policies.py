"""Ways to decide that a turn is over, and what each costs on the moments of `pauses`. Pure.

A policy asks for a wait. The turn ends when the pause is that long and the words are there: no
reply can be begun without them, and speech to text needs its time after the first short pause.
Waits end with the 20 ms message in which they run out, and while the ear hears no voice.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benches.pauses import END, MESSAGE_S, SHOWN_MS, Known, Moment
from voxd.audio.pause import PauseWatch
from voxd.dialog.endpoint import Waits, judge_shape, required_wait

Policy = Callable[[Known], float]
"""The wait that it asks for, seconds since `speech_end`."""

PIPECAT_THRESHOLD = 0.5
PIPECAT_STOP_S = 3.0
"""pipecat 1.14: over when smart-turn's probability is above it, else after so long a silence."""
CLOSED = "Yes."
"""Words that look finished: with them the joined policy has nothing but smart-turn to go by."""


def silence_only(waits: Waits) -> Policy:
    """One wait for everybody."""
    return lambda known: waits.complete_s


def shape_only(waits: Waits) -> Policy:
    """The wait of the words' shape."""
    return lambda known: waits.of(judge_shape(known.text))


def smart_turn_only(waits: Waits) -> Policy:
    """smart-turn's probability alone, mapped as in the joined policy."""
    return lambda known: required_wait(CLOSED, waits, probability=known.probability)


def joined(waits: Waits, *, tells_closing: bool = True) -> Policy:
    """What voxd does.

    Args:
        tells_closing: the words come from an engine that tells how likely a sentence ended.
    """
    return lambda known: required_wait(
        known.text,
        waits,
        closing=known.closing if tells_closing else None,
        probability=known.probability,
    )


def pipecat_rule(known: Known) -> float:
    """pipecat's default rule, on what our ear and our transcription find."""
    return 0.0 if known.pipecat_probability > PIPECAT_THRESHOLD else PIPECAT_STOP_S


def decide_s(known: Known, wait_s: float, ready_s: float, voiced_s: Sequence[float] = ()) -> float:
    """When the turn would end, seconds since `speech_end`.

    Args:
        ready_s: the words (and the judgement) are there.
        voiced_s: voiced frames in the pause: the ear tells nothing while there is voice.
    """
    least = max(wait_s, ready_s) - known.phase_s
    due_s = known.phase_s + math.ceil(least / MESSAGE_S - 1e-6) * MESSAGE_S
    return release_s(due_s, voiced_s)


def release_s(due_s: float, voiced_s: Sequence[float]) -> float:
    """When a pause is reported that is long enough at `due_s`, the end of a message."""
    watch, now = PauseWatch(), due_s
    watch.begin(0.0)
    watch.wait(due_s)
    while watch.check(now, max((at for at in voiced_s if at <= now + 1e-6), default=0.0)) is None:
        now += MESSAGE_S
    return now


def ready_s(known: Known) -> float:
    """When everything is known, on a machine with idle cores: the transcription begins in the quiet
    before the pause, the judgement with the pause."""
    words_s = known.begun_s + known.transcript_s
    return max(known.detected_s, words_s, known.detected_s + known.judgement_s)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a policy costs."""

    p50_s: float
    p90_s: float
    mean_s: float
    """Of `endpoint` at real ends: from `speech_end` to the end of the turn."""
    cut_off: dict[int, float]
    """Per length of pause (ms): share of pauses in which the turn was ended."""
    cut_off_inside: dict[int, float]
    """The same, of pauses inside a sentence (no comma or full stop is printed there)."""

    def mean_cut_off(self, lengths_ms: Sequence[int] = SHOWN_MS) -> float:
        """Over these lengths of pause."""
        return sum(self.cut_off[ms] for ms in lengths_ms) / len(lengths_ms)


def price(policy: Policy, moments: Sequence[Moment]) -> Cost:
    """What a policy costs on these moments."""
    delays, lengths = [], sorted({ms for moment in moments for ms in moment.resumed_s})
    cut: dict[int, list[bool]] = {ms: [] for ms in lengths}
    inside: dict[int, list[bool]] = {ms: [] for ms in lengths}
    for moment in moments:
        wait_s, soonest_s = policy(moment.known), ready_s(moment.known)
        if moment.place == "end":
            delays.append(decide_s(moment.known, wait_s, soonest_s, moment.voiced_s[END]))
            continue
        for ms in lengths:
            end_s = decide_s(moment.known, wait_s, soonest_s, moment.voiced_s[ms])
            is_cut = end_s < moment.resumed_s[ms] - 1e-6
            cut[ms].append(is_cut)
            if moment.place == "inside":
                inside[ms].append(is_cut)
    p50, p90 = np.percentile(delays, (50, 90))
    return Cost(
        float(p50),
        float(p90),
        float(np.mean(delays)),
        {ms: float(np.mean(found)) for ms, found in cut.items()},
        {ms: float(np.mean(found)) for ms, found in inside.items()},
    )
