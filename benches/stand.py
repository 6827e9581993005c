"""The loopback providers of `failover`, in a thread of their own. I/O.

A thread, because starting a daemon blocks the bench and the daemon needs them meanwhile. Each has a
gate in front of it and a name that the daemon must resolve (`gate`, `resolver`).
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from benches.gate import DOMAIN, Certificate, Gate, open_gate
from tests.servers import cartesia, deepgram, groq
from tests.servers.cartesia_script import Script as VoiceScript
from tests.servers.deepgram_listen import ListenV1
from tests.servers.deepgram_script import Script as EarScript
from tests.servers.deepgram_script import Utterance
from tests.servers.deepgram_speech import Spoken
from tests.servers.groq_script import Script as ModelScript

STT_S, LLM_S, TTS_S = 0.25, 0.22, 0.19
"""What independent measurements of the services say."""
TOKEN_S = 0.02
"""Between two tokens: slow enough for a reply to be cut in the middle of its first clause."""
UTTERANCE_GAP_S = 0.7
"""Speech after so much silence is another utterance."""
INTO_SPEECH_S = 0.6
"""A fault comes this long after the caller began to speak."""

T = TypeVar("T")
Speak = Callable[[str], bytes | AsyncIterator[bytes]]
"""A voice: text to mu-law, whole or by words that are equally long."""


class Stand:
    """The three providers; made by `open_stand`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stack = AsyncExitStack()
        self._names: Path
        self._known: set[str] = set()
        self._scheme = "http"
        self.gates: dict[str, Gate] = {}
        """By engine name."""
        self._armed: tuple[int, Callable[[Stand], Awaitable[None]]] | None = None
        self._utterances = 0
        self.is_deaf = False
        """The loopback Deepgram hears speech, but no words."""
        self._work: set[asyncio.Task[None]] = set()
        self.ear: deepgram.DeepgramServer
        self.model: groq.GroqServer
        self.voice: cartesia.CartesiaServer

    @property
    def urls(self) -> dict[str, str]:
        """Base URL by engine name."""
        return {
            engine: f"{self._scheme}://{engine}.{DOMAIN}:{gate.port}"
            for engine, gate in self.gates.items()
        }

    def arm(self, utterance: int, fault: Callable[["Stand"], Awaitable[None]]) -> None:
        """Bring a fault about while the caller says something for the n-th time, from 1."""
        self._utterances, self._armed = 0, (utterance, fault)

    def note_speech(self) -> None:
        """The loopback Deepgram hears the caller begin."""
        self._utterances += 1
        if self._armed is not None and self._armed[0] == self._utterances:
            self._loop.call_later(INTO_SPEECH_S, self._bring_about, self._armed[1])
            self._armed = None

    def _bring_about(self, fault: Callable[["Stand"], Awaitable[None]]) -> None:
        task = self._loop.create_task(_as_none(fault(self)))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def open(
        self,
        said: Sequence[str],
        speak: Speak,
        reply: str,
        names: Path,
        certificate: Certificate | None,
    ) -> None:
        """Start all three; see `open_stand`."""
        self._names = names
        self._scheme = "https" if certificate else "http"
        tokens = [f" {word}" if number else word for number, word in enumerate(reply.split())]
        self.ear = await self._stack.enter_async_context(
            deepgram.open_server(
                EarScript(
                    utterances=tuple(Utterance(text) for text in said),
                    interim_delay_s=STT_S,
                    final_delay_s=STT_S,
                    utterance_gap_s=UTTERANCE_GAP_S,
                )
            )
        )
        script = ModelScript(first_token_s=LLM_S, token_s=TOKEN_S, reply=lambda _: tokens)
        self.model = await self._stack.enter_async_context(groq.open_server(script))
        voice = VoiceScript(first_audio_s=TTS_S, speech=speak)
        self.voice = await self._stack.enter_async_context(cartesia.open_server(voice))
        urls = {"deepgram": self.ear.url, "groq": self.model.url, "cartesia": self.voice.url}
        for engine, url in urls.items():
            gate = open_gate(int(url.rpartition(":")[2]), certificate)
            self.gates[engine] = await self._stack.enter_async_context(gate)
        self._known = set(urls)
        self._write_names()

    def forget_name(self, engine: str) -> None:
        """From now on nobody knows the provider's name."""
        self._known.discard(engine)
        self._write_names()

    async def close(self) -> None:
        """End all of it."""
        await self._stack.aclose()

    def _write_names(self) -> None:
        lines = (f"{engine}.{DOMAIN}" for engine in self._known)
        self._names.write_text("\n".join(lines), encoding="utf-8")


class _WatchedListen(ListenV1):
    """Tells the stand when speech begins."""

    stand: Stand
    _quiet_s = UTTERANCE_GAP_S

    def _results_of(self, words: list[Spoken]) -> dict[str, Any]:
        return super()._results_of([] if self.stand.is_deaf else words)

    def on_step(self) -> None:
        super().on_step()
        if self.speech.is_voiced:
            if self._quiet_s >= UTTERANCE_GAP_S:
                self.stand.note_speech()
            self._quiet_s = 0.0
        else:
            self._quiet_s += 0.02


@contextmanager
def open_stand(
    said: Sequence[str],
    speak: Speak,
    reply: str,
    names: Path,
    certificate: Certificate | None = None,
) -> Iterator[Stand]:
    """Providers that are well, until the block ends.

    Args:
        said: what the caller says in every call, again from the first after the last.
        speak: the voice.
        reply: what the model always answers.
        names: file for the resolver: the providers that have a name.
        certificate: to be reached by TLS; None: without.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="providers")
    thread.start()
    stand = Stand(loop)

    def run(work: Coroutine[Any, Any, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, loop)
        return future.result()

    usual = deepgram.SESSIONS["/v1/listen"]
    deepgram.SESSIONS["/v1/listen"] = type("Listen", (_WatchedListen,), {"stand": stand})
    try:
        run(stand.open(said, speak, reply, names, certificate))
        yield stand
        run(stand.close())
    finally:
        deepgram.SESSIONS["/v1/listen"] = usual
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _as_none(work: Awaitable[None]) -> None:
    await work
