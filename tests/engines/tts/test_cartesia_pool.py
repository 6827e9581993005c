"""Connections that replies share, counted by the loopback server."""

import asyncio
import contextlib

import pytest

from tests.engines.tts.cartesia_setup import REQUEST, hear, on_loopback, until
from tests.servers.cartesia_script import Refusal, Script
from tests.servers.tone_speech import tone_speech
from voxd.contracts import EngineState
from voxd.errors import EngineError


@pytest.mark.parametrize(("replies", "connections"), [(1, 1), (4, 1), (5, 2), (9, 3)])
async def test_replies_share_connections_up_to_the_limit(replies: int, connections: int) -> None:
    async with on_loopback(contexts_per_socket=4) as (engine, server):
        async with contextlib.AsyncExitStack() as stack:
            streams = await asyncio.gather(
                *(stack.enter_async_context(engine.open_speech(REQUEST)) for _ in range(replies))
            )
            texts = [f"This is reply number {number}." for number in range(replies)]
            heard = await asyncio.gather(
                *(
                    hear(stream, text, is_last=True)
                    for stream, text in zip(streams, texts, strict=True)
                )
            )
            assert heard == [tone_speech(text) for text in texts]  # each its own
        assert server.connections == server.attempts == connections
        assert server.complaints == []


async def test_many_who_want_a_connection_at_once_make_one_attempt() -> None:
    async with on_loopback(Script(refusal=Refusal(500))) as (engine, server):
        ends = await asyncio.gather(*(engine.warm() for _ in range(10)), return_exceptions=True)
        assert [type(end) for end in ends] == [EngineError] * 10
        assert server.attempts == 1


async def test_one_who_gives_up_waiting_does_not_stop_the_connecting_for_others() -> None:
    script = Script(refusal=Refusal(-1))
    async with on_loopback(script, connect_s=30) as (engine, server):
        loop = asyncio.get_running_loop()
        one, two = loop.create_task(engine.warm()), loop.create_task(engine.warm())
        await until(lambda: server.attempts == 1)
        one.cancel()
        await asyncio.wait([one])
        assert one.cancelled() and not two.done()
        two.cancel()
        await asyncio.wait([two])


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_connection_that_the_server_closes_while_idle_is_replaced_unasked(
    code: int,
) -> None:
    async with on_loopback() as (engine, server):
        await engine.warm()
        await server.close_all(code)
        await until(lambda: server.connections == 2)
        await engine.warm()
        assert server.attempts == 2 and engine.status().state is EngineState.HEALTHY


async def test_a_server_that_went_away_is_tried_once_and_then_left_alone() -> None:
    script = Script()
    async with on_loopback(script) as (engine, server):
        await engine.warm()
        script.refusal = Refusal(500)
        server.drop_all()
        await until(lambda: engine.pool.failure is not None)
        await asyncio.sleep(0.05)
        assert server.attempts == 2 and not engine.pool.sockets
        assert engine.status().state is EngineState.DEGRADED


async def test_a_server_that_closes_whatever_it_accepts_is_not_hammered() -> None:
    async with on_loopback() as (engine, server):
        await engine.warm()
        for expected in (2, 2, 2):
            server.drop_all()
            await until(lambda: not server.open_sockets or server.connections == 2)
            await asyncio.sleep(0.05)
            assert server.attempts == expected


async def test_an_idle_connection_is_replaced_before_the_server_ends_it() -> None:
    async with on_loopback(idle_s=1) as (engine, server):
        await engine.warm()
        (socket,) = engine.pool.sockets
        socket.used_at -= 10  # nothing happened for long
        await until(lambda: server.connections == 2 and len(server.open_sockets) == 1)
        assert engine.pool.sockets != [socket] and len(engine.pool.sockets) == 1


async def test_leaving_the_engine_closes_everything() -> None:
    tasks = asyncio.all_tasks()
    async with on_loopback(contexts_per_socket=1) as (engine, server):
        async with engine.open_speech(REQUEST), engine.open_speech(REQUEST):
            assert len(server.open_sockets) == 2
    assert not server.open_sockets and asyncio.all_tasks() == tasks
