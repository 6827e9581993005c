"""The loopback providers of `scripts/bench cloud`: started, asked for their records, ended. I/O."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from benches.daemon import ROOT
from benches.line import BenchFailed
from tests.servers.groq_script import KEY

ENVIRONMENT = {
    "DEEPGRAM_API_KEY": KEY,
    "GROQ_API_KEY": KEY,
    "CARTESIA_API_KEY": KEY,
    # A proxy of this machine's would not find a server on loopback.
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}
"""What the daemon must be started with to use them."""
STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class Delays:
    """What the providers are told, seconds."""

    stt_s: float
    """From `Finalize` to the final."""
    llm_s: float
    """From the request to the first token."""
    tts_s: float
    """From a clause to its first audio."""
    interim_s: float = 1.0
    """Between two interims."""
    interim_delay_s: float | None = None
    """From the audio to an interim with its words; None: as long as a final takes."""


REAL = Delays(0.25, 0.22, 0.19)
"""What independent measurements of the services say."""
DESIGN = Delays(0.15, 0.22, 0.09)
"""What the design document assumes."""


class Provider:
    """One running process of `benches.provider`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url: str = self._read()["url"]

    def take(self) -> dict[str, Any]:
        """Its records since the last time.

        Raises:
            BenchFailed: it is gone.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except OSError:
            raise BenchFailed("a loopback provider is gone") from None
        return self._read()

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchFailed("a loopback provider ended")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def run_providers(delays: Delays) -> Iterator[Mapping[str, Provider]]:
    """All three until the block ends, by engine name."""
    interim_delay_s = delays.interim_delay_s
    wanted = {
        "deepgram": [
            f"--delay-s={delays.stt_s}",
            f"--interim-s={delays.interim_s}",
            f"--interim-delay-s={delays.stt_s if interim_delay_s is None else interim_delay_s}",
        ],
        "groq": [f"--delay-s={delays.llm_s}"],
        "cartesia": [f"--delay-s={delays.tts_s}"],
    }
    with ExitStack() as stack:
        providers = {}
        for name, arguments in wanted.items():
            process = subprocess.Popen(
                [sys.executable, "-m", "benches.provider", name, *arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            providers[name] = Provider(process)
            stack.callback(providers[name].stop)
        yield providers
