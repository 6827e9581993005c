"""Is the caller's turn over? Pure; called by `caller_side` per transcript and judgement.

Silence alone is slow or rude. The shape of the words (`shape`) picks one of a tier's three waits;
`required_wait` joins it with how the words sounded (smart-turn) and with what the provider says,
and finds a wait between the three.

How they are joined: each is evidence in log-odds, and evidence adds up. smart-turn's probability
counts as its own logit. A shape shifts that: words that do not look finished outweigh a voice that
does. The sum becomes a wait by straight lines through three points (`SURELY_OVER`, `EITHER_WAY`,
`SURELY_NOT`), chosen so that without smart-turn the three shapes give exactly the tier's waits.
The weights lie near a logistic regression on the tuned half of `scripts/bench turns` (in units of
smart-turn's log-odds: unknown -4.4, incomplete -5.7). The optimum is flat there: shifting any
of them by one changes the share of callers cut off by about two points.
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


SURELY_OVER = 3.0
"""Log-odds from which `complete_s` is enough; also what stands in for a judge that is not there.
smart-turn says so with a probability of 0.95, as at half of all real ends."""
EITHER_WAY = -1.0
"""Log-odds at which `unknown_s` is right; 0.27 by smart-turn for words that look complete."""
SURELY_NOT = -2.0
"""Log-odds up to which `incomplete_s` must pass; 0.12 by smart-turn. -4 delayed the same ends less,
but cut off 1 in 100 more callers of the tuned half."""
_LOGIT_LIMIT = 4.6
"""Log-odds of 0.99: a model that says 1.0 is not surer than that."""

_SHAPE_EVIDENCE = {Shape.COMPLETE: 0.0, Shape.UNKNOWN: -4.0, Shape.INCOMPLETE: -7.0}
"""`UNKNOWN` is what makes `SURELY_OVER` an `EITHER_WAY`."""
_SIGNAL_EVIDENCE = {
    None: 0.0,
    TurnSignal.RESUMED: -4.0,
    TurnSignal.EAGER_END: 1.0,
    TurnSignal.END: 4.0,
}
"""A provider's end of turn weighs as much as one step of shape. Judgement, not measurement: there
is no provider in the bench."""


def required_wait(
    text: str,
    waits: Waits,
    *,
    probability: float | None = None,
    signal: TurnSignal | None = None,
) -> float:
    """How long the caller must have been silent, in all, for the turn to be over.

    Never longer when `probability` or `signal` speak more for an end, never shorter when the words
    look less complete.

    Args:
        text: the caller's words up to the pause.
        waits: the tier's three.
        probability: smart-turn's, heard at the beginning of this pause; None: not judged (yet).
        signal: the provider's last word on this text; None: it has none.

    Returns:
        Seconds since `speech_end`, from `complete_s` to `incomplete_s`.
    """
    odds = SURELY_OVER if probability is None else _logit(probability)
    odds += _SHAPE_EVIDENCE[judge_shape(text)] + _SIGNAL_EVIDENCE[signal]
    if odds >= EITHER_WAY:
        share = min(1.0, (odds - EITHER_WAY) / (SURELY_OVER - EITHER_WAY))
        return waits.unknown_s + share * (waits.complete_s - waits.unknown_s)
    share = min(1.0, (EITHER_WAY - odds) / (EITHER_WAY - SURELY_NOT))
    return waits.unknown_s + share * (waits.incomplete_s - waits.unknown_s)


def _logit(probability: float) -> float:
    """Log-odds, within +-`_LOGIT_LIMIT`; neither 0 nor 1 is an error."""
    if probability <= 0:
        return -_LOGIT_LIMIT
    if probability >= 1:
        return _LOGIT_LIMIT
    odds = math.log(probability / (1 - probability))
    return max(-_LOGIT_LIMIT, min(_LOGIT_LIMIT, odds))
