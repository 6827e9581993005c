"""A stage whose first engines are the real SDKs at loopback providers, with fakes behind them.

In virtual time (`tests.fakes.clock.LoopbackLoop`). Each provider has a gate and a name, as in
`benches.stand`, so that the faults of `benches.faults` can be brought about here as well.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast
from unittest import mock

from benches.gate import DOMAIN, Certificate, Gate, open_gate
from benches.stand import LLM_S, STT_S, TOKEN_S, TTS_S
from tests.scenarios.duet import ANSWER, QUESTION, Duet, duet_config
from tests.servers import cartesia, deepgram, groq
from tests.servers.cartesia_script import KEY
from tests.servers.cartesia_script import Script as VoiceScript
from tests.servers.deepgram_listen import ListenV1
from tests.servers.deepgram_script import Script as EarScript
from tests.servers.deepgram_script import Utterance
from tests.servers.deepgram_speech import Spoken
from tests.servers.groq_script import Script as ModelScript
from voxd.contracts import LINE_RATE_HZ, Engine
from voxd.engines.local.compute import LocalCompute
from voxd.engines.registry import open_engines, settings_types

AGAIN = "And what do you sell?"
"""What the caller says after the question."""
WORD_S = 0.55
"""Each word of the loopback voice: a fault after 0.7 s comes in the middle of the second."""
ENGINES = ("deepgram", "groq", "cartesia")
SECRETS = dict.fromkeys(("DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY"), KEY)


class WordByWord:
    """The loopback voice: each text is one repeated byte, each of its words takes `WORD_S`."""

    first_byte = 1

    def __init__(self) -> None:
        self.texts: list[str] = []

    def speak(self, text: str) -> bytes:
        text = text.strip()
        if text not in self.texts:
            self.texts.append(text)
        byte = self.first_byte + self.texts.index(text)
        return bytes([byte]) * round(len(text.split()) * WORD_S * LINE_RATE_HZ)


@dataclass
class Cloud(Duet):
    """Made by `open_cloud`."""

    real: dict[str, Engine] = field(default_factory=dict)
    """The engines at the providers."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sound = WordByWord()
        self.is_deaf = False
        self.known: set[str] = set()
        self.gates: dict[str, Gate] = {}
        self.ear: deepgram.DeepgramServer
        self.model: groq.GroqServer
        self.voice: cartesia.CartesiaServer

    @property
    def engines(self) -> dict[str, Engine]:
        return {**self.real, **{engine.name: engine for engine in self.more}}

    def forget_name(self, engine: str) -> None:
        """See `benches.stand.Stand`."""
        self.known.discard(engine)

    @property
    def prompts(self) -> list[str]:
        asked = [reply.body["messages"][-1]["content"] for reply in self.model.replies]
        asked += [request.messages[-1].content for request in self.spare_llm.requests]
        return list(dict.fromkeys(asked))

    def heard_words(self, since: float = 0.0) -> list[str]:
        words: list[str] = []
        for byte, seconds in self.heard_sounds(since):
            if byte < self.spare_tts.first_byte:
                text = self.sound.texts[byte - self.sound.first_byte]
                # Half a word and a frame, whose first byte stands for all of it.
                words += text.split()[: int(seconds / WORD_S + 0.5 - 0.02)]
            else:
                words += self.words_of(self._text_of(byte), seconds)
        return words


@contextlib.asynccontextmanager
async def open_cloud(certificate: Certificate | None = None) -> AsyncIterator[Cloud]:
    """Providers that are well and engines that are warm; with a certificate by TLS."""
    stage = Cloud()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_resolving(stage))
        # By its own clock it would know every address for longer than a test lasts.
        now = asyncio.get_running_loop().time
        stack.enter_context(mock.patch("aiohttp.connector.monotonic", now))
        stack.enter_context(mock.patch.dict(os.environ, SECRETS))
        os.environ.pop("CREDENTIALS_DIRECTORY", None)
        for proxies in ("NO_PROXY", "no_proxy"):
            stack.enter_context(mock.patch.dict(os.environ, {proxies: f"127.0.0.1,.{DOMAIN}"}))
        if certificate is not None:
            trusted = {"SSL_CERT_FILE": str(certificate.certificate)}
            stack.enter_context(mock.patch.dict(os.environ, trusted))
        await _open_servers(stage, stack)
        servers = {"deepgram": stage.ear, "groq": stage.model, "cartesia": stage.voice}
        tables = {}
        for name, server in servers.items():
            port = int(server.url.rpartition(":")[2])
            stage.gates[name] = await stack.enter_async_context(open_gate(port, certificate))
            scheme = "https" if certificate else "http"
            url = f"{scheme}://{name}.{DOMAIN}:{stage.gates[name].port}"
            tables[name] = settings_types()[name][1].model_validate({"base_url": url})
        stage.known = set(servers)
        stage.config = _config(tables)
        opening = open_engines(ENGINES, stage.config, cast(LocalCompute, None))
        stage.real = await stack.enter_async_context(opening)
        await asyncio.gather(*(engine.warm() for engine in stage.real.values()))
        yield stage


def next_call(stage: Cloud) -> Cloud:
    """The stage of the next call: the same engines, providers and health."""
    again = Cloud(config=stage.config, real=stage.real)
    again.line.call_sid = "CA0002"
    for name in ("ear", "model", "voice", "gates", "known", "sound", "more"):
        setattr(again, name, getattr(stage, name))
    again.spare_stt, again.spare_llm = stage.spare_stt, stage.spare_llm
    again.spare_tts = stage.spare_tts
    stage.spare_stt.script = again.line.said
    again.__dict__["runtime"] = stage.runtime
    return again


def _config(tables: dict[str, Any]) -> Any:
    tier = {
        "stt": ["deepgram", "spare-stt"],
        "llm": ["groq", "spare-llm"],
        "tts": ["cartesia", "spare-tts"],
    }
    return duet_config(tier=tier, engines=tables)


async def _open_servers(stage: Cloud, stack: contextlib.AsyncExitStack) -> None:
    class Listen(ListenV1):
        def _results_of(self, words: list[Spoken]) -> dict[str, Any]:
            return super()._results_of([] if stage.is_deaf else words)

    stack.enter_context(mock.patch.dict(deepgram.SESSIONS, {"/v1/listen": Listen}))
    said = (Utterance(QUESTION), Utterance(AGAIN))
    ear = EarScript(said, interim_delay_s=STT_S, final_delay_s=STT_S)
    stage.ear = await stack.enter_async_context(deepgram.open_server(ear))
    tokens = [f" {word}" if number else word for number, word in enumerate(ANSWER.split())]
    model = ModelScript(first_token_s=LLM_S, token_s=TOKEN_S, reply=lambda _: tokens)
    stage.model = await stack.enter_async_context(groq.open_server(model))
    voice = VoiceScript(first_audio_s=TTS_S, speech=stage.sound.speak)
    stage.voice = await stack.enter_async_context(cartesia.open_server(voice))


@contextlib.contextmanager
def _resolving(stage: Cloud) -> Any:
    """Names below `voxd.test` are loopback, as long as the stage knows them."""
    usual = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and name.endswith(f".{DOMAIN}"):
            if name.removesuffix(f".{DOMAIN}") not in stage.known:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            host = "127.0.0.1"
        return usual(host, *args, **kwargs)

    with mock.patch.object(socket, "getaddrinfo", getaddrinfo):
        yield
