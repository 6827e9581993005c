"""`scripts/bench start`: how soon a daemon is ready, and what it takes of the memory.

Ready is when it tells systemd so (READY=1): everything is warm, and the next call is answered at
full speed. Counted from its exec. The first start of each kind renders the stock phrases and is
told apart; those after it find them on the disk, which is what a restart is. A cold start has the
weights and the libraries thrown out of the page cache before (by posix_fadvise, which needs no
privilege; what another process has mapped stays).

Memory is proportional (see `memory`), of the daemon and each worker: idle, and the most that was
taken while calls ran, less idle, for each of them.
"""

import asyncio
import os
import socket
import statistics
import sysconfig
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benches.calls import build_plans
from benches.daemon import CONFIG, ROOT, Daemon, run_daemon
from benches.line import place_calls
from benches.memory import MIB, Process, read_processes
from benches.providers import ENVIRONMENT, REAL, run_providers

PROMISED_S = {"local": 3.0, "cloud": 1.0}
"""Median of the warm starts."""
SETTLE_S = 2.0
"""After ready, before memory counts as idle."""
CALL_LIMIT_S = 120.0
WATCH_S = 0.25
READY_LIMIT_S = 180.0


@dataclass(frozen=True, slots=True)
class Result:
    """One kind of daemon: `local` (the shipped config) or `cloud` (no local engine at all)."""

    kind: str
    first_s: float
    """With phrases to render."""
    warm_s: tuple[float, ...]
    """Each further start."""
    cold_s: float | None
    """One with nothing in the page cache; None: not asked for."""
    idle: tuple[Process, ...]
    calls: int
    """At once, while memory was watched."""
    most: tuple[Process, ...]
    """The moment of the most memory while they ran."""

    @property
    def median_s(self) -> float:
        """Of the warm starts."""
        return statistics.median(self.warm_s)

    @property
    def is_good(self) -> bool:
        """Whether the promise was kept."""
        return self.median_s <= PROMISED_S[self.kind]

    @property
    def idle_bytes(self) -> int:
        """Of all processes."""
        return sum(process.pss_bytes for process in self.idle)

    @property
    def bytes_per_call(self) -> float:
        """More than idle, for each call."""
        return (sum(process.pss_bytes for process in self.most) - self.idle_bytes) / self.calls

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return {
            **asdict(self),
            "is_good": self.is_good,
            "median_s": self.median_s,
            "idle_bytes": self.idle_bytes,
            "bytes_per_call": self.bytes_per_call,
        }


def run(directory: Path, kind: str, starts: int, calls: int, *, has_cold: bool) -> Result:
    """Start daemons of one kind, one after the other."""
    directory.mkdir(parents=True, exist_ok=True)
    with _setting(kind) as (overrides, environment):
        first_s = _time_start(directory, overrides, environment)
        warm_s = [_time_start(directory, overrides, environment) for _ in range(starts)]
        cold_s = None
        if has_cold:
            forget_files()
            cold_s = _time_start(directory, overrides, environment)
        idle, most = _weigh(directory, overrides, environment, calls)
    return Result(kind, first_s, tuple(warm_s), cold_s, idle, calls, most)


@contextmanager
def _setting(kind: str) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """What differs from the shipped config, and what stands in the environment."""
    if kind == "local":
        yield {}, {}
        return
    shipped = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    with run_providers(REAL) as providers:
        overrides: dict[str, Any] = {"call.tier": "pro"}
        overrides |= {f"engines.{name}.base_url": each.url for name, each in providers.items()}
        # The engines of every tier are opened: none may have a local one then.
        cloud = {"stt": ["deepgram"], "llm": ["groq"], "tts": ["cartesia"], "turn": []}
        for tier in shipped["tiers"]:
            overrides |= {f"tiers.{tier}.{key}": chain for key, chain in cloud.items()}
        yield overrides, dict(ENVIRONMENT)


