"""One worker process: started by exec, spoken to over a socketpair, ended for certain.

Used by `supervisor`, which decides when to start and when to kill. Never a fork without exec:
the daemon has threads and an event loop, and a forked copy of either is broken.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from voxd.engines.local.protocol import Frame, FrameDecoder, MessageType, encode_frame
from voxd.engines.local.serving import LOAD

log = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 16 * 1024 * 1024
"""What a worker may leave unread before it counts as hung. It holds at most its capacity of
requests and each is far below a megabyte, so that a living worker never comes near."""
CLOSE_GRACE_S = 1.5
"""After its socket closed, a worker has this long to end before SIGTERM."""
TERM_GRACE_S = 0.5
"""After SIGTERM, before SIGKILL."""
MAX_LINE_BYTES = 500
"""A longer line of a worker's stderr is cut there in the log."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_WITHHELD = (
    *("TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "KEY", "ACCOUNT_SID", "DATABASE_URL"),
    *("NOTIFY_SOCKET", "WATCHDOG_"),
)
"""What no name of a worker's environment holds: secrets, and what speaks for the daemon."""


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """How to start a worker."""

    kind: str
    """`stt`, `llm`, `tts` or `turn`."""
    name: str
    """The engine it computes for."""
    options: Mapping[str, Any]
    """For its `load`; JSON."""
    threads: int
    command: tuple[str, ...]
    """What to execute; the file descriptor's number is appended."""


def build_command(kind: str) -> tuple[str, ...]:
    """How to start a worker of this kind with the program that runs now."""
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "voxd"]
    return (*program, "worker", kind, "--fd")


def build_environment(threads: int, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """A worker's environment: no secrets, and thread counts where libraries read them at import."""
    kept = {
        name: value
        for name, value in environ.items()
        if not any(word in name.upper() for word in _WITHHELD)
    }
    offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return kept | dict.fromkeys(_THREADS, str(threads)) | offline


class WorkerProcess:
    """A running worker. Open with `open_process`."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, frame: Frame) -> None:
        """Send without waiting; a worker that does not read is killed, one that is gone ignored."""
        if self._writer.is_closing():
            return
        self._writer.write(encode_frame(frame))
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            log.error("worker does not read its socket", extra={"pid": self.pid})
            self.kill()

    async def frames(self) -> AsyncIterator[Frame]:
        """Every frame until the socket ends.

        Raises:
            ProtocolError: what came is not our protocol.
        """
        decoder = FrameDecoder()
        with contextlib.suppress(ConnectionError):  # a killed worker may reset instead of close
            while chunk := await self._reader.read(65536):
                for frame in decoder.feed(chunk):
                    yield frame

    def kill(self) -> None:
        """SIGKILL, which also ends a stopped process."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # Not `self._process.kill()`: it polls, and so takes the exit status away from asyncio's
        # own waiter, which then warns of an unknown child.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def log_stderr(self, name: str) -> None:
        """Put what it writes to stderr into the log, a line each, until it ends."""
        assert self._process.stderr is not None
        rest = b""
        while chunk := await self._process.stderr.read(4096):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                _log_line(name, line)
            rest = rest[: MAX_LINE_BYTES + 1]
        _log_line(name, rest)

    async def close(self) -> int:
        """End it: close its socket, then SIGTERM, then SIGKILL. Returns its exit status."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        for number, grace_s in ((signal.SIGTERM, CLOSE_GRACE_S), (signal.SIGKILL, TERM_GRACE_S)):
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(self._process.wait(), grace_s)
            self._signal(number)
        return await self._process.wait()


def _log_line(name: str, line: bytes) -> None:
    text = line[:MAX_LINE_BYTES].decode("utf-8", "replace").strip()
    if text:
        log.info("worker wrote", extra={"worker": name, "line": text})


@contextlib.asynccontextmanager
async def open_process(spec: WorkerSpec, heartbeat_s: float) -> AsyncIterator[WorkerProcess]:
    """Start a worker and tell it what to load; leaving ends it.

    Raises:
        OSError: it cannot be executed.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *spec.command,
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                env=build_environment(spec.threads),
            )
    except BaseException:
        ours.close()
        raise
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    worker = WorkerProcess(process, reader, writer)
    params = {"options": dict(spec.options), "heartbeat_s": heartbeat_s}
    try:
        worker.send(Frame(MessageType.NOTIFY, {"op": LOAD, "params": params}))
        yield worker
    finally:
        await worker.close()
