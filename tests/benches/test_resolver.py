"""Names that can be taken away."""

import asyncio
import socket
from pathlib import Path

import pytest

from benches.resolver import ResolvingLoop, resolve


def test_a_name_is_loopback_as_long_as_it_is_known(tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("groq.voxd.test\ncartesia.voxd.test")
    assert resolve("groq.voxd.test", names) == resolve(b"groq.voxd.test", names) == "127.0.0.1"
    names.write_text("cartesia.voxd.test")
    with pytest.raises(socket.gaierror):
        resolve("groq.voxd.test", names)


def test_other_hosts_are_left_alone(tmp_path: Path) -> None:
    assert resolve("127.0.0.1", tmp_path / "none") == "127.0.0.1"
    assert resolve(None, tmp_path / "none") is None


def test_the_daemons_loop_asks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = tmp_path / "names"
    names.write_text("groq.voxd.test")
    monkeypatch.setattr(ResolvingLoop, "names", names)

    async def connect() -> None:
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            transport, _ = await loop.create_connection(asyncio.Protocol, "groq.voxd.test", port)
            transport.abort()
            await asyncio.sleep(0.01)  # for both ends to be closed
            assert await loop.getaddrinfo("groq.voxd.test", port)
            with pytest.raises(socket.gaierror):
                await loop.create_connection(asyncio.Protocol, "cartesia.voxd.test", port)

    with asyncio.Runner(loop_factory=ResolvingLoop) as runner:
        runner.run(connect())