def _time_start(
    directory: Path, overrides: Mapping[str, Any], environment: Mapping[str, str]
) -> float:
    """Seconds from exec to READY=1."""
    with _Notified(directory) as notified:
        with run_daemon(
            directory, overrides, environment={**environment, "NOTIFY_SOCKET": str(notified.path)}
        ) as daemon:
            return notified.wait() - daemon.started_at


def _weigh(
    directory: Path,
    overrides: Mapping[str, Any],
    environment: Mapping[str, str],
    calls: int,
) -> tuple[tuple[Process, ...], tuple[Process, ...]]:
    """What the processes take when idle, and the most while calls run."""
    with run_daemon(directory, overrides, environment=environment) as daemon:
        time.sleep(SETTLE_S)
        idle = read_processes(daemon.process.pid)
        most = asyncio.run(_call(daemon, calls))
    return idle, max(most, idle, key=lambda moment: sum(each.pss_bytes for each in moment))


async def _call(daemon: Daemon, calls: int) -> tuple[Process, ...]:
    """The moment of the most memory while so many calls run."""
    most: tuple[Process, ...] = ()
    task = asyncio.get_running_loop().create_task(
        place_calls(build_plans(calls, 2, daemon.voice_url), CALL_LIMIT_S)
    )
    while not task.done():
        now = await asyncio.to_thread(read_processes, daemon.process.pid)
        most = max(most, now, key=lambda moment: sum(each.pss_bytes for each in moment))
        await asyncio.wait([task], timeout=WATCH_S)
    task.result()
    return most


class _Notified:
    """A socket as systemd has one, which notes when READY=1 came."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "notify.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ready = threading.Event()
        self._ready_at = 0.0
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "_Notified":
        self.path.unlink(missing_ok=True)
        self._socket.bind(str(self.path))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A closed socket would not wake the reader.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
            ours.sendto(b"END", str(self.path))
        self._thread.join()
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def wait(self) -> float:
        """When it was ready, monotonic."""
        if not self._ready.wait(READY_LIMIT_S):
            raise TimeoutError("the daemon answers, but never told systemd that it is ready")
        return self._ready_at

    def _read(self) -> None:
        while (message := self._socket.recv(4096)) != b"END":
            if b"READY=1" in message.split(b"\n") and not self._ready.is_set():
                self._ready_at = time.monotonic()
                self._ready.set()


def forget_files() -> None:
    """Throw weights and libraries out of the page cache."""
    for folder in (ROOT / "models", Path(sysconfig.get_paths()["purelib"]), ROOT / "voxd"):
        for path in folder.rglob("*"):
            if path.is_file():
                handle = os.open(path, os.O_RDONLY)
                try:
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                finally:
                    os.close(handle)


def show(results: list[Result]) -> None:
    """Print the starts, the memory, and whether the promises were kept."""
    print("kind     first      warm (each)                        median  promised")
    for result in results:
        each = " ".join(f"{seconds:.2f}" for seconds in result.warm_s)
        verdict = "kept" if result.is_good else "NOT KEPT"
        cold = f"  cold {result.cold_s:.2f} s" if result.cold_s is not None else ""
        print(
            f"{result.kind:<7} {result.first_s:5.2f} s  {each:<34} {result.median_s:6.2f} s"
            f"  {PROMISED_S[result.kind]:.1f} s {verdict}{cold}"
        )
    print("\nmemory (PSS)            idle   with calls   descriptors")
    for result in results:
        busy = {process.name: process for process in result.most}
        for process in result.idle:
            most = busy.get(process.name, process)
            print(
                f"{result.kind:<7} {process.name:<13}{process.pss_bytes / MIB:5.0f} MiB"
                f"{most.pss_bytes / MIB:9.0f} MiB   {most.files:5}"
            )
        print(
            f"{result.kind:<7} all          {result.idle_bytes / MIB:5.0f} MiB, and "
            f"{result.bytes_per_call / MIB:.1f} MiB more for each of {result.calls} calls"
        )
