"""The writer in virtual time: its store is scripted, its disk is real."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.records.outcomes import FULL, make_outcome
from tests.records.stores import ScriptedStore
from voxd.records import writer as module
from voxd.records.link import FLUSH_S, RETRY_MAX_S, WRITE_S
from voxd.records.spill import Spill
from voxd.records.writer import BATCH_CALLS, PATIENCE, PURGE_S, RecordWriter
from voxd.settings.records import Records

ROOM = 1024 * 1024


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def spill(tmp_path: Path) -> Spill:
    return Spill(tmp_path, ROOM)


@asynccontextmanager
async def writing(
    store: ScriptedStore, spill: Spill | None, settings: Records = FULL
) -> AsyncIterator[RecordWriter]:
    """A writer on the test's own loop; stopped at the end, and awaited."""
    writer = RecordWriter(settings, store.open, spill)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        await asyncio.sleep(0.01)
        yield writer
        writer.stop()


def finish(writer: RecordWriter, *calls: str, turns: int = 1) -> None:
    for call in calls:
        writer.call_finished(make_outcome(call, turns))


async def test_calls_are_written_in_the_order_of_their_ends(store: ScriptedStore) -> None:
    async with writing(store, None) as writer:
        finish(writer, "A", "B")
        await asyncio.sleep(0.1)
        assert store.calls == ["A", "B"]
        finish(writer, "C")
    assert store.calls == ["A", "B", "C"]
    assert (writer.written, writer.spilled, writer.dropped, writer.depth) == (3, 0, 0, 0)


async def test_what_waits_is_written_at_once(store: ScriptedStore) -> None:
    async with writing(store, None) as writer:
        finish(writer, *"ABCDE")
        await asyncio.sleep(0.1)
    assert store.batches == [list("ABCDE")]


async def test_a_store_that_is_away_costs_nothing_but_time(
    store: ScriptedStore, spill: Spill
) -> None:
    async with writing(store, spill) as writer:
        store.is_away = True
        finish(writer, "A")
        await asyncio.sleep(1.0)
        finish(writer, "B", "C")
        await asyncio.sleep(5.0)
        assert (writer.depth, writer.spilled, spill.waiting) == (3, 3, 3)
        assert not writer.is_well
        store.is_away = False
        await asyncio.sleep(RETRY_MAX_S)
        assert writer.is_well
    assert store.calls == ["A", "B", "C"]
    assert (writer.written, writer.dropped, writer.depth) == (3, 0, 0)
    assert spill.is_empty


async def test_newer_calls_wait_behind_older_ones_on_disk(
    store: ScriptedStore, spill: Spill
) -> None:
    async with writing(store, spill) as writer:
        store.is_away = True
        finish(writer, "A")
        await asyncio.sleep(0.1)
        store.is_away = False
        finish(writer, "B")  # before the store is asked again
        await asyncio.sleep(RETRY_MAX_S)
    assert store.calls == ["A", "B"]


async def test_pauses_between_attempts_double_up_to_a_minute(
    store: ScriptedStore, spill: Spill
) -> None:
    async with writing(store, spill) as writer:
        store.is_away = True
        finish(writer, "A")
        await asyncio.sleep(600.0)
        assert not writer.is_well and len(store.batches) == 1  # it is not even opened
        store.is_away = False
        await asyncio.sleep(RETRY_MAX_S)
    assert store.calls == ["A"]


async def test_a_store_is_opened_anew_after_it_failed(store: ScriptedStore, spill: Spill) -> None:
    async with writing(store, spill) as writer:
        store.is_away = True
        finish(writer, "A")
        await asyncio.sleep(0.1)
        store.is_away = False
        await asyncio.sleep(1.0)
    assert store.opened == 2 and store.calls == ["A"]


async def test_a_store_that_hangs_is_left_at_its_limit(store: ScriptedStore, spill: Spill) -> None:
    async with writing(store, spill) as writer:
        store.hangs = True
        finish(writer, "A")
        await asyncio.sleep(WRITE_S - 0.1)
        assert spill.is_empty and writer.depth == 1
        await asyncio.sleep(0.2)
        assert spill.waiting == 1
        store.hangs = False
        await asyncio.sleep(RETRY_MAX_S)
    assert store.calls == ["A"]


