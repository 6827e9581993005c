"""How many calls does this machine hold? Calls of the simulated caller, to a daemon in here. I/O.

Computed so: the config's own local engines are opened and warmed as the daemon does it, and as many
callers as they are said to hold (`sequences`, `max_calls`) ring at once, on loopback, in real time.
Each says two questions, which the machine's own voice speaks, and measures from the end of a
question to the first sound of the answer, as `scripts/bench calls` does. They are held when every
question was answered, no answer had a hole, and the 95th percentile is within the target of the
first tier that begins with local engines; else half as many are tried, then one. A round takes some
ten seconds, so there are few answers (two a caller) and the percentile is near their worst: a
figure to plan with, not a benchmark.

Shadow sequences (cloud calls that the local model reads along): how fast it reads a long prompt,
half of that kept for them, by the tokens that a conversation brings each second.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import cast

from voxd.audio.g711 import decode_mulaw
from voxd.caller.call import place_call
from voxd.caller.plan import CallPlan, Hangup, HangupMoment, PlanError, Turn, build_turn
from voxd.caller.report import CallReport, Outcome, TurnReport, TurnStatus
from voxd.commands import Message
from voxd.config import Alerts, Cache, Config, Lookup, Records, Server, Tier
from voxd.contracts import (
    LanguageModel,
    Priority,
    ReplyRequest,
    SpeechRequest,
    TextToSpeech,
    Urgency,
    Usage,
)
from voxd.engines.registry import ENTRIES
from voxd.errors import VoxdError
from voxd.events import Kind
from voxd.runtime import Runtime, open_runtime
from voxd.server.guard import Guard
from voxd.server.http import build_app
from voxd.server.keys import DoorKeys
from voxd.server.listen import listen
from voxd.server.state import ServerState

TIER = "doctor"
MOST_CALLERS = 16
"""More callers in one process would be measured themselves."""
STAGGER_S = 0.4
ROUND_S = 40.0
"""A round that is not over by then is not held."""
MOST_ROUNDS = 3
"""As many as there is room for, half of them, one alone."""
TARGET_S = 3.0
"""Where no tier begins with local engines: what the shipped free one promises."""
MAX_TOKENS = 24
"""Of a reply: some five seconds of speech, so that a round is short."""
GREETING = "Hello?"
QUESTIONS = (
    "What time do you open on Saturday?",
    "Can I book a table for four people?",
    "Where can I park my car?",
    "Do you take credit cards?",
)
SHADOW_TOKENS_PER_S = 10.0
"""What a conversation brings: some 80 tokens in a turn of both sides, every eight seconds."""
SHADOW_SHARE = 0.5
"""Of the reading speed; the rest is for calls."""
READ_WORDS = 400
"""Of the prompt that is read to see how fast."""


class Unmeasurable(VoxdError):
    """There is nothing to measure here, and why."""


@dataclass(frozen=True, slots=True)
class Round:
    """So many callers at once."""

    callers: int
    due: int
    answered: int
    holes: int
    p95_s: float | None
    """Of `voice_to_voice`; None: nobody was answered."""

    def is_held(self, target_s: float) -> bool:
        """Everybody was answered in time and without a hole."""
        is_whole = self.answered == self.due and not self.holes
        return is_whole and self.p95_s is not None and self.p95_s <= target_s


@dataclass(frozen=True, slots=True)
class Capacity:
    """What was found."""

    rounds: tuple[Round, ...]
    """The last one is the most that was held, if it was."""
    target_s: float
    tokens_per_s: float | None
    """How fast the local model reads; None: it did not say."""

    @property
    def held(self) -> Round | None:
        """The round that was held."""
        last = self.rounds[-1]
        return last if last.is_held(self.target_s) else None

    @property
    def shadows(self) -> int:
        """Cloud calls that it can read along."""
        return math.floor((self.tokens_per_s or 0.0) * SHADOW_SHARE / SHADOW_TOKENS_PER_S)


async def measure_capacity(config: Config) -> Capacity:
    """Ring at once, with fewer until they are held.

    Raises:
        Unmeasurable: without local engines of each kind there is nothing to measure.
        VoxdError: they do not start.
    """
    local = derive_local(config)
    async with _serving(local) as (url, runtime):
        turns = await _speak(runtime)
        rounds = []
        callers = local.server.max_calls
        while True:
            rounds.append(sum_up(await _ring(url, turns, callers)))
            if rounds[-1].is_held(local.tier().target_s) or callers == 1:
                break
            callers = callers // 2 if len(rounds) + 1 < MOST_ROUNDS else 1
        tokens_per_s = await _read(runtime)
    return Capacity(tuple(rounds), local.tier().target_s, tokens_per_s)


def derive_local(config: Config) -> Config:
    """The config with its local engines only, on loopback, with nobody to be asked or told.

    Raises:
        Unmeasurable: no tier names a local engine of each kind that speaks the language.
    """
    tier = config.tier()
    tiers = (tier, *config.tiers.values())
    chains = {}
    for kind in (Kind.STT, Kind.LLM, Kind.TTS, Kind.TURN):
        named = [name for each in tiers for name in getattr(each, kind)]
        chains[str(kind)] = tuple(name for name in named if ENTRIES[name].is_local)[:1]
    missing = [kind for kind in ("stt", "llm", "tts") if not chains[kind]]
    if missing:
        raise Unmeasurable(f"no local engine of {', '.join(missing)}: calls are the cloud's")
    language = config.agent.language
    for needed in ("stt", "llm", "tts"):
        spoken = config.engines[chains[needed][0]].languages
        if spoken and language not in spoken:
            raise Unmeasurable(f"the local {needed} does not know {language!r}")
    sequences = config.engines[chains["llm"][0]].sequences
    own = {
        **chains,
        **{"transport": "stream", "no_room": ("sentence",), "filler_after_s": 0.0},
        "target_s": _local_target_s(tiers),
    }
    agent = {
        **{"greeting": GREETING, "max_tokens": MAX_TOKENS, "tools": (), "voices": {}},
        "on_failure": "hang_up",
    }
    server = Server(port=0, max_calls=max(1, min(sequences, config.server.max_calls, MOST_CALLERS)))
    return config.model_copy(
        update={
            "server": server,
            "call": config.call.model_copy(update={"tier": TIER}),
            "tiers": {TIER: tier.model_copy(update=own)},
            "agent": config.agent.model_copy(update=agent),
            "agents": {},
            "numbers": {},
            "lookup": Lookup(),
            "tools": {},
            "cache": Cache(directory="", reply_characters=0),
            "records": Records(database=""),
            "alerts": Alerts(),
        }
    )


def _local_target_s(tiers: Sequence[Tier]) -> float:
    """What calls that begin with local engines are promised: the cloud's target is not theirs."""
    for tier in tiers:
        if all(ENTRIES[chain[0]].is_local for chain in (tier.stt, tier.llm, tier.tts)):
            return tier.target_s
    return TARGET_S


