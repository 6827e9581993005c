"""Records over Supabase's REST wire, at a loopback server that is as strict as the original."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.records.outcomes import FULL, STARTED_AT, make_outcome, with_trouble
from tests.servers.supabase import KEY, SupabaseServer, supabase_server
from voxd.records.making import make_record
from voxd.records.place import Place, PlaceKind
from voxd.records.record import CallRecord
from voxd.records.store import RecordRefused, StoreAway
from voxd.records.supabase import MOST_ROWS, open_supabase_store


@pytest.fixture
async def server() -> AsyncIterator[SupabaseServer]:
    async with supabase_server() as server:
        yield server


def place(server: SupabaseServer) -> Place:
    return Place(PlaceKind.SUPABASE, "Supabase", url=server.url, key=KEY)


def record(call_id: str = "CA1", turns: int = 2) -> CallRecord:
    outcome = with_trouble(make_outcome(call_id, turns))
    return make_record(outcome, FULL, 10.0 * turns + 5.0)


async def write(place: Place, *records: CallRecord) -> None:
    async with open_supabase_store(place) as store:
        await store.write(records)


async def reason_of(place: Place) -> str:
    with pytest.raises(StoreAway) as caught:
        await write(place, record())
    assert KEY not in repr(caught.value)
    return caught.value.reason


async def test_turns_stand_there_with_the_designs_columns(server: SupabaseServer) -> None:
    await write(place(server), record())
    first = server.rows["CA1", 1]
    assert (first["content"], first["total_latency_ms"]) == ("secret answer. And more.", 450)
    assert first["meta"]["transcript"] == "secret words"
    assert first["meta"]["call"]["tier"] == "pro"
    assert "meta" not in first["meta"]["call"]
    assert server.rows["CA1", 2]["meta"]["failovers"][0]["from"] == "groq"


async def test_a_batch_is_one_request(server: SupabaseServer) -> None:
    await write(place(server), record("CA1"), record("CA2"))
    assert (server.requests, len(server.rows)) == (1, 4)


async def test_what_is_written_again_stands_there_once(server: SupabaseServer) -> None:
    await write(place(server), record())
    await write(place(server), record(), record("CA2"))
    assert len(server.rows) == 4


async def test_no_request_is_too_large(server: SupabaseServer) -> None:
    await write(place(server), *(record(f"CA{i}", 30) for i in range(20)))
    assert len(server.rows) == 600 and server.largest_post == MOST_ROWS


async def test_a_call_without_turns_is_no_request(server: SupabaseServer) -> None:
    await write(place(server), record(turns=0))
    assert server.requests == 0


async def test_a_wrong_key_a_missing_table_and_an_outage_are_told_apart(
    server: SupabaseServer,
) -> None:
    assert await reason_of(replace(place(server), key="wrong")) == "PGRST301"
    server.has_table = False
    assert await reason_of(place(server)) == "PGRST205"
    server.is_down = True
    assert await reason_of(place(server)) == "status_503"


async def test_a_host_that_is_gone_is_away(server: SupabaseServer) -> None:
    assert await reason_of(replace(place(server), url="http://127.0.0.1:1")) == "connection"


async def test_a_row_that_will_never_fit_is_refused(server: SupabaseServer) -> None:
    bad = record()
    bad.turns[0]["content"] = "a\0b"
    with pytest.raises(RecordRefused, match="22P05"):
        await write(place(server), bad)
    assert server.rows == {}


async def test_probing_finds_out_and_writes_nothing(server: SupabaseServer) -> None:
    async with open_supabase_store(place(server)) as store:
        await store.probe()
        server.has_table = False
        with pytest.raises(StoreAway, match="PGRST205"):
            await store.probe()
    assert server.rows == {}


async def test_a_call_that_comes_back_in_one_batch_is_not_sent_under_one_key(
    server: SupabaseServer,
) -> None:
    back = make_record(
        make_outcome("CA1", 2, started_at=STARTED_AT + timedelta(hours=1)), FULL, 25.0
    )
    await write(place(server), record("CA1"), record("CA1"), back)
    assert {name for name, _ in server.rows} == {"CA1", "CA1/20261123T110000"}


async def test_a_batch_that_is_too_large_is_tried_in_parts(server: SupabaseServer) -> None:
    server.largest_body = 1
    with pytest.raises(RecordRefused, match="status_413"):
        await write(place(server), record())