async def test_the_end_waits_a_little_for_a_store_that_hangs(
    store: ScriptedStore, spill: Spill
) -> None:
    loop = asyncio.get_running_loop()
    async with writing(store, spill) as writer:
        store.hangs = True
        finish(writer, "A")
        await asyncio.sleep(0.1)
        finish(writer, "B")
        began = loop.time()
    assert loop.time() - began < FLUSH_S + 0.5
    assert (spill.waiting, writer.dropped) == (2, 0)


async def test_records_of_the_last_run_are_written_first(
    store: ScriptedStore, spill: Spill, tmp_path: Path
) -> None:
    store.is_away = True
    async with writing(store, spill) as writer:
        finish(writer, "A", "B")
    assert writer.depth == 2
    store.is_away = False
    async with writing(store, Spill(tmp_path, ROOM)) as again:
        finish(again, "C")
        await asyncio.sleep(1.0)
    assert store.calls == ["A", "B", "C"]


async def test_a_record_that_is_refused_holds_up_no_other(
    store: ScriptedStore, spill: Spill
) -> None:
    store.refused.add("B")
    async with writing(store, spill) as writer:
        finish(writer, "A", "B", "C")
        await asyncio.sleep(1.0)
    assert store.calls == ["A", "C"]
    assert (writer.written, writer.dropped, writer.depth) == (2, 1, 0)


async def test_a_refused_record_on_disk_holds_up_no_other(
    store: ScriptedStore, spill: Spill
) -> None:
    store.refused.add("B")
    async with writing(store, spill) as writer:
        store.is_away = True
        finish(writer, "A", "B", "C")
        await asyncio.sleep(0.1)
        store.is_away = False
        await asyncio.sleep(RETRY_MAX_S)
    assert store.calls == ["A", "C"]
    assert (writer.dropped, spill.waiting) == (1, 0)


async def test_a_damaged_file_costs_its_damaged_lines(store: ScriptedStore, spill: Spill) -> None:
    store.is_away = True
    async with writing(store, spill) as writer:
        finish(writer, "A")
        await asyncio.sleep(0.1)
        spill.append([b'{"half": \n'])
        finish(writer, "B")
        await asyncio.sleep(0.1)
        store.is_away = False
        await asyncio.sleep(RETRY_MAX_S)
    assert store.calls == ["A", "B"]
    assert (writer.dropped, writer.depth) == (1, 0)


async def test_a_bug_costs_no_record_and_its_store_is_left(
    store: ScriptedStore, spill: Spill, caplog: pytest.LogCaptureFixture
) -> None:
    async with writing(store, spill) as writer:
        store.has_bug = True
        finish(writer, "A", "B")
        await asyncio.sleep(1.0)
        assert store.closed == store.opened
        store.has_bug = False
        finish(writer, "C")
        await asyncio.sleep(RETRY_MAX_S)
    assert (store.calls, writer.dropped) == (["A", "B", "C"], 0)
    assert caplog.text.count("AttributeError: scripted") == 1


async def test_a_record_that_the_store_fails_at_holds_up_no_other(
    store: ScriptedStore, spill: Spill
) -> None:
    store.unwritable.add("B")
    async with writing(store, spill) as writer:
        finish(writer, "A", "B", "C", "D")
        await asyncio.sleep(2 * RETRY_MAX_S)
        assert (store.calls, writer.depth) == (["A", "C", "D"], 0)
    assert writer.dropped == 1


async def test_records_that_the_store_fails_at_are_found_side_by_side_and_in_other_files(
    store: ScriptedStore, spill: Spill, tmp_path: Path
) -> None:
    store.unwritable |= {"A", "B"}
    async with writing(store, spill) as writer:
        finish(writer, "A", "B")
        await asyncio.sleep(10 * RETRY_MAX_S)
        assert (writer.dropped, writer.depth) == (0, 2)  # it may be the store
    async with writing(store, Spill(tmp_path, ROOM)) as again:
        finish(again, "C")
        await asyncio.sleep(10 * RETRY_MAX_S)
    assert (store.calls, again.dropped, again.depth) == (["C"], 2, 0)


