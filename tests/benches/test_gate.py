"""The door in front of a loopback provider."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from benches.gate import Certificate, Gate, Manner, make_certificate, open_gate


@asynccontextmanager
async def echo_behind(certificate: Certificate | None = None) -> AsyncIterator[Gate]:
    """A gate with a server behind it that sends back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(1024):
            writer.write(chunk)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_gate(port, certificate) as gate:
        yield gate


async def say(gate: Gate, context: ssl.SSLContext | None = None) -> bytes:
    """What comes back for a word; nothing after a reset."""
    name = "groq.voxd.test" if context else None
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", gate.port, ssl=context, server_hostname=name
    )
    try:
        writer.write(b"hello")
        return await reader.read(1024)
    except ConnectionResetError:
        return b""
    finally:
        writer.transport.abort()


async def test_what_goes_in_comes_out_behind_and_back() -> None:
    async with echo_behind() as gate:
        assert await say(gate) == b"hello"
        assert gate.connections == 1


async def test_a_shut_gate_refuses() -> None:
    async with echo_behind() as gate:
        await gate.shut()
        with pytest.raises(ConnectionRefusedError):
            await say(gate)


async def test_a_mute_gate_accepts_and_never_answers() -> None:
    async with echo_behind() as gate:
        gate.manner = Manner.MUTE
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await say(gate)
        assert gate.connections == 1


async def test_a_gate_that_resets_does_so_in_mid_handshake() -> None:
    async with echo_behind() as gate:
        gate.manner = Manner.RESET
        assert await say(gate) == b""


async def test_dropped_connections_end_on_both_sides() -> None:
    async with echo_behind() as gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
        writer.write(b"hello")
        assert await reader.read(1024) == b"hello"
        gate.drop_all()
        try:
            assert await reader.read(1024) == b""
        except ConnectionResetError:
            pass  # as the kernel tells it
        writer.transport.abort()
        assert await say(gate) == b"hello"  # new ones pass


async def test_with_a_certificate_it_speaks_tls(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(certificate.certificate))
    async with echo_behind(certificate) as gate:
        assert await say(gate, context) == b"hello"
