"""In virtual time."""

import asyncio

import pytest

from tests.records.stores import ScriptedStore
from voxd.records.link import FLUSH_S, RETRY_MAX_S, RETRY_S, WRITE_S, StoreLink
from voxd.records.store import RecordRefused, StoreAway


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


def link_to(store: ScriptedStore) -> StoreLink:
    return StoreLink(store.open, lambda: 0)


async def fails(link: StoreLink) -> str:
    with pytest.raises(StoreAway) as caught:
        await link.ask(lambda it: it.write(()))
    return caught.value.reason


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_store_is_opened_once_and_kept(store: ScriptedStore) -> None:
    link = link_to(store)
    for _ in range(3):
        await link.ask(lambda it: it.probe())
    assert store.opened == 1 and link.is_well
    await link.close()


async def test_pauses_double_up_to_a_limit_and_begin_anew(store: ScriptedStore) -> None:
    link, pauses = link_to(store), []
    store.is_away = True
    for _ in range(9):
        assert await fails(link) == "scripted"
        pauses.append(link.retry_at - now())
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 32, RETRY_MAX_S, RETRY_MAX_S])
    store.is_away = False
    await link.ask(lambda it: it.probe())
    assert link.is_well and link.retry_at == 0.0
    store.is_away = True
    await fails(link)
    assert link.retry_at - now() == pytest.approx(RETRY_S)


async def test_what_takes_too_long_has_failed(store: ScriptedStore) -> None:
    link, began = link_to(store), now()
    store.hangs = True
    assert await fails(link) == "deadline"
    assert now() - began == pytest.approx(WRITE_S)


async def test_the_end_shortens_what_is_on_its_way_and_what_follows(store: ScriptedStore) -> None:
    link, began = link_to(store), now()
    store.hangs = True
    asyncio.get_running_loop().call_later(1.0, link.hurry)
    assert await fails(link) == "deadline"
    assert now() - began == pytest.approx(1.0 + FLUSH_S)
    assert await fails(link) == "deadline"
    assert now() - began == pytest.approx(1.0 + FLUSH_S)


async def test_a_refusal_is_no_failure(store: ScriptedStore) -> None:
    link = link_to(store)

    async def refuse() -> None:
        raise RecordRefused("scripted")

    with pytest.raises(RecordRefused):
        await link.ask(lambda _: refuse())
    assert link.is_well
    await link.close()


async def test_a_store_with_a_bug_is_left_and_told_of_once(
    store: ScriptedStore, caplog: pytest.LogCaptureFixture
) -> None:
    link = link_to(store)
    store.has_bug = True
    assert [await fails(link) for _ in range(3)] == ["bug"] * 3
    assert (store.opened, store.closed) == (3, 3)
    assert caplog.text.count("AttributeError: scripted") == 1
    store.has_bug = False
    await link.ask(lambda it: it.write(()))
    assert link.is_well
    await link.close()