async def test_a_store_that_comes_back_while_it_is_judged_costs_no_record(
    store: ScriptedStore, spill: Spill
) -> None:
    store.failures_left = 1 + PATIENCE + 1
    async with writing(store, spill) as writer:
        finish(writer, "A", "B", "C")
        await asyncio.sleep(2 * RETRY_MAX_S)
        assert store.batches[-4:] == [["A"], ["B"], ["A"], ["B", "C"]]
        assert (sorted(store.calls), writer.dropped) == (["A", "B", "C"], 0)


async def test_an_outage_costs_no_record_however_long(store: ScriptedStore, spill: Spill) -> None:
    store.is_away = True
    async with writing(store, spill) as writer:
        for call in "ABCDE":
            finish(writer, call)
            await asyncio.sleep(10 * RETRY_MAX_S)
        store.is_away = False
        await asyncio.sleep(RETRY_MAX_S)
    assert (store.calls, writer.dropped) == (list("ABCDE"), 0)


async def test_a_slow_store_gets_fewer_at_once_and_catches_up(
    store: ScriptedStore, spill: Spill
) -> None:
    store.call_s = WRITE_S / 10
    async with writing(store, spill) as writer:
        finish(writer, *(f"A{i}" for i in range(2 * BATCH_CALLS)))
        await asyncio.sleep(1000.0)
        assert (len(store.calls), writer.depth) == (2 * BATCH_CALLS, 0)
        store.call_s = 0.0
        store.batches.clear()
        for i in range(BATCH_CALLS):
            finish(writer, f"B{i}")
            await asyncio.sleep(1.0)
        finish(writer, *(f"C{i}" for i in range(BATCH_CALLS)))
    assert len(store.batches[-1]) == BATCH_CALLS


async def test_a_spill_that_somebody_removed_is_counted_and_holds_up_nothing(
    store: ScriptedStore, spill: Spill, tmp_path: Path
) -> None:
    store.is_away = True
    async with writing(store, spill) as writer:
        finish(writer, "A", "B")
        await asyncio.sleep(0.1)
        next(tmp_path.iterdir()).unlink()
        store.is_away = False
        await asyncio.sleep(RETRY_MAX_S)
        assert (writer.dropped, writer.depth) == (2, 0)
        finish(writer, "C")
        await asyncio.sleep(1.0)
        assert store.calls == ["C"]


