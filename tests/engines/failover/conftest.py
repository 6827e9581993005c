"""Every test of this folder runs in virtual time."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.clock import VirtualLoop


def pytest_asyncio_loop_factories(
    config: Any, item: Any
) -> Mapping[str, Callable[[], VirtualLoop]]:
    return {"virtual": VirtualLoop}
