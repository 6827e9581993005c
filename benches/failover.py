"""`scripts/bench failover`: what each failure of a provider costs a caller.

For every fault a daemon of its own, on the real SDKs, against loopback providers. A call of three
turns: the fault comes in mid-sentence of the second. Then another call, while the fault lasts.
Silence is measured at the caller's ear against the same turn of calls without a fault.
"""

import asyncio
import json
import math
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benches.daemon import Daemon, run_daemon
from benches.faults import STAGES
from benches.line import build_turns, check_connected, is_answered, place_calls
from benches.prompts import RATE_HZ, Prompt, load_labels
from benches.providers import ENVIRONMENT
from benches.replies import REPLY, Heard, ReplyEar, SpokenReply, compare_words
from benches.stand import Stand, open_stand
from benches.stats import median
from voxd.caller.plan import CallPlan
from voxd.caller.report import CallReport, TurnReport

SAID = ("feature-not-avail-line", "something-terribly-wrong", "vm-sorry")
"""What the caller says: recordings of which the shipped Whisper gets every word."""
FAULT_TURN = 1
"""The turn in which the fault comes, from 0."""
MAX_EXTRA_MS = 1500.0
"""The promise."""
NEXT_CALL_MS = 250.0
"""The next call may answer so much later: its engines are slower, but it waits for nobody."""
BASELINE_CALLS = 2
CALL_LIMIT_S = 90.0
KINDS = ("stt", "llm", "tts")


