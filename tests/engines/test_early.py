"""What is begun early is handed on open, or given back. Virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.language_model import STALL
from tests.fakes.speech_to_text import FakeSpeechToText, FakeTranscriptStream
from voxd.contracts import DEFAULT_HINTS, EngineState, TurnHints
from voxd.engines.early import EarlySpeechToText, EarlyWork
from voxd.engines.health_board import HealthBoard
from voxd.errors import Category, EngineError, Phase


class Provider(FakeSpeechToText):
    """Speech-to-text that may refuse to connect."""

    def __init__(self) -> None:
        super().__init__([])
        self.refuses = False
        self.open_s = 0.3

    @asynccontextmanager
    async def open_stream(
        self, call_id: str, language: str, hints: TurnHints = DEFAULT_HINTS
    ) -> AsyncIterator[FakeTranscriptStream]:
        async with super().open_stream(call_id, language, hints) as stream:
            if self.refuses:
                raise EngineError(self.name, Category.RATE_LIMIT, Phase.CONNECT, "scripted")
            async with asyncio.TaskGroup():  # may only be left by the task that entered it
                yield stream


class Setup:
    def __init__(self) -> None:
        self.provider = Provider()
        self.board = HealthBoard(
            {self.provider.name: self.provider.capabilities}, asyncio.get_running_loop().time
        )
        self.work = EarlyWork()

    def open(self) -> EarlySpeechToText:
        return EarlySpeechToText(self.provider, "CA1", "en", self.work, self.board)


async def test_the_first_stream_is_open_already_and_later_ones_are_new() -> None:
    setup = Setup()
    early = setup.open()
    await asyncio.sleep(1)
    (open_stream,) = setup.provider.open_streams
    began = asyncio.get_running_loop().time()
    async with early.open_stream("CA1", "en") as stream:
        assert stream is open_stream
        assert asyncio.get_running_loop().time() == began
        async with early.open_stream("CA1", "en") as other:
            assert other is not open_stream
            assert setup.provider.opened == 2
    assert setup.provider.open_streams == []
    early.close()
    assert len(setup.work) == 0


async def test_a_stream_that_is_still_opening_is_waited_for() -> None:
    setup = Setup()
    early = setup.open()
    async with early.open_stream("CA1", "en"):
        assert setup.provider.opened == 1
    assert setup.provider.open_streams == []


@pytest.mark.parametrize("after_s", [0.0, 0.1, 1.0])
async def test_what_no_call_took_is_given_back(after_s: float) -> None:
    setup = Setup()
    early = setup.open()
    await asyncio.sleep(after_s)
    early.close()
    await asyncio.sleep(0.01)
    assert setup.provider.open_streams == []
    assert len(setup.work) == 0


async def test_a_refusal_is_told_to_the_call_that_wanted_the_stream() -> None:
    setup = Setup()
    setup.provider.refuses = True
    early = setup.open()
    await asyncio.sleep(1)
    with pytest.raises(EngineError, match="rate_limit"):
        async with early.open_stream("CA1", "en"):
            raise AssertionError("must not open")
    assert setup.provider.opened == 1
    early.close()
    assert setup.board.is_healthy(setup.provider.name)  # the call reports it, once


async def test_a_refusal_that_no_call_met_is_told_to_the_board() -> None:
    setup = Setup()
    setup.provider.refuses = True
    early = setup.open()
    await asyncio.sleep(1)
    early.close()
    early.close()
    assert setup.board.verdict(setup.provider.name).state is EngineState.EJECTED


async def test_a_caller_that_gives_up_waiting_leaves_nothing_open() -> None:
    setup = Setup()
    setup.provider.open_s = STALL
    early = setup.open()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5), early.open_stream("CA1", "en"):
            raise AssertionError("must not open")
    assert len(setup.work) == 0


async def test_another_language_gets_a_stream_of_its_own() -> None:
    setup = Setup()
    early = setup.open()
    await asyncio.sleep(1)
    async with early.open_stream("CA1", "es"):
        assert setup.provider.opened == 2
    early.close()


async def test_closing_the_daemon_ends_everything() -> None:
    setup = Setup()
    for _ in range(3):
        setup.open()
    await asyncio.sleep(1)
    assert len(setup.provider.open_streams) == 3
    await setup.work.aclose()
    assert setup.provider.open_streams == []


async def test_it_is_the_engine_in_everything_else() -> None:
    setup = Setup()
    early = setup.open()
    assert early.name == setup.provider.name
    assert early.capabilities is setup.provider.capabilities
    assert early.status() == setup.provider.status()
    await early.warm()
    assert await early.probe() == setup.provider.capabilities.expected_latency_s
    early.close()
    await setup.work.aclose()
