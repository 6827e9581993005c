"""The soonest that a turn could be answered, what came on top, and what was thrown away. Pure.

By the daemon's own times of a turn. The floor is causal: the silence that its rule asked for and
the work of the parts, each of them when it can begin; everything above it is voxd's own cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benches.stats import median
from voxd.caller.report import DaemonTurn


@dataclass(frozen=True, slots=True)
class Work:
    """What was begun and thrown away, per turn."""

    attempts: float
    """Replies that were begun."""
    wasted_tokens: float
    """Written for those that nobody heard."""
    wasted_characters: float
    """Given to text-to-speech for those."""


def sum_up_work(turns: Sequence[DaemonTurn]) -> Work:
    """What was begun for these turns and thrown away."""

    def mean(values: Sequence[int | None]) -> float:
        return sum(value or 0 for value in values) / len(values) if values else 0.0

    return Work(
        attempts=mean([turn.attempts for turn in turns]),
        wasted_tokens=mean([turn.wasted_tokens for turn in turns]),
        wasted_characters=mean([turn.wasted_characters for turn in turns]),
    )


def find_floor_ms(turn: DaemonTurn, wait_ms: float, speculates: bool) -> float | None:
    """The soonest that this turn could be answered: what waits for what cannot be had earlier.

    The silence that was asked for and the work since the first pause run side by side; without
    speculation the reply begins when both the silence and the transcript are there.
    """
    work_ms = pause_and_work_ms(turn)
    if work_ms is None:
        return None
    wait_ms = wait_ms if turn.wait_ms is None else turn.wait_ms
    if speculates:
        return max(wait_ms, work_ms)
    return work_ms + max(0.0, wait_ms - (turn.stt_latency_ms or 0.0))


def pause_and_work_ms(turn: DaemonTurn) -> float | None:
    """The first pause, then transcript, first clause and first audio, each when it can begin.

    `stt_latency_ms` begins at `speech_end` and so contains the pause that asked for it.
    """
    parts = (turn.stt_latency_ms, turn.llm_clause_ms, turn.tts_ttfa_ms)
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def find_own_overhead_ms(turns: Sequence[DaemonTurn]) -> float | None:
    """Median of first audio - max(turn end, transcript) - clause - first audio of it.

    As the daemon's journal tells it: waiting inside a stage counts as the stage's. None where a
    stage began before the turn's end was decided: what ran ahead cannot be subtracted.
    """
    rests = []
    for turn in turns:
        end_ms, work_ms = turn.endpoint_ms, pause_and_work_ms(turn)
        if end_ms is None or work_ms is None or turn.voice_to_voice_ms is None:
            continue
        late_ms = max(0.0, end_ms - (turn.stt_latency_ms or 0.0))
        rests.append(turn.voice_to_voice_ms - work_ms - late_ms)
    rest = median(rests)
    # uvloop's clock ticks in milliseconds: each of the times may be one off.
    return None if rest is None or rest < -1.0 else max(0.0, rest)
