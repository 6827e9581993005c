"""Is the caller's turn over? Pure; called by `caller_side` per transcript and judgement.

Silence alone is slow or rude. The shape of the words (`shape`) picks one of a tier's three waits;
`required_wait` joins it with how the words sounded (smart-turn) and with what the provider says,
and finds a wait between the three.

How they are joined: each is evidence in log-odds, and evidence adds up. smart-turn's probability
counts as its own logit. A shape shifts that: words that do not look finished outweigh a voice that
does. `closing`, where the engine tells it, is how likely a sentence ended behind the last word in
its own account; its logit counts `CLOSING_WEIGHT` times, from `CLOSING_EVEN`. From `SURELY_OVER` on
the sum asks for the shortest wait, up to `SURELY_NOT` for the longest, all along `EITHER_WAY` for
the one between; in the two gaps the wait follows a straight line.
Without smart-turn the three shapes give exactly the tier's waits.

The middle is broad because smart-turn hardly tells pauses from ends there (tuned half of
`scripts/bench turns`, sentences that look finished: it gives an end more than a pause in 60 of 100
pairs), and asking again 0.2 to 0.6 s into the pause does not help (58 to 40 of 100). So whoever
does not sound surely finished gets time to go on. Weights and points were chosen on that half, but
with the other one, and the pauses of `scripts/bench peer`, in sight.

What Whisper's `closing` adds: with waits of 0.48, 0.84 and 1.4 s, at the
same mean delay, callers of that half are cut off in 6.9 instead of 8.5 of 100 pauses, those of the
other half in 5.1 instead of 5.6 ("The estimated hold time" sounds finished, and is no sentence).
What it makes sure may then be answered sooner.
"""

import math
from dataclasses import dataclass

from voxd.dialog.shape import Shape, judge_shape
from voxd.events import TurnSignal

__all__ = ["Shape", "Waits", "judge_shape", "required_wait"]


@dataclass(frozen=True, slots=True)
class Waits:
    """A tier's three waits, seconds of silence after the last word."""

    complete_s: float
    unknown_s: float
    incomplete_s: float

    def of(self, shape: Shape) -> float:
        """The wait for this shape."""
        match shape:
            case Shape.COMPLETE:
                return self.complete_s
            case Shape.UNKNOWN:
                return self.unknown_s
            case Shape.INCOMPLETE:
                return self.incomplete_s


SURELY_OVER = 2.75
"""Log-odds from which `complete_s` is enough; also what stands in for a judge that is not there.
smart-turn alone says so with a probability of 0.94."""
EITHER_WAY = (-2.0, 2.25)
"""Log-odds between which `unknown_s` is right; 0.12 to 0.9 by smart-turn alone, for words that
look complete."""
SURELY_NOT = -4.0
"""Log-odds up to which `incomplete_s` must pass."""
CLOSING_WEIGHT = 1.5
CLOSING_EVEN = 2.2
"""Log-odds of `closing` that speak neither for nor against an end: 0.9, the median of ends."""
_CLOSING_LEAST = -3.0
"""Log-odds of `closing` below which less means no more."""
_LOGIT_LIMIT = 4.6
"""Log-odds of 0.99: a model that says 1.0 is not surer than that."""

_SHAPE_EVIDENCE = {Shape.COMPLETE: 0.0, Shape.UNKNOWN: -3.75, Shape.INCOMPLETE: -7.5}
"""Between them and `SURELY_OVER` lies what words alone ask for."""
_SIGNAL_EVIDENCE = {
    None: 0.0,
    TurnSignal.RESUMED: -3.75,
    TurnSignal.EAGER_END: 1.0,
    TurnSignal.END: 3.75,
}
"""A provider's end of turn weighs as much as one step of shape; an early one, which may be no more
than silence, moves only what is nearly decided. Judgement, not measurement: there is no provider in
the bench."""


def required_wait(
    text: str,
    waits: Waits,
    *,
    closing: float | None = None,
    probability: float | None = None,
    signal: TurnSignal | None = None,
) -> float:
    """How long the caller must have been silent, in all, for the turn to be over.

    Never longer when `closing`, `probability` or `signal` speak more for an end, never shorter when
    the words look less complete.

    Args:
        text: the caller's words up to the pause.
        waits: the tier's three.
        closing: how likely a sentence ended behind the last word; None: nobody told.
        probability: smart-turn's, heard at the beginning of this pause; None: not judged (yet).
        signal: the provider's last word on this text; None: it has none.

    Returns:
        Seconds since `speech_end`, from `complete_s` to `incomplete_s`.
    """
    odds = SURELY_OVER if probability is None else _logit(probability)
    odds += _SHAPE_EVIDENCE[judge_shape(text)] + _SIGNAL_EVIDENCE[signal]
    if closing is not None:
        odds += CLOSING_WEIGHT * (max(_CLOSING_LEAST, _logit(closing)) - CLOSING_EVEN)
    least, most = EITHER_WAY
    if odds >= least:
        share = min(1.0, max(0.0, odds - most) / (SURELY_OVER - most))
        return waits.unknown_s + share * (waits.complete_s - waits.unknown_s)
    share = min(1.0, (least - odds) / (least - SURELY_NOT))
    return waits.unknown_s + share * (waits.incomplete_s - waits.unknown_s)


def _logit(probability: float) -> float:
    """Log-odds, within +-`_LOGIT_LIMIT`; neither 0 nor 1 is an error."""
    if probability <= 0:
        return -_LOGIT_LIMIT
    if probability >= 1:
        return _LOGIT_LIMIT
    odds = math.log(probability / (1 - probability))
    return max(-_LOGIT_LIMIT, min(_LOGIT_LIMIT, odds))
