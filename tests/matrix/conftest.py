"""Every test of this folder runs in virtual time, with real sockets on loopback."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from benches.gate import Certificate, make_certificate
from tests.fakes.clock import LoopbackLoop


def pytest_asyncio_loop_factories(
    config: Any, item: Any
) -> Mapping[str, Callable[[], LoopbackLoop]]:
    return {"loopback": LoopbackLoop}


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Of the loopback providers, for tests that reach them by TLS."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))
