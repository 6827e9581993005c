import os
from pathlib import Path

import pytest

from voxd.records.spill import SEGMENT_BYTES, Spill, SpillFull, count_waiting

ROOM = 10 * SEGMENT_BYTES


def lines(*names: str) -> list[bytes]:
    return [f"{name}\n".encode() for name in names]


def take_all(spill: Spill, most: int = 2) -> list[bytes]:
    taken = []
    while not spill.is_empty:
        found = spill.first(most)
        taken += found
        if found:
            spill.drop(found)
    return taken


def test_what_was_put_first_is_taken_first(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "spill", ROOM)
    spill.append(lines("a", "b", "c"))
    spill.append(lines("d"))
    assert spill.waiting == 4
    assert take_all(spill) == lines("a", "b", "c", "d")
    assert (spill.is_empty, spill.waiting) == (True, 0)
    assert list((tmp_path / "spill").iterdir()) == []


def test_what_is_looked_at_stays_until_it_is_dropped(tmp_path: Path) -> None:
    spill = Spill(tmp_path, ROOM)
    spill.append(lines("a", "b"))
    assert spill.first(1) == spill.first(1) == lines("a")
    spill.drop(lines("a"))
    assert spill.first(5) == lines("b")


def test_records_outlive_the_process_in_their_order(tmp_path: Path) -> None:
    Spill(tmp_path, ROOM).append(lines("a", "b"))
    again = Spill(tmp_path, ROOM)
    assert again.waiting == count_waiting(tmp_path) == 2
    again.append(lines("c"))
    assert take_all(Spill(tmp_path, ROOM)) == lines("a", "b", "c")


def test_half_a_line_of_a_crash_spoils_no_other(tmp_path: Path) -> None:
    Spill(tmp_path, ROOM).append([b"a\n", b"half"])
    again = Spill(tmp_path, ROOM)
    again.append(lines("b"))
    assert take_all(again) == [b"a\n", b"half", b"b\n"]


def test_files_are_cut_at_some_length(tmp_path: Path) -> None:
    spill = Spill(tmp_path, ROOM)
    long = [b"x" * (SEGMENT_BYTES // 2) + b"\n"]
    for _ in range(5):
        spill.append(long)
    assert len(list(tmp_path.iterdir())) == 3
    assert take_all(spill) == long * 5


def test_new_records_go_behind_those_that_are_being_taken(tmp_path: Path) -> None:
    spill = Spill(tmp_path, ROOM)
    spill.append(lines("a"))
    taken = spill.first(5)
    spill.append(lines("b"))
    spill.drop(taken)
    assert take_all(spill) == lines("b")
    spill.append(lines("c"))
    assert take_all(spill) == lines("c")


def test_what_exceeds_the_bound_is_refused_whole(tmp_path: Path) -> None:
    spill = Spill(tmp_path, 4)
    spill.append(lines("a"))
    with pytest.raises(SpillFull):
        spill.append(lines("b", "c"))
    spill.append(lines("d"))
    assert take_all(spill) == lines("a", "d")


def test_a_disk_that_refuses_leaves_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spill = Spill(tmp_path, ROOM)
    spill.append(lines("a"))
    write = os.write

    def refuse(descriptor: int, data: memoryview) -> int:
        if len(data) < 3:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:3])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(OSError):
            spill.append(lines("bcd"))
    spill.append(lines("e"))
    assert take_all(spill) == lines("a", "e")


def test_only_its_owner_can_read_what_callers_said(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "spill", ROOM)
    spill.append(lines("a"))
    (path,) = (tmp_path / "spill").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text("mine\n")
    spill = Spill(tmp_path, ROOM)
    assert spill.is_empty
    spill.append(lines("a"))
    assert take_all(spill) == lines("a")
    assert (tmp_path / "notes.jsonl").read_text() == "mine\n"


def test_a_file_that_somebody_removed_is_forgotten(tmp_path: Path) -> None:
    spill = Spill(tmp_path, ROOM)
    spill.append(lines("a"))
    next(tmp_path.iterdir()).write_bytes(b"")
    assert spill.first(1) == [] and spill.is_empty
    assert (spill.waiting, spill.take_lost()) == (0, 1)


def test_what_somebody_removed_is_lost_and_counted(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "spill", ROOM)
    spill.append(lines("a", "b"))
    spill.drop(spill.first(1))
    next((tmp_path / "spill").iterdir()).unlink()
    (tmp_path / "spill").rmdir()
    spill.append(lines("c"))
    assert take_all(spill) == lines("c")
    assert (spill.waiting, spill.take_lost(), spill.take_lost()) == (0, 1, 0)


def test_what_somebody_cut_off_spoils_nothing_that_follows(tmp_path: Path) -> None:
    spill = Spill(tmp_path, ROOM)
    spill.append(lines("a", "b"))
    next(tmp_path.iterdir()).write_bytes(b"a\n")
    spill.append(lines("c"))
    assert take_all(spill) == lines("a", "c")
    assert (spill.waiting, spill.take_lost()) == (0, 1)


def test_the_newest_are_those_of_the_last_file(tmp_path: Path) -> None:
    Spill(tmp_path, ROOM).append(lines("a"))
    spill = Spill(tmp_path, ROOM)
    assert spill.newest(5) == []
    spill.append(lines("b", "c"))
    assert (spill.newest(1), spill.newest(5)) == (lines("b"), lines("b", "c"))
