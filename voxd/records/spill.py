"""Records on disk that no database has taken yet, oldest first. Writes and reads files; blocks.

A folder of numbered files of JSON lines. Records are added at the end of the last and taken from
the front of the first, which is removed when all of it was taken. What was taken of a file is not
written down: after a crash the file is taken from its beginning, and the database keeps a record
that it has already as it is. Half a line, left by a crash or a full disk, is no record.

Bound: `max_bytes`; what comes beyond is refused, because the oldest records say when it began.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

SEGMENT_BYTES = 1024 * 1024
"""A file that is longer gets no further record."""
_PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700
_SUFFIX = ".jsonl"


class SpillFull(Exception):
    """There is no room for one more record within the bound."""


class Spill:
    """One folder; used by one thread of one process."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._sizes = _sizes(folder)
        """Bytes of each file, by its number, oldest first."""
        self._taken = 0
        """Bytes of the first file that were taken already."""
        self._last = 0
        """The file that is written to; one that was there before may end in half a line."""
        self._counts = {number: _lines(self._path(number)) for number in self._sizes}
        """Records of each file that wait."""
        self.waiting = sum(self._counts.values())
        """Records that wait."""
        self._lost = 0

    @property
    def is_empty(self) -> bool:
        """Nothing waits."""
        return not self._sizes

    def append(self, lines: Sequence[bytes]) -> None:
        """Add records, all of them or none, and see that they outlive a power cut.

        Args:
            lines: each ends with a newline.

        Raises:
            SpillFull: it would exceed the bound.
            OSError: the disk refuses.
        """
        data = b"".join(lines)
        if sum(self._sizes.values()) + len(data) > self._max_bytes:
            raise SpillFull
        number = self._last
        is_long = self._sizes.get(number, SEGMENT_BYTES) >= SEGMENT_BYTES
        is_new = is_long or not self._is_as_left(number)
        if is_new:
            number = max((self._last, *self._sizes)) + 1
            self._folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
        _write(self._path(number), data)
        if is_new:
            _sync_folder(self._folder)
        self._last = number
        self._sizes[number] = self._sizes.get(number, 0) + len(data)
        self._counts[number] = self._counts.get(number, 0) + len(lines)
        self.waiting += len(lines)

    def first(self, most: int) -> list[bytes]:
        """Up to `most` of the oldest records, which stay until `drop`.

        Raises:
            OSError: the disk refuses.
        """
        if not self._sizes:
            return []
        number = next(iter(self._sizes))
        lines: list[bytes] = []
        with contextlib.suppress(FileNotFoundError), self._path(number).open("rb") as file:
            file.seek(self._taken)
            lines = [line for _, line in zip(range(most), file, strict=False)]
        if not lines:  # it is gone, or shorter than it was: somebody else was here
            self._remove(number)
        return lines

    def newest(self, most: int) -> list[bytes]:
        """Up to `most` records of the last file, from its beginning; none if it is the first.

        Raises:
            OSError: the disk refuses.
        """
        if len(self._sizes) < 2:
            return []
        with self._path(max(self._sizes)).open("rb") as file:
            return [line for _, line in zip(range(most), file, strict=False)]

    def take_lost(self) -> int:
        """How many records have gone without being taken since this was asked last."""
        lost, self._lost = self._lost, 0
        return lost

    def drop(self, lines: Sequence[bytes]) -> None:
        """Forget what `first` gave.

        Raises:
            OSError: the disk refuses.
        """
        number = next(iter(self._sizes))
        self._taken += sum(len(line) for line in lines)
        self._counts[number] -= len(lines)
        self.waiting -= len(lines)
        if self._taken >= self._sizes[number]:
            self._remove(number)

    def _remove(self, number: int) -> None:
        self._path(number).unlink(missing_ok=True)
        del self._sizes[number]
        left = self._counts.pop(number)
        self.waiting -= left
        self._lost += max(0, left)
        self._taken = 0

    def _is_as_left(self, number: int) -> bool:
        """Nobody else has removed or changed the file."""
        try:
            return self._path(number).stat().st_size == self._sizes[number]
        except OSError:
            return False

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012}{_SUFFIX}"


def count_waiting(folder: Path) -> int:
    """How many records wait in a folder, for whoever only looks."""
    return sum(_lines(folder / f"{number:012}{_SUFFIX}") for number in _sizes(folder))


def _sizes(folder: Path) -> dict[int, int]:
    found = {}
    with contextlib.suppress(OSError):  # it is made when it is needed
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            if path.stem.isdecimal():
                found[int(path.stem)] = path.stat().st_size
    return found


def _lines(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return 0


def _write(path: Path, data: bytes) -> None:
    """Put `data` behind what is there; a disk that refuses leaves the file as it was."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, _PRIVATE)
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
