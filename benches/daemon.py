"""A daemon for the length of a bench: started, waited for, watched, ended by its pid. I/O."""

import json
import os
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches.cores import pinned

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "config.toml"
READY_S = 180.0
"""Loading the models, and rendering the phrases, on a slow machine."""
STOP_S = 15.0
"""After SIGTERM; then SIGKILL."""
LOG_TAIL_LINES = 15


class DaemonFailed(Exception):
    """The daemon did not become ready, or went away; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of the daemon and of its workers, bytes.

    The kernel's RSS: pages that processes share count in each of them.
    """

    daemon_bytes: int
    workers_bytes: int
    workers: int
    """How many worker processes there are."""


class Daemon:
    """One running daemon on loopback."""

    def __init__(
        self, process: subprocess.Popen[bytes], port: int, log: Path, started_at: float = 0.0
    ) -> None:
        """`started_at` is when it was executed, `time.monotonic`."""
        self.started_at = started_at
        self.process = process
        self.log = log
        self.base_url = f"http://127.0.0.1:{port}"
        self.voice_url = f"{self.base_url}/twilio/voice"

    def health(self) -> dict[str, Any]:
        """The JSON of `/health`.

        Raises:
            DaemonFailed: it does not answer.
        """
        try:
            with urllib.request.urlopen(f"{self.base_url}/health", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, ValueError) as error:
            raise DaemonFailed(self._explain(f"/health does not answer: {error}")) from error

    def memory(self) -> Memory:
        """Resident memory right now."""
        children = list(find_descendants(self.process.pid))
        return Memory(
            daemon_bytes=read_rss(self.process.pid),
            workers_bytes=sum(read_rss(pid) for pid in children),
            workers=len(children),
        )

    def wait_until_ready(self, timeout_s: float = READY_S) -> None:
        """Return when `/health/ready` says 200; shows progress on standard error.

        Raises:
            DaemonFailed: it ended, or was not ready in time.
        """
        began = time.monotonic()
        shows = sys.stderr.isatty()
        while (elapsed_s := time.monotonic() - began) < timeout_s:
            if self.process.poll() is not None:
                raise DaemonFailed(self._explain(f"voxd ended with {self.process.returncode}"))
            try:
                urllib.request.urlopen(f"{self.base_url}/health/ready", timeout=5).close()
            except (urllib.error.URLError, OSError):
                if shows:
                    print(f"\rstarting voxd … {elapsed_s:.0f} s", end="", file=sys.stderr)
                time.sleep(0.2)
                continue
            line = f"voxd is ready after {elapsed_s:.1f} s, its log is {self.log}"
            print(("\r" if shows else "") + line, file=sys.stderr)
            return
        raise DaemonFailed(self._explain(f"voxd was not ready after {timeout_s:.0f} s"))

    def stop(self) -> None:
        """End it, kindly first."""
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _explain(self, what: str) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join([f"{what}; the end of {self.log}:", *lines])


@contextmanager
def run_daemon(
    directory: Path,
    overrides: Mapping[str, Any],
    config: Path = CONFIG,
    *,
    environment: Mapping[str, str] | None = None,
    cores: frozenset[int] | None = None,
    module: str = "voxd",
) -> Iterator[Daemon]:
    """Run voxd on a free loopback port until the block ends.

    Args:
        directory: for its config and its log.
        overrides: dotted keys of config.toml and their values, for this run only.
        environment: added to this process's own.
        cores: the processor cores that it may use; None: as this process.
        module: what is run; voxd itself, or something that runs it.

    Raises:
        DaemonFailed: it did not become ready.
    """
    port = find_free_port()
    ours = {
        "server.host": "127.0.0.1",
        "server.port": port,
        "server.drain_s": 1.0,
        # A cache of its own, so that every run starts from the same state.
        "cache.directory": str(directory / "speech"),
        # And records that are nobody else's.
        "records.database": str(directory / "voxd.db"),
        "records.spill": str(directory / "records"),
        # And nothing that was said before: what a reply costs is measured.
        "cache.reply_characters": 0,
    }
    file = directory / "config.toml"
    file.write_text(derive_config(config, {**ours, **overrides}), encoding="utf-8")
    log = directory / "voxd.log"
    # A secret in the environment would make the daemon ask for signatures.
    ours_too = {key: value for key, value in os.environ.items() if key != "TWILIO_AUTH_TOKEN"}
    with log.open("wb") as output, pinned(cores or frozenset(os.sched_getaffinity(0))):
        started_at = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--config", str(file)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**ours_too, **(environment or {})},
        )
    daemon = Daemon(process, port, log, started_at)
    try:
        daemon.wait_until_ready()
        yield daemon
    finally:
        daemon.stop()


def derive_config(config: Path, overrides: Mapping[str, Any]) -> str:
    """The text of a config like `config`, with some keys changed, that works from anywhere."""
    tables = tomllib.loads(config.read_text(encoding="utf-8"))
    for key, value in overrides.items():
        *path, last = key.split(".")
        table = tables
        for part in path:
            table = table.setdefault(part, {})
        table[last] = value
    return "\n".join(_encode_table(tables, (), config.resolve().parent)) + "\n"


def _encode_table(table: Mapping[str, Any], path: tuple[str, ...], base: Path) -> Iterator[str]:
    if path:
        yield f"[{'.'.join(json.dumps(part) for part in path)}]"
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{json.dumps(key)} = {_encode_value(value, base)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _encode_table(value, (*path, key), base)


def _encode_value(value: Any, base: Path) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_encode_value(item, base) for item in value)}]"
    if isinstance(value, str):
        # A relative path starts at the folder of its config.
        is_path = "/" in value and "\n" not in value and (base / value).exists()
        return json.dumps(str(base / value) if is_path else value, ensure_ascii=False)
    return json.dumps(value)


def find_free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def find_descendants(pid: int) -> Iterator[int]:
    """The processes below `pid`, by /proc."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = file.read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from find_descendants(child)


def read_rss(pid: int) -> int:
    """Resident memory of one process, bytes; 0 when it is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
