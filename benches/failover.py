"""`scripts/bench failover`: what each failure of a provider costs a caller.

For every fault a daemon of its own, on the real SDKs, against loopback providers. A call of three
turns: the fault comes in mid-sentence of the second (`network`: of the eleventh of twelve). Then
another call, while the fault lasts. Silence is measured at the caller's ear against the same turn
of calls without a fault.
"""

import asyncio
import json
import math
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches.daemon import Daemon, run_daemon
from benches.faults import MATRIX, NETWORK, SCENARIOS, TLS
from benches.gate import DOMAIN, make_certificate
from benches.line import build_turns, check_connected, is_answered, place_calls
from benches.outcomes import Result, Row, show_header, show_row
from benches.prompts import RATE_HZ, Prompt, load_labels
from benches.providers import ENVIRONMENT
from benches.replies import REPLY, Heard, ReplyEar, compare_words, make_voice
from benches.resolver import NAMES
from benches.stand import Stand, open_stand
from benches.stats import median
from voxd.caller.plan import CallPlan
from voxd.caller.report import CallReport, TurnReport

SAID = ("feature-not-avail-line", "something-terribly-wrong", "vm-sorry")
"""What the caller says: recordings of which the shipped Whisper gets every word."""
FAULT_TURN = 1
"""The turn in which the fault comes, from 0."""
NETWORK_TURN = 10
"""The same for `network`: ten turns are behind it. What is said there is the same as well."""
BASELINE_CALLS = 2
GAP_S = 2.0
"""Silence after which the caller goes on: longer than any hole that is promised, so that a hole is
not taken for the end of an answer."""
CALL_LIMIT_S = 240.0
KINDS = ("stt", "llm", "tts")


@dataclass(frozen=True, slots=True)
class Calls:
    """What a daemon was asked to hold: a call with the fault, and the next one."""

    first: CallReport
    fault_turn: int
    """From 0."""
    following: CallReport | None
    engines: tuple[Mapping[str, str], Mapping[str, str]]
    """Who served, by kind: the turn with the fault, the next call's first turn."""
    heard: tuple[str, ...]
    """What the daemon understood, turn by turn of the first call."""


