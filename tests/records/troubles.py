"""What may happen to the place where records go, while calls run; it is over at the block's end."""

import asyncio
import os
import resource
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import asyncpg

from tests.records.worlds import World

SMALL_BYTES = 8 * 1024
"""A file of records that wait is smaller, a database larger."""
Trouble = Callable[[World], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def full_disk(world: World) -> AsyncIterator[None]:
    """No file of the daemon may grow beyond what a record takes."""
    pid = world.daemon.process.pid
    former = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL_BYTES, former[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, former)


@asynccontextmanager
async def locked_file(world: World) -> AsyncIterator[None]:
    """Somebody looks at the file with a tool that never lets go."""
    other = sqlite3.connect(world.path)
    other.execute("begin immediate")
    yield
    other.rollback()
    other.close()


@asynccontextmanager
async def read_only_file(world: World) -> AsyncIterator[None]:
    """As on a disk that was mounted anew after an error. A mode would not keep root from writing,
    so the file alone is mounted upon itself."""
    if os.geteuid() != 0:
        world.path.chmod(0o400)
        yield
        world.path.chmod(0o600)
        return
    await asyncio.to_thread(order, "mount", "--bind", world.path, world.path)
    try:
        await asyncio.to_thread(order, "mount", "-o", "remount,bind,ro", world.path)
        yield
    finally:
        # The daemon may have it open at this moment.
        await asyncio.to_thread(order, "umount", "--lazy", world.path)


def order(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


@asynccontextmanager
async def killed_server(world: World) -> AsyncIterator[None]:
    assert world.postgres is not None
    await asyncio.to_thread(world.postgres.kill)
    yield
    await asyncio.to_thread(world.postgres.start)


@asynccontextmanager
async def frozen_server(world: World) -> AsyncIterator[None]:
    """Its kernel takes connections, and nobody ever says a word."""
    assert world.postgres is not None
    world.postgres.freeze()
    try:
        yield
    finally:
        world.postgres.thaw()


@asynccontextmanager
async def read_only_server(world: World) -> AsyncIterator[None]:
    assert world.postgres is not None
    session = await asyncpg.connect(world.postgres.url)
    setting = "alter database postgres set default_transaction_read_only"
    await session.execute(f"{setting} = on")
    yield
    await session.execute("set default_transaction_read_only = off")
    await session.execute(f"{setting} = off")
    await session.close()


@asynccontextmanager
async def stalling_server(world: World) -> AsyncIterator[None]:
    """Whatever is written waits for a lock that nobody releases."""
    assert world.postgres is not None
    session = await asyncpg.connect(world.postgres.url)
    async with session.transaction():
        await session.execute("lock table calls in access exclusive mode")
        yield
    await session.close()


@asynccontextmanager
async def outage(world: World) -> AsyncIterator[None]:
    assert world.supabase is not None
    world.supabase.is_down = True
    yield
    world.supabase.is_down = False


@asynccontextmanager
async def hanging_service(world: World) -> AsyncIterator[None]:
    """It takes whatever is posted, and does not answer."""
    assert world.supabase is not None
    world.supabase.hangs = True
    yield
    world.supabase.hangs = False


TROUBLES = {
    "sqlite": (full_disk, locked_file, read_only_file),
    "postgresql": (killed_server, frozen_server, read_only_server, stalling_server),
    "supabase": (outage, hanging_service),
}
