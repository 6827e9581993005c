import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.fakes.clock import VirtualLoop
from tests.servers.lookup import SECRET, LookupServer, lookup_server


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Waiting is virtual but where real HTTP is spoken."""
    is_real = item.path.name == "test_client.py"
    return {"real": asyncio.SelectorEventLoop} if is_real else {"virtual": VirtualLoop}


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LookupServer]:
    """An operator's service that knows our secret."""
    monkeypatch.setenv("VOXD_LOOKUP_SECRET", SECRET)
    async with lookup_server() as server:
        yield server
