"""Virtual time for what only waits; real time for what talks to a server."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.clock import VirtualLoop

VIRTUAL = {"test_warm_connections.py"}


def pytest_asyncio_loop_factories(
    config: Any, item: Any
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name in VIRTUAL:
        return {"virtual": VirtualLoop}
    return {"real": asyncio.new_event_loop}
