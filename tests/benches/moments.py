"""A few pauses and ends, for the tests of tuning and of the bench."""

from benches.pauses import END, TUNED_MS, Known, Moment


def known(text: str, probability: float) -> Known:
    return Known(0.04, 0.1, text, None, 0.15, probability, 0.05, probability, 0.0)


def moments(*, is_tuned: bool = True) -> list[Moment]:
    """Ends that look and sound finished, pauses that mostly do not."""
    at = {ms: ms / 1000 + 0.06 for ms in TUNED_MS}
    voiced = {ms: [ms / 1000 + s for s in (-0.02, 0.0, 0.02, 0.04)] for ms in TUNED_MS}
    ends = [known("What time do you open?", p) for p in (0.97, 0.97, 0.9, 0.6)]
    pauses = [known("What time do", 0.1), known("I would like to", 0.4), known("Well,", 0.9)]
    return [
        *(Moment("some", "end", is_tuned, one, {}, {END: []}) for one in ends),
        *(Moment("some", "inside", is_tuned, one, at, voiced) for one in pauses),
    ]
