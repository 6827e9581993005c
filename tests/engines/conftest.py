"""Tests of this folder about timing run in virtual time, those of real engines in real time."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.fakes.clock import VirtualLoop

KINDS = ("stt", "llm", "tts", "turn")
pytest.register_assert_rewrite(
    "tests.engines.contract", "tests.engines.using", *(f"tests.engines.{k}.claims" for k in KINDS)
)

VIRTUAL = {"test_health_board.py", "test_prober.py", "test_early.py"}


def pytest_asyncio_loop_factories(
    config: Any, item: Any
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name in VIRTUAL:
        return {"virtual": VirtualLoop}
    return {"real": asyncio.new_event_loop}
