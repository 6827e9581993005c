"""How each loopback provider of `failover` is made to fail, in the middle of a call.

A fault that is of a handshake ends the open connections first: what is refused then is the
reconnect, as in a real outage. All last until the stand is closed.
"""

from collections.abc import Awaitable, Callable

from benches.stand import Stand
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

TOKENS_BEFORE = 3
"""A model that fails in mid-stream has written so many."""
CHUNKS_BEFORE = 7
"""A voice that fails in mid-stream has sent so many tenths of a second: it is in the middle of the
second word of `replies`, and little is buffered ahead."""
RETRY_AFTER = "7"


def shut(engine: str) -> Fault:
    """Nobody listens any more."""
    return lambda stand: stand.shut(engine)


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


STAGES: dict[str, dict[str, Fault]] = {
    "stt": {
        "refused": shut("deepgram"),
        "401": refuse_ear(401),
        "429": refuse_ear(429, RETRY_AFTER),
        "500": refuse_ear(500),
        "no-result": trouble_ear(EarTrouble.MUTE),
        "stall": trouble_ear(EarTrouble.STALL),
        "close": trouble_ear(EarTrouble.CLOSE),
        "drop": trouble_ear(EarTrouble.DROP),
    },
    "llm": {
        "refused": shut("groq"),
        "401": trouble_model(ModelTrouble.STATUS, status=401),
        "429": trouble_model(ModelTrouble.STATUS, status=429, retry_after=RETRY_AFTER),
        "500": trouble_model(ModelTrouble.STATUS, status=500),
        "no-result": trouble_model(ModelTrouble.STALL_BEFORE_HEADERS),
        "stall": trouble_model(ModelTrouble.STALL, after=TOKENS_BEFORE),
        "close": trouble_model(ModelTrouble.END, after=TOKENS_BEFORE),
        "drop": trouble_model(ModelTrouble.DROP, after=TOKENS_BEFORE),
    },
    "tts": {
        "refused": shut("cartesia"),
        "401": refuse_voice(401),
        "429": refuse_voice(429, RETRY_AFTER),
        "500": trouble_voice(VoiceTrouble.ERROR, status=500),
        "no-result": trouble_voice(VoiceTrouble.STALL),
        "stall": trouble_voice(VoiceTrouble.STALL, after=CHUNKS_BEFORE),
        "close": trouble_voice(VoiceTrouble.CLOSE, after=CHUNKS_BEFORE, status=1011),
        "drop": trouble_voice(VoiceTrouble.DROP, after=CHUNKS_BEFORE),
    },
}
"""By the stage that fails; `no-result` stalls before the first result, `stall`, `close` and `drop`
come in mid-stream."""

FAULT_NAMES = tuple(STAGES["stt"])
"""The same for every stage."""
