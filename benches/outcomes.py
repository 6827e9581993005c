"""What `failover` found, and how it is shown. No I/O but printing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benches.replies import Heard

MAX_EXTRA_MS = 1500.0
"""The promise."""
NEXT_CALL_MS = 250.0
"""The next call may answer so much later: its engines are slower, but it waits for nobody."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault."""

    stage: str
    fault: str
    engines: tuple[str, ...]
    """Which served the turn with the fault: STT, LLM, TTS (as begun)."""
    unanswered: tuple[str, ...]
    """Turns of both calls that had no answer of a model: number and what became of them."""
    extra_ms: float | None
    """Silence before the answer, beyond that of the same turn without a fault."""
    hole_ms: float
    """Longest silence inside the answer."""
    question: Heard
    """The caller's sentence as the model was told it."""
    asked: int
    """Turns of the call that were made of this sentence."""
    reply: Heard | None
    """None: nothing was answered. Of words that a local model wrote, Whisper may mishear some."""
    next_call_ms: float | None
    """By how much the next call's first answer was later than without a fault; None: no answer, or
    no such call."""
    next_hole_ms: float
    """Longest silence inside that answer."""
    next_engine: str
    """Who served the failed stage there."""

    @property
    def is_good(self) -> bool:
        """Whether what the project promises was kept."""
        return (
            not self.unanswered
            and self.extra_ms is not None
            and max(self.extra_ms, self.hole_ms) <= MAX_EXTRA_MS
            and self.question.is_whole
            and self.asked == 1
            and self.reply is not None
            and self.reply.twice == 0
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found."""

    normal_ms: tuple[float, ...]
    """voice_to_voice of each turn without a fault, medians."""
    normal: Row
    rows: tuple[Row, ...]

    @property
    def is_good(self) -> bool:
        """Whether the promise was kept with every fault."""
        return all(row.is_good for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return {"is_good": self.is_good, **asdict(self)}


def show_header(normal_ms: Sequence[float]) -> None:
    """Print what is compared, and the table's first line."""
    figures = ", ".join(f"{ms:.0f}" for ms in normal_ms)
    print(f"voice_to_voice without a fault, turn by turn: {figures} ms; the fault comes in turn 2")
    print(
        f"{'stage':7} {'fault':13} {'silence':>11} {'hole':>8}  question  "
        f"{'lost, twice, misheard':21} {'next call':>11} {'hole':>7}  served by (next call)",
        flush=True,
    )


def show_row(row: Row) -> None:
    """Print one fault."""
    question = "whole" if row.question.is_whole and row.asked == 1 else f"NOT, {row.asked}x"
    reply = row.reply
    heard = "nothing" if reply is None else f"{reply.lost}, {reply.twice}, {reply.misheard}"
    print(
        f"{row.stage:7} {row.fault:13} {_signed(row.extra_ms)} {row.hole_ms:5.0f} ms"
        f"  {question:8}  {heard:21} {_signed(row.next_call_ms)} {row.next_hole_ms:4.0f} ms"
        f"  {' '.join(row.engines)} ({row.next_engine})"
        f"{'' if row.is_good else '  NOT KEPT'}",
        flush=True,
    )
    if row.unanswered:
        print(f"      without an answer: {', '.join(row.unanswered)}", flush=True)
    for what, words in (("model was told", row.question), ("caller heard", reply)):
        if words is not None and not words.is_whole:
            print(f"      {what}: {words.text}", flush=True)
            print(f"      instead of: {words.said}", flush=True)


def show_verdict(result: Result) -> None:
    """Print what was promised and whether it was kept."""
    kept = sum(row.is_good for row in result.rows)
    paid = [
        f"{row.stage} {row.fault}"
        for row in result.rows
        if row.next_call_ms is not None and max(row.next_call_ms, row.next_hole_ms) > NEXT_CALL_MS
    ]
    print(
        f"promised: at most {MAX_EXTRA_MS:.0f} ms more silence, the caller's sentence whole, "
        f"no word twice: kept with {kept} of {len(result.rows)} faults"
    )
    print(f"next calls with {NEXT_CALL_MS:.0f} ms more silence: {', '.join(paid) or 'none'}")


def _signed(figure_ms: float | None) -> str:
    return f"{'-':>11}" if figure_ms is None else f"{figure_ms:+8.0f} ms"
