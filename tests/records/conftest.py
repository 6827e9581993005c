import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.clock import VirtualLoop
from tests.records.databases import clear, postgresql_place, sqlite_place
from tests.servers.postgresql import PostgresServer, postgres_server
from voxd.records.place import Place


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Waiting is virtual where the store is scripted."""
    is_virtual = item.path.name in ("test_link.py", "test_writer.py")
    return {"virtual": VirtualLoop} if is_virtual else {"real": asyncio.SelectorEventLoop}


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real server for all tests; what they leave in it is the next one's to clear."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return sqlite_place(tmp_path / "var/voxd.db")
    place = postgresql_place(request.getfixturevalue("postgres").url)
    await clear(place)
    return place
