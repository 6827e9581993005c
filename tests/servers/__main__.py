"""Stand-ins for Deepgram, Groq and Cartesia on this machine: a Pro call without an account.

They speak the providers' wires to the real SDKs, but they are **not the services**: Deepgram's
hears *that* somebody speaks and answers with scripted words, Groq's repeats what it was told,
Cartesia's hums as long as the text. They show how voxd behaves with a provider, its timing and its
failures; they say nothing about how well or how fast the real ones are.

One command starts all three and writes a config for them::

    python -m tests.servers --write-config config.loopback.toml

and in another terminal, with the key that all three accept::

    export DEEPGRAM_API_KEY=test-key GROQ_API_KEY=test-key CARTESIA_API_KEY=test-key
    ./scripts/run --config config.loopback.toml

The written file is `config.toml` with three changes, which can be made by hand as well: `base_url`
of `[engines.deepgram]`, `[engines.deepgram-flux]`, `[engines.groq]` and `[engines.cartesia]` points
here, `[tiers.pro]` and `[tiers.enterprise]` name cloud engines before local ones, and `[call]` has
`tier = "pro"`. With an HTTP proxy in the environment, set `NO_PROXY=127.0.0.1`, too.

Each provider alone, with more to set: `python -m tests.servers.deepgram --help`, `.groq`,
`.cartesia`.
"""

import argparse
import asyncio
import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

from tests.servers import cartesia, deepgram, groq
from tests.servers.cartesia_script import KEY
from tests.servers.cartesia_script import Script as CartesiaScript
from tests.servers.deepgram_script import Script as DeepgramScript
from tests.servers.deepgram_script import Utterance
from tests.servers.groq_script import Script as GroqScript

SHIPPED = Path(__file__).parents[2] / "config.toml"
CHAINS = {
    "stt": '["deepgram", "faster-whisper"]',
    "llm": '["groq", "llamacpp"]',
    "tts": '["cartesia", "piper"]',
}


def adapt_config(text: str, urls: Mapping[str, str]) -> str:
    """The shipped config with cloud engines at these addresses: engine name -> URL."""
    table = ""
    lines = []
    for line in text.splitlines():
        if header := re.match(r"\[([\w.-]+)\]", line):
            table = header[1]
        key = line.partition(" = ")[0]
        if key == "base_url" and (url := urls.get(table.removeprefix("engines."))):
            line = f'base_url = "{url}"'
        elif table in ("tiers.pro", "tiers.enterprise") and key in CHAINS:
            line = f"{key} = {CHAINS[key]}"
        elif (table, key) == ("call", "tier"):
            line = 'tier = "pro"'
        lines.append(line)
    return "\n".join(lines) + "\n"


async def serve(arguments: argparse.Namespace) -> None:
    """Run all three until cancelled."""
    heard = DeepgramScript(
        utterances=tuple(Utterance(text) for text in arguments.say),
        key=KEY,
        final_delay_s=arguments.stt_s,
        interim_delay_s=arguments.stt_s,
    )
    written = GroqScript(key=KEY, first_token_s=arguments.llm_s, token_s=0.002)
    spoken = CartesiaScript(key=KEY, first_audio_s=arguments.tts_s)
    port = arguments.port
    async with (
        deepgram.open_server(heard, port) as stt,
        groq.open_server(written, port and port + 1) as llm,
        cartesia.open_server(spoken, port and port + 2) as tts,
    ):
        urls = {
            "deepgram": stt.url,
            "deepgram-flux": stt.url,
            "groq": llm.url,
            "cartesia": tts.url,
        }
        print(f"loopback stand-ins, not the services; every key is {KEY!r}:")
        for name, url in urls.items():
            print(f"  {name:14} {url}")
        if arguments.write_config:
            text = adapt_config(SHIPPED.read_text(encoding="utf-8"), urls)
            arguments.write_config.write_text(text, encoding="utf-8")
            print(f"wrote {arguments.write_config}")
        print("ready", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.servers",
        description="Stand-ins for Deepgram, Groq and Cartesia on this machine; not the services.",
    )
    parser.add_argument("--port", type=int, default=9001, help="of the first; 0: any free ones")
    parser.add_argument("--stt-s", type=float, default=0.25, help="words this long after speech")
    parser.add_argument("--llm-s", type=float, default=0.22, help="to the first token")
    parser.add_argument("--tts-s", type=float, default=0.19, help="to the first audio")
    parser.add_argument("--write-config", type=Path, help="a config.toml for them, beside ours")
    parser.add_argument(
        "--say",
        nargs="+",
        default=["Hello there.", "What are your opening hours?", "Thank you, goodbye."],
        help="what the caller's utterances are taken to be, one after the other",
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
