"""Connections from several addresses: loopback has many, and here all but one are strangers."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web

from tests.fakes.call import make_config
from tests.server.certificates import make_certificate
from voxd.server import accept
from voxd.server.accept import Doorman
from voxd.server.certificate import Certificate
from voxd.server.peer import Address, Network

HOST = "127.0.0.1"
ONE, OTHER, THIRD, FOURTH = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"
ASK = b"GET / HTTP/1.0\r\n\r\n"


class Gate:
    """Where requests wait that take their time."""

    def __init__(self) -> None:
        self.waiting = 0
        self.may_pass = asyncio.Event()


@asynccontextmanager
async def serving(
    most: int = 100,
    most_per_address: int = 100,
    certificate: Certificate | None = None,
    gate: Gate | None = None,
) -> AsyncIterator[int]:
    """A server behind a doorman; yields its port."""

    async def answer(request: web.BaseRequest) -> web.Response:
        if gate is not None:
            gate.waiting += 1
            await gate.may_pass.wait()
        return web.Response(text=f"{request.scheme} {request.remote}")

    server = web.Server(answer)
    doorman = Doorman(server, most, most_per_address, (), certificate)
    listener = socket.create_server((HOST, 0))
    listener.setblocking(False)
    task = asyncio.get_running_loop().create_task(doorman.accept(listener))
    try:
        yield listener.getsockname()[1]
    finally:
        task.cancel()
        await asyncio.wait([task])
        listener.close()
        await server.shutdown(1)
        assert not doorman._opening and not doorman._busy


@pytest.fixture(autouse=True)
def no_address_is_exempt(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_within(address: Address, networks: Sequence[Network]) -> bool:
        return str(address) == HOST

    class Stranger:
        """A loopback address that does not say so."""

        is_loopback = False

        def __init__(self, host: str) -> None:
            self._host = host

        def __str__(self) -> str:
            return self._host

    monkeypatch.setattr(accept, "is_within", is_within)
    monkeypatch.setattr(accept, "parse_address", Stranger)
    monkeypatch.setattr(accept, "limit_key", str)


async def connect(
    port: int, source: str = HOST, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    name = "localhost" if tls else None
    return await asyncio.open_connection(
        HOST, port, local_addr=(source, 0), ssl=tls, server_hostname=name
    )


async def ask(port: int, source: str = HOST, tls: ssl.SSLContext | None = None) -> bytes:
    """What the server answers; nothing when it does not even take the connection."""
    try:
        reader, writer = await connect(port, source, tls)
    except ConnectionError:
        return b""
    try:
        writer.write(ASK)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        await close(writer)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):  # the server may have been rude before
        await writer.wait_closed()


@contextmanager
def silent(port: int, count: int, source: str = HOST) -> Iterator[list[socket.socket]]:
    """So many connections that say nothing; the kernel makes them, whoever accepts."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection((HOST, port), source_address=(source, 0)))
            for _ in range(count)
        ]


def trusting(cert: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(cert))


def certificate_in(folder: Path) -> tuple[Certificate, Path]:
    cert, key = make_certificate(folder)
    config = make_config(server={"tls_cert": str(cert), "tls_key": str(key)})
    return Certificate(config), cert


async def test_one_stranger_s_connections_leave_room_for_others() -> None:
    async with serving(most=6, most_per_address=2) as port:
        with silent(port, 4, ONE):
            assert await ask(port, ONE) == b""
            assert b"127.0.0.3" in await ask(port, OTHER)
            assert b"200 OK" in await ask(port)


async def test_an_address_that_is_exempt_is_bounded_with_all_others_only() -> None:
    async with serving(most=3, most_per_address=1) as port:
        with silent(port, 2):
            assert b"200 OK" in await ask(port)
    async with serving(most=3, most_per_address=1) as port:
        with silent(port, 3):
            assert await ask(port, ONE) == b""
            assert b"200 OK" in await ask(port)  # the oldest of its own gave way


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(5)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


