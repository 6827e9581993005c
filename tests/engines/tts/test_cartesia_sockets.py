"""Who hears what on one socket, with a connection that is scripted message by message."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import orjson
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from voxd.engines.tts.cartesia_messages import Audio, Done, Failed, encode_cancel
from voxd.engines.tts.cartesia_sockets import MESSAGES, Socket
from voxd.errors import Category


class Connection:
    """What is used of the SDK's connection, and of the WebSocket under it."""

    def __init__(self) -> None:
        self._connection = self
        self.incoming: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.sent: list[Any] = []
        self.is_stuck = False

    async def recv_bytes(self) -> bytes:
        item = await self.incoming.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def send(self, message: str) -> None:
        if self.is_stuck:
            await asyncio.Event().wait()
        self.sent.append(orjson.loads(message))

    async def close(self) -> None:
        self.incoming.put_nowait(ConnectionClosedError(None, None))

    def say(self, kind: str, context_id: str, **fields: object) -> None:
        body = {"type": kind, "context_id": context_id, **fields}
        self.incoming.put_nowait(orjson.dumps(body))


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
async def socket(connection: Connection) -> AsyncIterator[Socket]:
    tasks = []

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.get_running_loop().create_task(work))

    socket = Socket(connection, spawn)  # type: ignore[arg-type]
    spawn(socket.read())
    yield socket
    await socket.close()
    await asyncio.gather(*tasks)


def soon() -> float:
    return asyncio.get_running_loop().time() + 5


async def test_every_context_hears_its_own_and_strangers_are_dropped(
    connection: Connection, socket: Socket
) -> None:
    one, two = socket.open_context(), socket.open_context()
    connection.say("chunk", two.id, data="Ag==")
    connection.say("chunk", "gone", data="AA==")
    connection.say("chunk", one.id, data="AQ==")
    assert await one.receive(soon()) == Audio(one.id, b"\x01")
    assert await two.receive(soon()) == Audio(two.id, b"\x02")
    assert socket.stale == 1 and socket.load == 2


@pytest.mark.parametrize(("code", "category"), [(1001, "connectivity"), (1011, "server")])
async def test_the_end_of_the_socket_is_heard_by_every_context_at_once(
    connection: Connection, socket: Socket, code: int, category: str
) -> None:
    contexts = [socket.open_context() for _ in range(3)]
    connection.incoming.put_nowait(ConnectionClosedError(Close(code, ""), None))
    for context in contexts:
        heard = await context.receive(soon())
        assert isinstance(heard, Failed) and heard.category.value == category
        assert not context.is_open
    assert not socket.is_open


async def test_a_context_that_nobody_reads_is_given_up_and_the_others_go_on(
    connection: Connection, socket: Socket
) -> None:
    slow, other = socket.open_context(), socket.open_context()
    for _ in range(MESSAGES + 10):
        connection.say("chunk", slow.id, data="AA==")
    connection.say("done", other.id)
    assert await other.receive(soon()) == Done(other.id)
    heard = [await slow.receive(soon()) for _ in range(MESSAGES + 1)]
    assert isinstance(heard[-1], Failed) and heard[-1].category is Category.SERVER


async def test_silence_of_the_whole_socket_retires_it(
    connection: Connection, socket: Socket
) -> None:
    context = socket.open_context()
    await context.send([{}], soon())
    heard = await context.receive(asyncio.get_running_loop().time())
    assert isinstance(heard, Failed) and heard.category is Category.TIMEOUT
    assert socket.is_retired and socket.is_open  # its contexts may still finish
    context.close()


async def test_silence_of_one_context_does_not_when_others_are_heard(
    connection: Connection, socket: Socket
) -> None:
    silent, other = socket.open_context(), socket.open_context()
    await silent.send([{}], soon())
    connection.say("chunk", other.id, data="AA==")
    await other.receive(soon())
    await silent.receive(asyncio.get_running_loop().time())
    assert not socket.is_retired


async def test_a_peer_that_takes_nothing_is_a_timeout(
    connection: Connection, socket: Socket
) -> None:
    context = socket.open_context()
    connection.is_stuck = True
    await context.send([{}], asyncio.get_running_loop().time())
    heard = await context.receive(soon())
    assert isinstance(heard, Failed) and heard.category is Category.TIMEOUT
    connection.is_stuck = False


async def test_only_a_context_that_may_still_speak_is_cancelled(
    connection: Connection, socket: Socket
) -> None:
    unused, done, speaking = (socket.open_context() for _ in range(3))
    for context in (done, speaking):
        await context.send([], soon())
    connection.say("done", done.id)
    await done.receive(soon())
    for context in (unused, done, speaking, speaking):
        context.close()
    await asyncio.sleep(0)
    assert connection.sent == [encode_cancel(speaking.id)] and socket.load == 0
