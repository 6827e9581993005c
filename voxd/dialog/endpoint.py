"""Is the caller's turn over? Pure; called by `caller_side` per transcript and judgement.

Silence alone is slow or rude. The shape of the words (`shape`) picks one of a tier's three waits;
`required_wait` joins it with how the words sounded (smart-turn) and with what the provider says,
and finds a wait between the three.

How they are joined: each is evidence in log-odds, and evidence adds up. smart-turn's probability
counts as its own logit. A shape shifts that: words that do not look finished outweigh a voice that
does. From `SURELY_OVER` on the sum asks for the shortest wait, up to `SURELY_NOT` for the longest,
all along `EITHER_WAY` for the one between; in the two gaps the wait follows a straight line.
Without smart-turn the three shapes give exactly the tier's waits.

The middle is broad because smart-turn hardly tells pauses from ends there (tuned half of
`scripts/bench turns`, sentences that look finished: it gives an end more than a pause in 60 of 100
pairs), and asking again 0.2 to 0.6 s into the pause does not help (58 to 40 of 100). So whoever
does not sound surely finished gets time to go on. The weights lie near a logistic regression on
that half (in units of smart-turn's log-odds: unknown -4.4, incomplete -5.7). The optimum is flat
there: shifting any of them by one changes the share of callers cut off by about two points.
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
smart-turn says so with a probability of 0.94, as at more than half of all real ends."""
EITHER_WAY = (-1.0, 2.0)
"""Log-odds between which `unknown_s` is right; 0.27 to 0.88 by smart-turn for words that look
complete. Were it -1 alone, half again as many pauses of 800 ms would count as the end, and the mean
turn end 40 ms sooner; 2.5 would spare 1 pause in 100 more and cost 10 ms."""
SURELY_NOT = -2.0
"""Log-odds up to which `incomplete_s` must pass; 0.12 by smart-turn. -4 delayed the same ends less,
but cut off 1 in 100 more callers of the tuned half."""
_LOGIT_LIMIT = 4.6
"""Log-odds of 0.99: a model that says 1.0 is not surer than that."""

_SHAPE_EVIDENCE = {Shape.COMPLETE: 0.0, Shape.UNKNOWN: -3.75, Shape.INCOMPLETE: -7.0}
"""`UNKNOWN` is what makes `SURELY_OVER` the least of `EITHER_WAY`."""
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