async def test_a_full_disk_costs_nothing_while_the_store_is_well(
    store: ScriptedStore, spill: Spill, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writing(store, spill) as writer:
        store.is_away = True
        finish(writer, "A")
        await asyncio.sleep(0.1)
        monkeypatch.setattr(spill, "_max_bytes", 0)
        finish(writer, "B")
        await asyncio.sleep(0.1)
        assert writer.depth == 2
        store.is_away = False
        await asyncio.sleep(RETRY_MAX_S)
        assert sorted(store.calls) == ["A", "B"]
    assert (writer.dropped, writer.depth) == (0, 0)


async def test_a_bug_does_not_make_it_ask_without_end(store: ScriptedStore, spill: Spill) -> None:
    spill.append([b'{"call": {"call_id": "A"}, "turns": []}\n'])
    store.has_bug = True
    async with writing(store, spill):
        await asyncio.sleep(30.0)
        assert len(store.batches) < 10
        store.has_bug = False
        await asyncio.sleep(RETRY_MAX_S)
    assert store.calls == ["A"]


async def test_without_a_disk_what_is_not_taken_is_counted(store: ScriptedStore) -> None:
    async with writing(store, None) as writer:
        store.is_away = True
        finish(writer, "A", "B")
        await asyncio.sleep(0.1)
        store.is_away = False
        finish(writer, "C")
        await asyncio.sleep(0.1)
    assert store.calls == ["C"]
    assert (writer.written, writer.dropped) == (1, 2)


@pytest.fixture
def no_disk(tmp_path: Path) -> Spill:
    """One that takes nothing."""
    (tmp_path / "file").write_text("no folder")
    return Spill(tmp_path / "file", ROOM)


async def test_where_the_disk_refuses_as_well_calls_wait_in_memory(
    store: ScriptedStore, no_disk: Spill, caplog: pytest.LogCaptureFixture
) -> None:
    store.is_away = True
    async with writing(store, no_disk) as writer:
        finish(writer, "A")
        await asyncio.sleep(300.0)
        finish(writer, "B", "C")
        await asyncio.sleep(300.0)
        assert (writer.dropped, writer.depth) == (0, 3)
        store.is_away = False
        await asyncio.sleep(RETRY_MAX_S)
        assert (store.calls, writer.depth) == (["A", "B", "C"], 0)
    assert caplog.text.count("records cannot be put on disk") == 1


async def test_what_neither_store_nor_disk_takes_is_counted(
    store: ScriptedStore, no_disk: Spill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxd.records.intake.QUEUE_ROWS", 4)
    store.is_away = True
    async with writing(store, no_disk) as writer:
        finish(writer, "A")
        await asyncio.sleep(0.1)
        finish(writer, "B", "C", "D")  # two rows each
        await asyncio.sleep(0.1)
        assert (writer.dropped, writer.depth) == (1, 3)
    assert (writer.dropped, writer.depth, store.calls) == (4, 0, [])


async def test_the_end_asks_the_store_for_what_the_disk_refuses(
    store: ScriptedStore, no_disk: Spill
) -> None:
    store.is_away = True
    async with writing(store, no_disk) as writer:
        finish(writer, "A")
        await asyncio.sleep(100.0)
        store.is_away = False
    assert (store.calls, writer.dropped) == (["A"], 0)


async def test_a_full_queue_drops_and_counts(
    store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxd.records.intake.QUEUE_ROWS", 5)
    async with writing(store, None) as writer:
        finish(writer, "A", "B", "C")  # two rows each
        assert (writer.depth, writer.dropped) == (2, 1)
    assert store.calls == ["A", "B"]


async def test_calls_that_end_after_the_end_are_counted(store: ScriptedStore) -> None:
    async with writing(store, None) as writer:
        pass
    finish(writer, "A")
    assert (writer.depth, writer.dropped) == (0, 1)


async def test_a_call_that_comes_back_is_a_record_of_its_own(
    store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_NAMES", 2)
    async with writing(store, None) as writer:
        finish(writer, "A", "B", "A", "A", "C")
    assert store.calls == ["A", "B", "A/2", "A/3", "C"]
    assert len(writer._ended) == 2


async def test_old_calls_are_forgotten_a_part_at_a_time_every_hour(store: ScriptedStore) -> None:
    store.old = 2
    async with writing(store, None, Records(retention_days=30)) as writer:
        await asyncio.sleep(1.0)
        assert len(store.purged) == 3
        await asyncio.sleep(PURGE_S)
        assert len(store.purged) == 4
        finish(writer, "A")
    assert store.calls == ["A"]


async def test_retention_of_nought_days_is_for_good(store: ScriptedStore) -> None:
    async with writing(store, None, Records(retention_days=0)):
        await asyncio.sleep(1.0)
    assert (store.opened, store.purged) == (1, [])


async def test_what_is_wrong_is_logged_once_and_without_words(
    store: ScriptedStore, spill: Spill, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store.is_away = True
    async with writing(store, spill) as writer:
        finish(writer, "A", "B")
        await asyncio.sleep(300.0)
        store.is_away = False
        await asyncio.sleep(RETRY_MAX_S)
    told = [record.getMessage() for record in caplog.records]
    assert told == ["records cannot be stored", "records can be stored again"]
    assert "secret" not in caplog.text and "0123456" not in caplog.text