def sum_up(reports: Sequence[CallReport]) -> Round:
    """A round's figures, of its calls' reports."""
    # Of the second question, in whose answer the caller hangs up, the beginning counts.
    turns = [turn for report in reports for turn in report.turns]
    answered = [turn for turn in turns if _is_answered(turn)]
    waits_s = sorted(
        turn.voice_to_voice_ms / 1000 for turn in answered if turn.voice_to_voice_ms is not None
    )
    is_connected = all(report.outcome is Outcome.CONNECTED for report in reports)
    return Round(
        callers=len(reports),
        due=len(turns) + (0 if is_connected else 1),
        answered=len(answered),
        holes=sum(len(report.holes) for report in reports),
        p95_s=waits_s[math.ceil(0.95 * len(waits_s)) - 1] if waits_s else None,
    )


def _is_answered(turn: TurnReport) -> bool:
    return turn.status is TurnStatus.ANSWERED and turn.is_confirmed is not False


@asynccontextmanager
async def _serving(config: Config) -> AsyncIterator[tuple[str, Runtime]]:
    """A daemon in this process: its webhook's address and what its calls share."""
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(open_runtime(config))
        state = ServerState(config, Guard(DoorKeys(), "", ()))
        host, port = await stack.enter_async_context(listen(build_app(state), config.server))
        state.open(runtime)
        yield f"http://{host}:{port}/twilio/voice", runtime


async def _ring(url: str, turns: Sequence[Turn], callers: int) -> list[CallReport]:
    """All at once, each beginning with another question."""
    plans = [
        CallPlan(
            (turns[index % len(turns)], turns[(index + 1) % len(turns)]),
            url=url,
            seed=index + 1,
            delay_s=index * STAGGER_S,
            hangup=Hangup(2, HangupMoment.MID_REPLY),
        )
        for index in range(callers)
    ]
    tasks = []
    try:
        async with asyncio.timeout(ROUND_S), asyncio.TaskGroup() as group:
            tasks = [group.create_task(place_call(plan)) for plan in plans]
    except TimeoutError:
        return [CallReport(f"{index}", Outcome.FAILED) for index in range(callers)]
    return [task.result() for task in tasks]


async def _speak(runtime: Runtime) -> tuple[Turn, ...]:
    """The callers' questions, by the machine's own voice."""
    config = runtime.config
    voice = cast(TextToSpeech, runtime.engines[config.tier().tts[0]])
    language = config.agent.language
    texts = QUESTIONS if language == "en" else (config.phrases.reprompt, config.phrases.too_slow)
    turns = []
    for text in texts:
        request = SpeechRequest("doctor", 0, language, "", Urgency(Priority.GREETING))
        async with voice.open_speech(request) as speech:
            mulaw = b"".join([piece async for piece in speech.speak(text, is_last=True)])
        try:
            turns.append(build_turn(text, decode_mulaw(mulaw)))
        except PlanError:
            raise Unmeasurable("the local voice is silent") from None
    return tuple(turns)


async def _read(runtime: Runtime) -> float | None:
    """Tokens a second that the local model reads, of a prompt that it does not know."""
    llm = cast(LanguageModel, runtime.engines[runtime.config.tier().llm[0]])
    text = " ".join(f"word{number}" for number in range(READ_WORDS // 4))
    messages = (Message("user", text),)
    request = ReplyRequest("doctor", 0, messages, 1, 0.0, Urgency(Priority.COMMITTED))
    now = asyncio.get_running_loop().time
    begun_at = now()
    try:
        async for piece in llm.stream_reply(request):
            if isinstance(piece, Usage):
                return (piece.prompt_tokens - piece.cached_tokens) / (now() - begun_at)
    finally:
        await llm.release("doctor")
    return None
