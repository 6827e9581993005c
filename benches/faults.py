"""How each loopback provider of `failover` is made to fail, in the middle of a call.

A fault that is of a handshake ends the open connections first: what is refused then is the
reconnect, as in a real outage. All last until the stand is closed.
"""

from collections.abc import Awaitable, Callable
from itertools import combinations

from benches.gate import Manner
from benches.stand import LLM_S, STT_S, TOKEN_S, TTS_S, Stand
from tests.servers.cartesia_script import Fault as VoiceFault
from tests.servers.cartesia_script import Refusal as VoiceRefusal
from tests.servers.cartesia_script import Trouble as VoiceTrouble
from tests.servers.deepgram_script import Fault as EarFault
from tests.servers.deepgram_script import Refusal as EarRefusal
from tests.servers.deepgram_script import Trouble as EarTrouble
from tests.servers.groq_script import Fault as ModelFault
from tests.servers.groq_script import Trouble as ModelTrouble

Fault = Callable[[Stand], Awaitable[None]]
"""Makes a provider fail from now on."""

TLS = "tls-hang"
"""This one needs providers that are reached by TLS."""
NETWORK = "network"
"""All is refused, after ten turns."""
TOKENS_BEFORE = 3
"""A model that fails in mid-stream has written so many."""
CHUNKS_BEFORE = 7
"""A voice that fails in mid-stream has sent so many tenths of a second: it is in the middle of the
second word of `replies`."""
RETRY_AFTER = "7"
SLOW = 5.0
"""Results take so many times longer."""
NEAR_REAL_TIME = 1.1
"""Speed of a voice that is hardly faster than it is heard: what it has sent is on the line."""


def shut(engine: str) -> Fault:
    """Nobody listens any more."""
    return lambda stand: stand.gates[engine].shut()


def leave_at_gate(engine: str, manner: Manner) -> Fault:
    """The connections are reset, and this is what becomes of new ones."""

    async def fault(stand: Stand) -> None:
        stand.gates[engine].manner = manner
        stand.gates[engine].drop_all()

    return fault


def forget_name(engine: str) -> Fault:
    """The connections are reset, and the resolver knows the provider no more."""

    async def fault(stand: Stand) -> None:
        stand.forget_name(engine)
        stand.gates[engine].drop_all()

    return fault


def together(*faults: Fault) -> Fault:
    """All of these."""

    async def fault(stand: Stand) -> None:
        for each in faults:
            await each(stand)

    return fault


def refuse_ear(status: int, retry_after: str = "") -> Fault:
    """The stream is dropped, and every handshake is answered so."""

    async def fault(stand: Stand) -> None:
        stand.ear.script.refusal = EarRefusal(status, "scripted", retry_after)
        stand.ear.script.fault = EarFault(EarTrouble.DROP)

    return fault


def trouble_ear(trouble: EarTrouble) -> Fault:
    """Every stream does so from now."""

    async def fault(stand: Stand) -> None:
        stand.ear.script.fault = EarFault(trouble)

    return fault


async def hear_no_words(stand: Stand) -> None:
    """Speech has no words any more."""
    stand.is_deaf = True


async def hear_slowly(stand: Stand) -> None:
    """Words come later."""
    script = stand.ear.script
    script.interim_delay_s = script.final_delay_s = SLOW * STT_S


async def write_slowly(stand: Stand) -> None:
    """Tokens come later."""
    script = stand.model.script
    script.first_token_s, script.token_s = SLOW * LLM_S, SLOW * TOKEN_S


async def only_reason(stand: Stand) -> None:
    """Thoughts, and not a word of an answer."""
    stand.model.script.reasoning = ("well",) * 20
    stand.model.script.reply = lambda _: []


async def speak_slowly(stand: Stand) -> None:
    """Audio comes later, and five times slower than it is heard."""
    script = stand.voice.script
    script.first_audio_s, script.speed = SLOW * TTS_S, 1 / SLOW


def slow_voice(trouble: VoiceTrouble) -> Fault:
    """Every input does so from now, and when it does all of it is on the line already."""

    async def fault(stand: Stand) -> None:
        stand.voice.script.speed = NEAR_REAL_TIME
        stand.voice.script.fault = VoiceFault(trouble, after=CHUNKS_BEFORE)

    return fault


def trouble_model(
    trouble: ModelTrouble, after: int = 0, status: int = 500, retry_after: str = ""
) -> Fault:
    """Every reply does so from now."""

    async def fault(stand: Stand) -> None:
        stand.model.script.fault = ModelFault(
            trouble, after=after, status=status, retry_after=retry_after
        )

    return fault


def refuse_voice(status: int, retry_after: str = "") -> Fault:
    """The sockets are dropped, and every handshake is answered so."""

    async def fault(stand: Stand) -> None:
        stand.voice.script.refusal = VoiceRefusal(status, retry_after)
        stand.voice.drop_all()

    return fault