@dataclass(frozen=True, slots=True)
class Row:
    """One fault."""

    stage: str
    fault: str
    engines: tuple[str, ...]
    """Which served the turn with the fault: STT, LLM, TTS (as begun)."""
    answered: bool
    """Every turn of both calls had an answer of a model."""
    extra_ms: float | None
    """Silence before the answer, beyond that of the same turn without a fault."""
    hole_ms: float
    """Longest silence inside the answer."""
    question: Heard
    """The caller's sentence as the model was told it."""
    reply: Heard | None
    """None: the reply is hummed, because its words were not known before."""
    next_call_ms: float | None
    """By how much the next call's first answer was later than without a fault."""
    next_hole_ms: float
    """Longest silence inside that answer."""
    next_engine: str
    """Who served the failed stage there."""

    @property
    def is_good(self) -> bool:
        """Whether what the project promises was kept."""
        return (
            self.answered
            and self.extra_ms is not None
            and max(self.extra_ms, self.hole_ms) <= MAX_EXTRA_MS
            and self.question.is_whole
            and (self.reply is None or self.reply.twice == 0)
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


@dataclass(frozen=True, slots=True)
class Calls:
    """What a daemon was asked to hold: a call with the fault, and the next one."""

    first: CallReport
    following: CallReport
    engines: tuple[Mapping[str, str], Mapping[str, str]]
    """Who served, by kind: the turn with the fault, the next call's first turn."""


class Bench:
    """Models and prompts, loaded once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ear = ReplyEar()
        self._voice = SpokenReply()
        labels = load_labels()
        self._prompts: tuple[Prompt, ...] = tuple(labels[name] for name in SAID)
        self._turns = build_turns(self._prompts)

    def run(self, wanted: Sequence[tuple[str, str]], shows: bool) -> Result:
        """Measure the fault-free calls, then each fault."""
        normals = [self._measure(None, None) for _ in range(BASELINE_CALLS)]
        normal_ms = find_normal(normals)
        normal = self._judge("none", "none", normals[0], normal_ms)
        if shows:
            show_header(normal_ms)
            show_row(normal)
        rows = []
        for stage, fault in wanted:
            rows.append(self._judge(stage, fault, self._measure(stage, fault), normal_ms))
            if shows:
                show_row(rows[-1])
        return Result(normal_ms, normal, tuple(rows))

    def _measure(self, stage: str | None, fault: str | None) -> Calls:
        said = [prompt.words for prompt in self._prompts]
        with open_stand(said, self._voice.speak, REPLY) as stand:
            overrides: dict[str, Any] = {"call.tier": "pro"}
            for engine, url in stand.urls.items():
                overrides[f"engines.{engine}.base_url"] = url
            directory = self._directory / f"{stage}-{fault}"
            directory.mkdir(exist_ok=True)
            with run_daemon(directory, overrides, environment=ENVIRONMENT) as daemon:
                return self._hold(daemon, stand, stage, fault)

    def _hold(self, daemon: Daemon, stand: Stand, stage: str | None, fault: str | None) -> Calls:
        if stage is not None and fault is not None:
            stand.arm(FAULT_TURN + 1, STAGES[stage][fault])
        first = _call(CallPlan(self._turns, url=daemon.voice_url))
        following = _call(CallPlan(self._turns[:1], url=daemon.voice_url, seed=2))
        engines = (
            fetch_engines(daemon, first, first.turns[FAULT_TURN]),
            fetch_engines(daemon, following, following.turns[0]),
        )
        return Calls(first, following, engines)

    def _judge(self, stage: str, fault: str, calls: Calls, normal_ms: Sequence[float]) -> Row:
        turn = calls.first.turns[FAULT_TURN]
        following = calls.following.turns[0]
        daemon = turn.daemon
        transcript = daemon.transcript if daemon and daemon.transcript else ""
        question = compare_words(self._prompts[FAULT_TURN].words, transcript)
        return Row(
            stage=stage,
            fault=fault,
            engines=tuple(calls.engines[0].get(kind, "") for kind in KINDS),
            answered=all(is_answered(t) for t in (*calls.first.turns, *calls.following.turns)),
            extra_ms=_minus(turn.voice_to_voice_ms, normal_ms[FAULT_TURN]),
            hole_ms=longest_hole_ms(calls.first, FAULT_TURN),
            question=question,
            reply=self._hear_reply(calls.first, turn, stage),
            next_call_ms=_minus(following.voice_to_voice_ms, normal_ms[0]),
            next_hole_ms=longest_hole_ms(calls.following, 0),
            next_engine=calls.engines[1].get(stage, ""),
        )

    def _hear_reply(self, report: CallReport, turn: TurnReport, stage: str) -> Heard | None:
        if stage == "llm" or turn.answer_s is None or report.recording is None:
            return None
        until = report.turns[turn.number].speech_start_s or math.inf
        first, last = (round(min(at, report.duration_s) * RATE_HZ) for at in (turn.answer_s, until))
        said = turn.daemon.reply if turn.daemon and turn.daemon.reply else ""
        return self._ear.judge(said, report.recording[first:last, 1])


def _call(plan: CallPlan) -> CallReport:
    reports = asyncio.run(place_calls([plan], CALL_LIMIT_S))
    check_connected(reports)
    return reports[0]


def fetch_engines(daemon: Daemon, report: CallReport, turn: TurnReport) -> Mapping[str, str]:
    """Which engines served a turn, by kind, as the daemon tells."""
    url = f"{daemon.base_url}/calls/{report.call_sid}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        told = json.load(answer)["turns"]
    end = turn.daemon.speech_end if turn.daemon else None
    for item in told:
        if item["speech_end"] == end:
            return {kind: item[f"{kind}_engine"] for kind in KINDS}
    return {}


def find_normal(calls: Sequence[Calls]) -> tuple[float, ...]:
    """Median voice_to_voice of each turn, milliseconds; the first turns of all calls together."""
    reports = [report for each in calls for report in (each.first, each.following)]
    normal = []
    for number in range(len(SAID)):
        turns = [report.turns[number] for report in reports if number < len(report.turns)]
        figures = [t.voice_to_voice_ms for t in turns if t.voice_to_voice_ms is not None]
        normal.append(median(figures) or math.nan)
    return tuple(normal)


def longest_hole_ms(report: CallReport, number: int) -> float:
    """The longest stop inside the answer to a turn (from 0)."""
    begin = report.turns[number].answer_s
    following = report.turns[number + 1 : number + 2]
    end = following[0].speech_start_s if following else None
    begin, end = begin or math.inf, end or math.inf
    return max((h.length_ms for h in report.holes if begin <= h.at_s < end), default=0.0)


def choose_faults(stages: Sequence[str], faults: Sequence[str]) -> list[tuple[str, str]]:
    """What to bring about: all that was named, everything when nothing was."""
    return [
        (stage, fault)
        for stage, known in STAGES.items()
        for fault in known
        if (not stages or stage in stages) and (not faults or fault in faults)
    ]


def _minus(figure: float | None, normal: float) -> float | None:
    return None if figure is None else figure - normal


# --- for people -------------------------------------------------------------------------------


def show_header(normal_ms: Sequence[float]) -> None:
    """Print what is compared, and the table's first line."""
    figures = ", ".join(f"{ms:.0f}" for ms in normal_ms)
    print(f"voice_to_voice without a fault, turn by turn: {figures} ms; the fault comes in turn 2")
    print(
        "stage fault      silence    hole  question  reply (lost, twice, misheard)"
        "  next call    hole  by              served by",
        flush=True,
    )


def show_row(row: Row) -> None:
    """Print one fault."""
    question = "whole" if row.question.is_whole else "NOT"
    reply = row.reply
    heard = "hummed" if reply is None else f"{reply.lost}, {reply.twice}, {reply.misheard}"
    print(
        f"{row.stage:5} {row.fault:9} {_signed(row.extra_ms)} {row.hole_ms:5.0f} ms"
        f"  {question:8}  {heard:29} {_signed(row.next_call_ms)} {row.next_hole_ms:4.0f} ms"
        f"  {row.next_engine:14}  {' '.join(row.engines)}"
        f"{'' if row.is_good else '  NOT KEPT'}",
        flush=True,
    )
    for what, words in (("model was told", row.question), ("caller heard", reply)):
        if words is not None and not words.is_whole:
            print(f"      {what}: {words.text}", flush=True)


def show_verdict(result: Result) -> None:
    """Print what was promised and whether it was kept."""
    kept = sum(row.is_good for row in result.rows)
    paid = [
        f"{row.stage} {row.fault}"
        for row in result.rows
        if row.next_call_ms is None or max(row.next_call_ms, row.next_hole_ms) > NEXT_CALL_MS
    ]
    print(
        f"promised: at most {MAX_EXTRA_MS:.0f} ms more silence, the caller's sentence whole, "
        f"no word twice: kept with {kept} of {len(result.rows)} faults"
    )
    print(f"next calls with {NEXT_CALL_MS:.0f} ms more silence: {', '.join(paid) or 'none'}")


def _signed(figure_ms: float | None) -> str:
    return "  no answer" if figure_ms is None else f"{figure_ms:+8.0f} ms"


def run(directory: Path, wanted: Sequence[tuple[str, str]], shows: bool) -> Result:
    """Measure these faults; `directory` is for configs and logs."""
    if shows and sys.stdout.isatty():
        print(f"{len(wanted)} faults, about {0.6 * (len(wanted) + BASELINE_CALLS):.0f} minutes")
    return Bench(directory).run(wanted, shows)
