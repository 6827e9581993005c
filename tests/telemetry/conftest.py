import asyncio
from collections.abc import Callable

import pytest

from tests.fakes.clock import VirtualLoop


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Waiting is virtual where much of it is done."""
    if item.path.name == "test_follower.py":
        return {"virtual": VirtualLoop}
    return {"asyncio": asyncio.SelectorEventLoop}