def trouble_voice(trouble: VoiceTrouble, after: int = 0, status: int = 500) -> Fault:
    """Every input does so from now."""

    async def fault(stand: Stand) -> None:
        stand.voice.script.fault = VoiceFault(trouble, after=after, status=status)

    return fault


MATRIX: dict[str, dict[str, Fault]] = {
    "stt": {
        "refused": shut("deepgram"),
        "401": refuse_ear(401),
        "429": refuse_ear(429, RETRY_AFTER),
        "500": refuse_ear(500),
        "no-result": trouble_ear(EarTrouble.MUTE),
        "stall": trouble_ear(EarTrouble.STALL),
        "reset": trouble_ear(EarTrouble.DROP),
        "garbage": trouble_ear(EarTrouble.GARBAGE),
    },
    "llm": {
        "refused": shut("groq"),
        "401": trouble_model(ModelTrouble.STATUS, status=401),
        "429": trouble_model(ModelTrouble.STATUS, status=429, retry_after=RETRY_AFTER),
        "500": trouble_model(ModelTrouble.STATUS, status=500),
        "no-result": trouble_model(ModelTrouble.STALL_BEFORE_HEADERS),
        "stall": trouble_model(ModelTrouble.STALL, after=TOKENS_BEFORE),
        "reset": trouble_model(ModelTrouble.DROP, after=TOKENS_BEFORE),
        "garbage": trouble_model(ModelTrouble.GARBAGE, after=TOKENS_BEFORE),
    },
    "tts": {
        "refused": shut("cartesia"),
        "401": refuse_voice(401),
        "429": refuse_voice(429, RETRY_AFTER),
        "500": trouble_voice(VoiceTrouble.ERROR, status=500),
        "no-result": trouble_voice(VoiceTrouble.STALL),
        "stall": trouble_voice(VoiceTrouble.STALL, after=CHUNKS_BEFORE),
        "reset": trouble_voice(VoiceTrouble.DROP, after=CHUNKS_BEFORE),
        "garbage": trouble_voice(VoiceTrouble.GARBAGE, after=CHUNKS_BEFORE),
    },
}
"""By the stage that fails. `no-result` stalls before the first result; `stall`, `reset` and
`garbage` come in mid-stream."""

MORE: dict[str, dict[str, Fault]] = {
    "stt": {
        "close": trouble_ear(EarTrouble.CLOSE),
        "402": refuse_ear(402),
        "slow": hear_slowly,
        "no-words": hear_no_words,
    },
    "llm": {
        "close": trouble_model(ModelTrouble.END, after=TOKENS_BEFORE),
        "402": trouble_model(ModelTrouble.STATUS, status=402),
        "slow": write_slowly,
        "reasoning": only_reason,
    },
    "tts": {
        "close": trouble_voice(VoiceTrouble.CLOSE, after=CHUNKS_BEFORE, status=1011),
        "402": refuse_voice(402),
        "slow": speak_slowly,
        "stall-heard": slow_voice(VoiceTrouble.STALL),
        "reset-heard": slow_voice(VoiceTrouble.DROP),
    },
}
"""`close` is an orderly end in mid-stream. In `stall-heard` and `reset-heard` the broken word is on
the line already; in `stall` and `reset` most of it can be taken back."""

AT_THE_GATE: dict[str, Callable[[str], Fault]] = {
    "no-name": forget_name,
    TLS: lambda engine: leave_at_gate(engine, Manner.MUTE),
    "handshake": lambda engine: leave_at_gate(engine, Manner.RESET),
}
"""For each stage: the name is not resolved, the TLS handshake hangs, it is reset."""

ENGINES = {"stt": "deepgram", "llm": "groq", "tts": "cartesia"}
MID_STREAM = ("stall", "reset")


def _scenarios() -> dict[str, dict[str, Fault]]:
    found = {
        stage: {
            **faults,
            **MORE[stage],
            **{name: fault(ENGINES[stage]) for name, fault in AT_THE_GATE.items()},
        }
        for stage, faults in MATRIX.items()
    }
    for one, other in combinations(MATRIX, 2):
        found[f"{one}+{other}"] = {
            f"{first}+{second}": together(MATRIX[one][first], MATRIX[other][second])
            for first in MID_STREAM
            for second in MID_STREAM
        }
    gone = together(*(shut(engine) for engine in ENGINES.values()))
    found["all"] = {
        "reset": together(*(faults["reset"] for faults in MATRIX.values())),
        "stall": together(*(faults["stall"] for faults in MATRIX.values())),
        "refused": gone,
        NETWORK: gone,
    }
    return found


SCENARIOS = _scenarios()
"""Everything that is brought about: stage or stages, name, fault."""
FAULT_NAMES = tuple(dict.fromkeys(name for faults in SCENARIOS.values() for name in faults))
