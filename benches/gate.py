"""A door in front of a loopback provider of `failover`, that can be shut or left unanswered. I/O.

What happens to connections happens here: the provider behind it knows nothing of it.
"""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

CHUNK_BYTES = 65_536
CLOSE_S = 1.0
DOMAIN = "voxd.test"
"""Names below it are those of the stand's providers (RFC 6761: nobody else's)."""


class Manner(Enum):
    """What becomes of a new connection."""

    PASS = "pass"
    MUTE = "mute"
    """It is accepted, and nothing ever comes back: a TLS handshake hangs."""
    RESET = "reset"
    """It is reset as soon as the client has said something: in mid-handshake."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-made certificate for `*.voxd.test`, and its key."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_certificate(directory: Path) -> Certificate:
    """Have openssl make one that is valid for two days."""
    made = Certificate(directory / "certificate.pem", directory / "key.pem")
    names = f"subjectAltName=DNS:*.{DOMAIN}"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", f"/CN={DOMAIN}", "-addext", names]
    command += ["-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return made


class Gate:
    """One door; made by `open_gate`."""

    def __init__(self, port: int, certificate: Certificate | None) -> None:
        self.manner = Manner.PASS
        self.port = 0
        """Where it listens."""
        self.connections = 0
        """That were ever accepted."""
        self._behind = port
        self._context = certificate.server_context() if certificate else None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    def drop_all(self) -> None:
        """Reset every connection."""
        for writer in self._open:
            writer.transport.abort()

    async def shut(self) -> None:
        """Reset every connection, and listen no more."""
        if self._server is not None:
            self._server.close()
            self.drop_all()
            if self._serving:
                await asyncio.wait(self._serving, timeout=CLOSE_S)

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if task := asyncio.current_task():
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        self._open.add(writer)
        try:
            if self.manner is Manner.MUTE:
                await _hear_out(reader)
                return
            if self.manner is Manner.RESET:
                await reader.read(1)
                return
            if self._context is not None:
                await writer.start_tls(self._context)
            await self._relay(reader, writer)
        except (OSError, asyncio.CancelledError):
            return  # the daemon went away, or the stand is being closed
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self._behind)
        self._open.add(behind_writer)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_copy(reader, behind_writer, writer))
                ways.create_task(_copy(behind_reader, writer, behind_writer))
        finally:
            self._open.discard(behind_writer)
            behind_writer.transport.abort()


async def _hear_out(reader: asyncio.StreamReader) -> None:
    """Take whatever comes, until the client goes away."""
    while await reader.read(CHUNK_BYTES):
        pass


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, other: asyncio.StreamWriter
) -> None:
    """One way of a relay; the end of it is the end of both."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.transport.abort()
    other.transport.abort()


@contextlib.asynccontextmanager
async def open_gate(port: int, certificate: Certificate | None) -> AsyncIterator[Gate]:
    """A door in front of that port of loopback; with a certificate it speaks TLS."""
    gate = Gate(port, certificate)
    await gate.open()
    try:
        yield gate
    finally:
        await gate.shut()
