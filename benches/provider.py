"""One loopback provider in a process of its own, for `scripts/bench cloud`. I/O.

    python -m benches.provider deepgram --delay-s 0.25

prints one line of JSON with its URL, and for every line that it reads another one with the records
since the last: what it sent and received when, and how late its own event loop was. It ends with
its input. `benches.providers` starts it.

Every transcript and every reply has a name that occurs once, so that what the daemon says of a
turn can be found in the records of all three.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import itertools
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvloop

from benches.lateness import Lateness
from benches.names import build_reply, build_utterance
from tests.servers import cartesia, deepgram, groq
from tests.servers.cartesia_script import Script as CartesiaScript
from tests.servers.deepgram_listen import ListenV1
from tests.servers.deepgram_script import Script as DeepgramScript
from tests.servers.deepgram_script import Utterance
from tests.servers.groq_script import Script as GroqScript

TOKEN_S = 0.002
"""Between two tokens of a reply."""
UTTERANCES = 100
"""Things said in one stream before they are said again."""

Take = Callable[[], dict[str, Any]]
"""Hands out what was recorded since it was asked last."""


class NamedListen(ListenV1):
    """A stream in which something is said that is said in no other one."""

    _numbers = itertools.count()

    def __init__(self, script: DeepgramScript, *others: Any) -> None:
        first = next(self._numbers) * UTTERANCES
        said = tuple(Utterance(build_utterance(first + number)) for number in range(UTTERANCES))
        super().__init__(dataclasses.replace(script, utterances=said), *others)


@contextlib.asynccontextmanager
async def open_deepgram(options: argparse.Namespace) -> AsyncIterator[tuple[str, Take]]:
    script = DeepgramScript(
        final_delay_s=options.delay_s,
        interim_delay_s=options.interim_delay_s,
        interim_s=options.interim_s,
    )
    deepgram.SESSIONS["/v1/listen"] = NamedListen
    async with deepgram.open_server(script) as server:

        def take() -> dict[str, Any]:
            finals = []
            for connection in server.connections:
                for at, message in connection.sent:
                    if message.get("is_final"):
                        text = message["channel"]["alternatives"][0]["transcript"]
                        finals.append((at, text))
                connection.sent.clear()
                connection.received.clear()
            return {"finals": finals}

        yield server.url, take


@contextlib.asynccontextmanager
async def open_groq(options: argparse.Namespace) -> AsyncIterator[tuple[str, Take]]:
    numbers = itertools.count()
    script = GroqScript(
        first_token_s=options.delay_s,
        token_s=TOKEN_S,
        reply=lambda _: build_reply(next(numbers)),
    )
    async with groq.open_server(script) as server:

        def take() -> dict[str, Any]:
            replies = [(reply.received_at, reply.sent) for reply in server.replies]
            server.exchanges.clear()
            return {"replies": replies}

        yield server.url, take


@contextlib.asynccontextmanager
async def open_cartesia(options: argparse.Namespace) -> AsyncIterator[tuple[str, Take]]:
    async with cartesia.open_server(CartesiaScript(first_audio_s=options.delay_s)) as server:

        def take() -> dict[str, Any]:
            firsts: dict[str, float] = {}
            for sent in server.sent:
                if sent.kind == "chunk":
                    firsts.setdefault(sent.context_id, sent.at)
            # The first clause of each reply, which is the one that the caller waits for.
            clauses: dict[str, tuple[float, str, float | None]] = {}
            for heard in server.heard:
                if heard.transcript:
                    first_audio_at = firsts.get(heard.context_id)
                    clause = (heard.at, heard.transcript, first_audio_at)
                    clauses.setdefault(heard.context_id, clause)
            server.heard.clear()
            server.sent.clear()
            return {"clauses": list(clauses.values())}

        yield server.url, take


OPEN: dict[str, Callable[[argparse.Namespace], AbstractAsyncContextManager[tuple[str, Take]]]] = {
    "deepgram": open_deepgram,
    "groq": open_groq,
    "cartesia": open_cartesia,
}


async def serve(options: argparse.Namespace) -> None:
    """Serve until standard input ends."""
    lateness = Lateness()
    watching = asyncio.get_running_loop().create_task(lateness.run())
    async with OPEN[options.kind](options) as (url, take):
        _print({"url": url})
        while await asyncio.to_thread(sys.stdin.readline):
            _print({**take(), "late_s": lateness.take()})
    watching.cancel()
    await asyncio.wait([watching])


def _print(item: dict[str, Any]) -> None:
    print(json.dumps(item), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.provider")
    parser.add_argument("kind", choices=OPEN)
    parser.add_argument("--delay-s", type=float, required=True)
    parser.add_argument("--interim-s", type=float, default=1.0)
    parser.add_argument("--interim-delay-s", type=float, default=0.0)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options))


if __name__ == "__main__":
    main()
