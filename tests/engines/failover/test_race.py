"""Sources side by side: order, losers, errors, bugs."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from voxd.engines.failover.race import PIECES_AHEAD, Ended, Race
from voxd.errors import Category, EngineError, Phase


class Source:
    """Yields what it is given; numbers are pauses, errors are raised."""

    def __init__(self, *steps: str | float | Exception) -> None:
        self.steps = steps
        self.given = 0
        self.is_closed = False
        self.tasks: set[object] = set()

    async def read(self) -> AsyncIterator[str]:
        self.tasks.add(asyncio.current_task())
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, str):
                    self.given += 1
                    yield step
                else:
                    await asyncio.sleep(step)
        finally:
            self.tasks.add(asyncio.current_task())
            self.is_closed = True


ERROR = EngineError("a", Category.SERVER, Phase.STREAM, "scripted")


async def test_pieces_come_in_the_order_of_their_arrival() -> None:
    race: Race[str, str] = Race()
    race.enter("a", Source(0.2, "a1", 0.2, "a2").read())
    race.enter("b", Source(0.3, "b1", 0.3).read())
    arrived = [await race.next(None) for _ in range(5)]
    assert arrived == [
        ("a", "a1"),
        ("b", "b1"),
        ("a", "a2"),
        ("a", Ended(None)),
        ("b", Ended(None)),
    ]
    await race.aclose()


async def test_nothing_by_the_deadline_is_nothing() -> None:
    race: Race[str, str] = Race()
    race.enter("a", Source(1.0, "a1").read())
    begun_at = asyncio.get_running_loop().time()
    assert await race.next(begun_at + 0.4) is None
    assert asyncio.get_running_loop().time() == pytest.approx(begun_at + 0.4)
    assert await race.next(None) == ("a", "a1")
    await race.aclose()


async def test_nothing_arrives_of_a_source_that_was_left() -> None:
    race: Race[str, str] = Race()
    one, two = Source("a1", "a2", 1e9), Source(0.5, "b1")
    race.enter("a", one.read())
    race.enter("b", two.read())
    assert await race.next(None) == ("a", "a1")
    race.leave("a")
    assert await race.next(None) == ("b", "b1")
    assert one.is_closed
    await race.aclose()
    assert two.is_closed


async def test_every_source_is_opened_and_closed_by_the_same_task() -> None:
    race: Race[str, str] = Race()
    sources = [Source("x", 1e9), Source(1e9)]
    for source in sources:
        race.enter(str(id(source)), source.read())
    await race.next(None)
    await race.aclose()
    assert [len(source.tasks) for source in sources] == [1, 1]
    assert asyncio.current_task() not in sources[0].tasks | sources[1].tasks


async def test_an_engines_error_is_an_ending() -> None:
    race: Race[str, str] = Race()
    race.enter("a", Source("a1", ERROR).read())
    assert await race.next(None) == ("a", "a1")
    assert await race.next(None) == ("a", Ended(ERROR))
    await race.aclose()


async def test_a_bug_is_raised_where_it_is_awaited() -> None:
    race: Race[str, str] = Race()
    race.enter("a", Source(RuntimeError("scripted bug")).read())
    with pytest.raises(RuntimeError, match="scripted bug"):
        await race.next(None)
    await race.aclose()


async def test_a_loser_that_fails_to_close_matters_only_if_it_is_a_bug() -> None:
    async def broken(error: Exception) -> AsyncIterator[str]:
        try:
            await asyncio.sleep(1e9)
            yield ""
        finally:
            raise error

    race: Race[str, str] = Race()
    race.enter("a", broken(ERROR))
    await race.next(asyncio.get_running_loop().time() + 0.1)
    await race.aclose()
    race.enter("a", broken(RuntimeError("scripted bug")))
    await race.next(asyncio.get_running_loop().time() + 0.1)
    race.leave("a")
    with pytest.raises(RuntimeError, match="scripted bug"):
        await race.aclose()


async def test_a_source_that_is_not_read_waits() -> None:
    race: Race[str, str] = Race()
    source = Source(*["x"] * 1000)
    race.enter("a", source.read())
    await asyncio.sleep(1)
    assert source.given == PIECES_AHEAD + 1
    await race.aclose()
    assert source.is_closed