class Bench:
    """Models and prompts, loaded once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ear = ReplyEar()
        self._voice = make_voice(self._ear)
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
        directory = self._directory / f"{stage}-{fault}"
        directory.mkdir(exist_ok=True)
        names = directory / "names"
        certificate = make_certificate(directory) if fault == TLS else None
        with open_stand(said, self._voice.speak, REPLY, names, certificate) as stand:
            overrides: dict[str, Any] = {"call.tier": "pro"}
            for engine, url in stand.urls.items():
                overrides[f"engines.{engine}.base_url"] = url
            environment = {**ENVIRONMENT, NAMES: str(names)}
            environment |= dict.fromkeys(("NO_PROXY", "no_proxy"), f"127.0.0.1,.{DOMAIN}")
            if certificate is not None:
                environment["SSL_CERT_FILE"] = str(certificate.certificate)
            with run_daemon(
                directory, overrides, environment=environment, module="benches.resolver"
            ) as daemon:
                return self._hold(daemon, stand, stage, fault)

    def _hold(self, daemon: Daemon, stand: Stand, stage: str | None, fault: str | None) -> Calls:
        fault_turn = NETWORK_TURN if fault == NETWORK else FAULT_TURN
        if stage is not None and fault is not None:
            stand.arm(fault_turn + 1, SCENARIOS[stage][fault])
        turns = [self._turns[number % len(self._turns)] for number in range(fault_turn + 2)]
        first = _call(CallPlan(tuple(turns), url=daemon.voice_url, gap_s=GAP_S))
        told = fetch_turns(daemon, first)
        end = first.turns[fault_turn].daemon
        engines = [find_engines(told, end.speech_end if end else None), {}]
        following = None
        if stage is None or stage not in MATRIX or fault in MATRIX[stage]:
            following = _call(CallPlan(self._turns[:1], url=daemon.voice_url, seed=2))
            end = following.turns[0].daemon
            engines[1] = find_engines(
                fetch_turns(daemon, following), end.speech_end if end else None
            )
        heard = tuple(str(turn["transcript"]) for turn in told)
        return Calls(first, fault_turn, following, (engines[0], engines[1]), heard)

    def _judge(self, stage: str, fault: str, calls: Calls, normal_ms: Sequence[float]) -> Row:
        turn = calls.first.turns[calls.fault_turn]
        daemon = turn.daemon
        transcript = daemon.transcript if daemon and daemon.transcript else ""
        said = self._prompts[FAULT_TURN].words
        following = calls.following.turns[0] if calls.following else None
        turns = [*calls.first.turns, *(calls.following.turns if calls.following else ())]
        before = sum(number % len(SAID) == FAULT_TURN for number in range(calls.fault_turn))
        asked = sum(compare_words(said, heard).is_whole for heard in calls.heard) - before
        return Row(
            stage=stage,
            fault=fault,
            engines=tuple(calls.engines[0].get(kind, "") for kind in KINDS),
            unanswered=tuple(
                f"{turn.number} {turn.status}" for turn in turns if not is_answered(turn)
            ),
            extra_ms=_minus(turn.voice_to_voice_ms, normal_ms[FAULT_TURN]),
            hole_ms=longest_hole_ms(calls.first, calls.fault_turn),
            question=compare_words(said, transcript),
            asked=asked,
            reply=self._hear_reply(calls.first, turn),
            next_call_ms=_minus(following.voice_to_voice_ms if following else None, normal_ms[0]),
            next_hole_ms=longest_hole_ms(calls.following, 0) if calls.following else 0.0,
            next_engine=" ".join(
                calls.engines[1].get(kind, "") for kind in KINDS if kind in _stages(stage)
            ),
        )

    def _hear_reply(self, report: CallReport, turn: TurnReport) -> Heard | None:
        if turn.answer_s is None or report.recording is None:
            return None
        until = report.turns[turn.number].speech_start_s or math.inf
        first, last = (round(min(at, report.duration_s) * RATE_HZ) for at in (turn.answer_s, until))
        said = turn.daemon.reply if turn.daemon and turn.daemon.reply else ""
        return self._ear.judge(said, report.recording[first:last, 1])


def _call(plan: CallPlan) -> CallReport:
    reports = asyncio.run(place_calls([plan], CALL_LIMIT_S))
    check_connected(reports)
    return reports[0]


def _stages(stage: str) -> Sequence[str]:
    """The stages that a scenario's name names."""
    return KINDS if stage == "all" else stage.split("+")


def fetch_turns(daemon: Daemon, report: CallReport) -> Sequence[Mapping[str, Any]]:
    """The turns of a call as the daemon tells them."""
    url = f"{daemon.base_url}/calls/{report.call_sid}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        turns: Sequence[Mapping[str, Any]] = json.load(answer)["turns"]
    return turns


def find_engines(turns: Sequence[Mapping[str, Any]], end: float | None) -> Mapping[str, str]:
    """Which engines served the turn whose speech ended then, by kind."""
    for turn in turns:
        if turn["speech_end"] == end:
            return {kind: turn[f"{kind}_engine"] for kind in KINDS}
    return {}


def find_normal(calls: Sequence[Calls]) -> tuple[float, ...]:
    """Median voice_to_voice of each turn, milliseconds; the first turns of all calls together."""
    reports = [report for each in calls for report in (each.first, each.following) if report]
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


def choose_faults(
    stages: Sequence[str], faults: Sequence[str], *, matrix: bool = False
) -> list[tuple[str, str]]:
    """What to bring about: all that was named, everything when nothing was.

    Args:
        matrix: only the faults that every stage has, each alone.
    """
    return [
        (stage, fault)
        for stage, known in SCENARIOS.items()
        for fault in known
        if (not stages or stage in stages)
        and (not faults or fault in faults)
        and (not matrix or fault in MATRIX.get(stage, ()))
    ]


def _minus(figure: float | None, normal: float) -> float | None:
    return None if figure is None else figure - normal


def run(directory: Path, wanted: Sequence[tuple[str, str]], shows: bool) -> Result:
    """Measure these faults; `directory` is for configs and logs."""
    if shows and sys.stdout.isatty():
        print(f"{len(wanted)} faults, about {0.6 * (len(wanted) + BASELINE_CALLS):.0f} minutes")
    return Bench(directory).run(wanted, shows)
