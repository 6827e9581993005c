"""`scripts/bench cloud --interim-ms`: what words that come sooner make of an answer.

As `cloud`, one call at a time and only with speculation, once for each delay: the recogniser tells
the words so far this long after they were said, every `INTERIM_S` of audio. What is promised is
that voxd makes use of them: the median answer comes at the floor that the delays allow, and not by
asking the language model for everything at every word. Callers say the longer prompts as well,
which have pauses to be deceived by.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benches import cloud

INTERIM_S = 0.1
"""Between two interims."""
ABOVE_FLOOR_MS = 40.0
EXTRA_LLM = 0.7
"""What is promised: the median above the floor; requests nobody heard, per answer."""


@dataclass(frozen=True, slots=True)
class Interim:
    """What came of one delay."""

    delay_ms: float
    result: cloud.Result

    @property
    def is_good(self) -> bool:
        """Whether the promises were kept in every tier."""
        return self.result.is_good and all(is_quick(step) for step in self.result.steps)


def is_quick(step: cloud.Step) -> bool:
    """Whether answers came at the floor, without too many requests in vain."""
    above_ms = step.above_floor_ms
    return above_ms is not None and above_ms <= ABOVE_FLOOR_MS and extra_share(step) <= EXTRA_LLM


def extra_share(step: cloud.Step) -> float:
    """Requests whose reply nobody heard, per answer."""
    return step.extra_llm / step.heard.answered if step.heard.answered else float("inf")


async def run(
    directory: Path,
    options: cloud.Options,
    delays_ms: Sequence[float],
    show: Callable[[cloud.Step], None],
) -> list[Interim]:
    """Measure with interims that are so late, one after the other.

    Raises:
        TooFewCores: there is only one.
    """
    found = []
    for delay_ms in delays_ms:
        place = directory / f"interim-{delay_ms:g}"
        place.mkdir(exist_ok=True)
        delays = replace(options.delays, interim_s=INTERIM_S, interim_delay_s=delay_ms / 1000)
        asked = replace(options, delays=delays, calls=(1,), longest_s=float("inf"), sides=(True,))
        found.append(Interim(delay_ms, await cloud.run(place, asked, show)))
    return found


def to_json(found: Sequence[Interim]) -> dict[str, Any]:
    """Everything, ready for `json.dumps`."""
    return {
        "is_void": is_void(found),
        "is_good": is_good(found),
        "interims": [
            {"delay_ms": one.delay_ms, "is_quick": one.is_good, **one.result.to_json()}
            for one in found
        ],
    }


def is_void(found: Sequence[Interim]) -> bool:
    """Some figure says nothing."""
    return any(one.result.is_void for one in found)


def is_good(found: Sequence[Interim]) -> bool:
    """Whether all promises were kept."""
    return all(one.is_good for one in found)


def show(found: Sequence[Interim]) -> None:
    """Print the table and the verdict."""
    print(f"{'interims after':>14}  tier        p50     floor   above   extra LLM requests")
    for one in found:
        for step in one.result.steps:
            above_ms = step.above_floor_ms or 0.0
            print(f"{one.delay_ms:11.0f} ms  {step.tier:10}", end=" ")
            print(f"{step.floor_ms + above_ms:4.0f} ms  {step.floor_ms:4.0f} ms", end=" ")
            print(f"{above_ms:4.0f} ms   {extra_share(step):.0%}")
    print(f"promised: {ABOVE_FLOOR_MS:.0f} ms above the floor, {EXTRA_LLM:.0%} extra:", end=" ")
    if is_void(found):
        print("VOID, this machine was too busy")
    else:
        print("kept" if is_good(found) else "NOT KEPT")
