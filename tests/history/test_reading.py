from datetime import timedelta
from pathlib import Path

import pytest

from tests.history.stored import store, three_calls
from tests.records.databases import nobody_special, postgresql_place, sqlite_place
from tests.records.outcomes import STARTED_AT
from voxd.errors import RecordsError
from voxd.history.reading import Filter, as_json, open_reader
from voxd.records.place import Place, PlaceKind


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    return await store(tmp_path, three_calls())


async def ids(place: Place, wanted: Filter, most: int = 20) -> list[str]:
    async with open_reader(place) as reader:
        return [call["call_id"] for call in await reader.last_calls(wanted, most)]


async def test_the_newest_calls_come_oldest_first(place: Place) -> None:
    assert await ids(place, Filter()) == ["CA1one", "CA2two", "CA2three"]
    assert await ids(place, Filter(), 2) == ["CA2two", "CA2three"]


async def test_calls_are_chosen_by_time_tier_agent_and_tenant(place: Place) -> None:
    since = STARTED_AT + timedelta(minutes=30)
    assert await ids(place, Filter(since=since)) == ["CA2two", "CA2three"]
    assert await ids(place, Filter(tier="free")) == ["CA1one"]
    assert await ids(place, Filter(agent="frontdesk", tenant="luna")) == ["CA2three"]
    assert await ids(place, Filter(tier="gold")) == []


async def test_a_call_is_found_by_its_id_or_its_beginning_or_as_the_last(place: Place) -> None:
    async with open_reader(place) as reader:
        for name in ("CA1one", "CA1", "CA1o"):
            assert (await reader.find_call(name))["call_id"] == "CA1one"
        assert (await reader.find_call("last"))["call_id"] == "CA2three"
        turns = await reader.turns_of("CA2three")
    assert [turn["turn_number"] for turn in turns] == [1, 2, 3]
    assert turns[0]["meta"]["transcript"] == "secret words"


@pytest.mark.parametrize(
    ("name", "told"), [("CA2", "several"), ("CB", "no call"), ("%", "no call")]
)
async def test_a_call_that_is_not_there_or_not_the_only_one_is_told(
    place: Place, name: str, told: str
) -> None:
    with pytest.raises(RecordsError, match=told):
        async with open_reader(place) as reader:
            await reader.find_call(name)


async def test_turns_know_what_their_call_promised(place: Place) -> None:
    async with open_reader(place) as reader:
        turns = await reader.turns_of_calls(Filter(tier="pro"))
    assert [turn["target_ms"] for turn in turns] == [500, 650, 650, 650]
    assert {turn["agent"] for turn in turns} == {"frontdesk"}


async def test_rows_can_be_json(place: Place) -> None:
    async with open_reader(place) as reader:
        (row,) = as_json(await reader.last_calls(Filter(), 1))
    assert row["started_at"] == "2026-11-23T12:00:00+00:00" and "id" not in row


async def test_reading_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="no records yet"):
        async with open_reader(sqlite_place(tmp_path / "voxd.db")):
            pass
    assert list(tmp_path.iterdir()) == []


async def test_what_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "voxd.db").write_bytes(b"this is a letter to my aunt. " * 100)
    with pytest.raises(RecordsError, match="cannot be read: DatabaseError"):
        async with open_reader(sqlite_place(tmp_path / "voxd.db")) as reader:
            await reader.find_call("last")
    with pytest.raises(RecordsError, match="cannot be read: ConnectionRefusedError"):
        async with open_reader(postgresql_place("postgresql://voxd@127.0.0.1:1/x")) as reader:
            await reader.find_call("last")
    with pytest.raises(RecordsError, match="look at its table turns"):
        async with open_reader(Place(PlaceKind.SUPABASE, "Supabase at x")):
            pass


async def test_what_only_others_may_read_is_a_sentence(place: Place) -> None:
    folder = place.path.parent
    folder.chmod(0o700)
    with nobody_special(), pytest.raises(RecordsError, match="run it with sudo"):
        async with open_reader(place):
            pass
