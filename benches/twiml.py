"""`scripts/bench twiml`: calls in turns, driven as Twilio drives them, with the real local model.

The daemon runs with the shipped config but `transport = "twiml"`, offline, its webhooks signed.
For each tier: calls of five turns, one after the other or several at once. What is compared with
the tier's target is the time from the `SpeechResult` to the TwiML that holds the reply's first
words, by the caller's clock and by the daemon's (`voice_to_voice_ms`).
"""

import asyncio
import json
import tomllib
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benches.daemon import CONFIG, Daemon, run_daemon
from benches.line import BenchFailed
from benches.prompts import TURN_PROMPTS, load_labels
from benches.stats import median, percentile
from benches.twilio_turns import Turn, TurnsCaller

TIERS = ("free", "starter")
PUBLIC_URL = "https://voice.example.com"
AUTH_TOKEN = "bench-token"
API_TOKEN = "bench-token-of-the-operator"
STAGGER_S = 0.7
WEBHOOK_LIMIT_MS = 15_000.0
"""Twilio is believed to wait this long."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for."""

    tiers: tuple[str, ...] = TIERS
    calls: int = 4
    turns: int = 5
    at_once: int = 1
    """Calls that run at the same time."""
    tells_partials: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """The calls of one tier."""

    tier: str
    target_ms: float
    turns: int
    answered: int
    """Turns in which the model's own words were said."""
    filled: int
    """Turns that were answered by a filler first."""
    fetched: int
    """Turns that took more than one document."""
    answer_ms: tuple[float, ...]
    """From each result to its first TwiML."""
    words_ms: tuple[float, ...]
    """From each result to the TwiML with the reply's first words, by the daemon's journal."""
    slowest_request_ms: float
    wasted_tokens: int
    """Of replies that were begun on words that were not all."""

    @property
    def is_good(self) -> bool:
        """Every turn was answered, 95 in 100 within the target, every request within the limit."""
        slow = percentile(self.words_ms, 95)
        return (
            self.answered == self.turns > 0
            and slow is not None
            and slow <= self.target_ms
            and self.slowest_request_ms < WEBHOOK_LIMIT_MS
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found."""

    steps: tuple[Step, ...]

    @property
    def is_good(self) -> bool:
        return all(step.is_good for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return {"is_good": self.is_good, **asdict(self)}


async def run(directory: Path, options: Options, shows_progress: bool) -> Result:
    """Start a daemon for each tier and call it.

    Raises:
        BenchFailed: a call could not be led as Twilio leads one.
    """
    shipped = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    done = []
    for tier in options.tiers:
        overrides = {
            "call.tier": tier,
            f"tiers.{tier}.transport": "twiml",
            "server.public_url": PUBLIC_URL,
        }
        environment = {"TWILIO_AUTH_TOKEN": AUTH_TOKEN, "VOXD_API_TOKEN": API_TOKEN}
        with run_daemon(directory, overrides, environment=environment) as daemon:
            calls = await _place_calls(daemon.base_url, options)
            told = [fetch_turns(daemon, call_sid) for call_sid, _ in calls]
        target_ms = shipped["tiers"][tier]["target_s"] * 1000
        fillers = shipped["phrases"]["en"]["fillers"]
        step = sum_up(tier, target_ms, [turns for _, turns in calls], told, fillers)
        done.append(step)
        if shows_progress:
            show_step(step)
    return Result(tuple(done))


async def _place_calls(base_url: str, options: Options) -> list[tuple[str, list[Turn]]]:
    """The calls, each with its CallSid."""
    words = [load_labels()[name].words for name in TURN_PROMPTS]
    room = asyncio.Semaphore(options.at_once)

    async def place(call: int) -> tuple[str, list[Turn]]:
        async with room:
            await asyncio.sleep(STAGGER_S * (call % options.at_once))
            caller = TurnsCaller(http, base_url, PUBLIC_URL, AUTH_TOKEN)
            await caller.dial()
            turns: list[Turn] = []
            for turn in range(options.turns):
                text = words[(call * options.turns + turn) % len(words)]
                turns.append(await caller.say(text, tells_partials=options.tells_partials))
                if turns[-1].is_over:
                    break
            await caller.hang_up()
            return caller.ids.call_sid, turns

    async with aiohttp.ClientSession() as http:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(place(call)) for call in range(options.calls)]
        except* (BenchFailed, aiohttp.ClientError, TimeoutError) as errors:
            raise BenchFailed(str(errors.exceptions[0])) from None
    return [task.result() for task in tasks]


def fetch_turns(daemon: Daemon, call_sid: str) -> list[dict[str, Any]]:
    """The daemon's own figures of a call; its API token must be `API_TOKEN`."""
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    request = urllib.request.Request(f"{daemon.base_url}/calls/{call_sid}", headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        turns: list[dict[str, Any]] = json.load(answer)["turns"]
        return turns


def sum_up(
    tier: str,
    target_ms: float,
    calls: Sequence[Sequence[Turn]],
    told: Sequence[Sequence[dict[str, Any]]],
    fillers: Sequence[str],
) -> Step:
    """The figures of some calls, by the caller and by the daemon."""
    turns = [turn for call in calls for turn in call]
    figures = [turn for call in told for turn in call]
    words_ms = [turn["voice_to_voice_ms"] for turn in figures]
    return Step(
        tier,
        target_ms,
        turns=len(turns),
        answered=sum(ms is not None for ms in words_ms),
        filled=sum(any(filler in turn.requests[0].said for filler in fillers) for turn in turns),
        fetched=sum(len(turn.requests) > 1 for turn in turns),
        answer_ms=tuple(turn.answer_ms for turn in turns),
        words_ms=tuple(ms for ms in words_ms if ms is not None),
        slowest_request_ms=max(
            (request.took_ms for turn in turns for request in turn.requests), default=0.0
        ),
        wasted_tokens=sum(turn["wasted_tokens"] for turn in figures),
    )


def show_step(step: Step) -> None:
    """One tier, for people."""
    print(
        f"{step.tier}: {step.answered} of {step.turns} turns answered by the model,"
        f" {step.filled} behind a filler, {step.fetched} in several documents;"
        f" {step.wasted_tokens} tokens written for nothing"
    )
    for label, values in (
        ("SpeechResult to first TwiML", step.answer_ms),
        ("SpeechResult to the reply's first words", step.words_ms),
    ):
        figures = ", ".join(
            f"{name} {_ms(value)}"
            for name, value in (
                ("p50", median(values)),
                ("p90", percentile(values, 90)),
                ("p95", percentile(values, 95)),
                ("worst", max(values, default=None)),
            )
        )
        print(f"  {label}: {figures}")
    print(f"  slowest request {step.slowest_request_ms:.0f} ms; target {step.target_ms:.0f} ms")


def show_verdict(result: Result) -> None:
    """The end of the report, for people."""
    print("kept" if result.is_good else "NOT KEPT: see above")


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"
