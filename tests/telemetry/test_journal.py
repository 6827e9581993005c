from voxd.commands import ClearPlayback
from voxd.events import DigitPressed
from voxd.telemetry.journal import Journal


def test_entries_keep_their_order_and_time() -> None:
    journal = Journal("CA1")
    journal.record(1.0, DigitPressed(1.0, "5"))
    journal.record(1.1, ClearPlayback())
    assert journal.entries == [(1.0, DigitPressed(1.0, "5")), (1.1, ClearPlayback())]
    assert journal.call_id == "CA1"


def test_a_full_journal_loses_its_oldest_entries_and_counts_them() -> None:
    journal = Journal("CA1", max_entries=3)
    for at in range(5):
        journal.record(float(at), ClearPlayback())
    assert [at for at, _ in journal.entries] == [2.0, 3.0, 4.0]
    assert journal.dropped == 2


def test_entries_are_a_copy() -> None:
    journal = Journal("CA1")
    journal.entries.append((0.0, ClearPlayback()))
    assert journal.entries == []


def test_the_latest_entries_and_how_many_there_have_been() -> None:
    journal = Journal("CA1", max_entries=3)
    for at in range(5):
        journal.record(float(at), ClearPlayback())
    assert journal.recorded == 5
    assert [at for at, _ in journal.latest(2)] == [3.0, 4.0]
    assert [at for at, _ in journal.latest(9)] == [2.0, 3.0, 4.0]
    assert journal.latest(0) == journal.latest(-1) == []