async def test_silent_connections_of_many_addresses_keep_nobody_out() -> None:
    async with serving(most=6, most_per_address=2) as port:
        with silent(port, 2, ONE) as first, silent(port, 2, OTHER), silent(port, 2, THIRD):
            assert b"200 OK" in await ask(port, FOURTH)
            assert b"200 OK" in await ask(port)
            assert is_closed(first[0])


async def test_a_request_that_has_begun_is_not_cut_off_for_a_newcomer() -> None:
    gate = Gate()
    async with serving(most=3, most_per_address=3, gate=gate) as port:
        begun = [await connect(port, ONE) for _ in range(3)]
        for _, writer in begun:
            writer.write(ASK)
        async with asyncio.timeout(10):
            while gate.waiting < 3:
                await asyncio.sleep(0.005)
        assert await ask(port, OTHER) == b""
        gate.may_pass.set()
        for reader, writer in begun:
            assert b"200 OK" in await reader.read()
            await close(writer)
        assert b"200 OK" in await ask(port, OTHER)


async def test_a_handshake_that_does_not_come_gives_way_too(tmp_path: Path) -> None:
    certificate, cert = certificate_in(tmp_path)
    async with serving(4, 2, certificate) as port:
        with silent(port, 2, ONE) as first, silent(port, 2, OTHER):
            for _ in range(3):
                assert b"https" in await ask(port, THIRD, trusting(cert))
            assert is_closed(first[0])


async def test_a_handshake_that_does_not_come_takes_its_own_address_s_places_only(
    tmp_path: Path,
) -> None:
    certificate, cert = certificate_in(tmp_path)
    async with serving(6, 2, certificate) as port:
        with silent(port, 4, ONE):
            assert await ask(port, ONE, trusting(cert)) == b""
            assert b"https 127.0.0.3" in await ask(port, OTHER, trusting(cert))


async def test_a_handshake_that_does_not_come_in_time_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accept, "HANDSHAKE_S", 0.05)
    certificate, cert = certificate_in(tmp_path)
    async with serving(6, 1, certificate) as port:
        with silent(port, 1, ONE):
            async with asyncio.timeout(10):
                while not (answer := await ask(port, ONE, trusting(cert))):
                    await asyncio.sleep(0.01)
        assert b"200 OK" in answer


async def test_whoever_speaks_no_tls_where_it_is_served_is_not_answered(tmp_path: Path) -> None:
    certificate, cert = certificate_in(tmp_path)
    async with serving(6, 1, certificate) as port:
        assert b"HTTP" not in await ask(port, ONE)
        assert b"https" in await ask(port, OTHER, trusting(cert))


async def test_a_renewed_certificate_is_for_new_connections_and_open_ones_go_on(
    tmp_path: Path,
) -> None:
    certificate, cert = certificate_in(tmp_path)
    old = trusting(cert)
    async with serving(6, 6, certificate) as port:
        reader, writer = await connect(port, ONE, old)
        make_certificate(tmp_path)
        assert certificate.reload()
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(port, ONE, old)
        assert b"200 OK" in await ask(port, ONE, trusting(cert))
        writer.write(ASK)
        assert b"200 OK" in await reader.read()
        await close(writer)


@pytest.mark.asyncio(loop_factories=["asyncio"])  # uvloop's methods cannot be exchanged
async def test_a_system_that_does_not_accept_for_a_moment_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accept, "REST_S", 0.0)
    loop = asyncio.get_running_loop()
    refusals = [OSError(24, "Too many open files")] * 2
    real = loop.sock_accept

    async def sock_accept(listener: socket.socket) -> tuple[socket.socket, object]:
        if refusals:
            raise refusals.pop()
        return await real(listener)

    monkeypatch.setattr(loop, "sock_accept", sock_accept)
    async with serving() as port:
        assert b"200 OK" in await ask(port)
    assert caplog.messages.count("cannot accept") == 2
