"""Which core runs what, and what it cost: affinity and `/proc`. I/O."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from voxd.errors import VoxdError


class TooFewCores(VoxdError):
    """A daemon and its load cannot be kept apart on this machine."""


@dataclass(frozen=True, slots=True)
class Split:
    """The cores of this process, divided."""

    daemon: frozenset[int]
    """One core, for the daemon and the model workers that it starts."""
    load: frozenset[int]
    """All others."""


def split_cores() -> Split:
    """Keep the last core for the daemon: interrupts mostly come to the first.

    Raises:
        TooFewCores: there is only one.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise TooFewCores("this process may use one core only; the daemon needs one of its own")
    return Split(frozenset(cores[-1:]), frozenset(cores[:-1]))


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Run this thread, and every process that it starts inside, on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class CpuTime:
    """What a process has used since its start."""

    used_s: float
    """Processor time of all its threads, user and system, seconds."""
    waited_s: float
    """Time for which its first thread (the event loop) was ready to run and had no core."""

    def since(self, before: "CpuTime") -> "CpuTime":
        """What was used after `before`."""
        return CpuTime(self.used_s - before.used_s, self.waited_s - before.waited_s)


def read_cpu_time(pid: int) -> CpuTime:
    """Read it from `/proc`; zero for a process that is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        waited_ns = _read_waited_ns(pid)
    except OSError:
        return CpuTime(0.0, 0.0)
    return CpuTime(decode_stat(stat) / os.sysconf("SC_CLK_TCK"), waited_ns / 1e9)


def decode_stat(stat: str) -> int:
    """Clock ticks that a process used, from its `/proc/PID/stat`: proc(5), fields 14 and 15.

    The name of the program, field 2, may contain anything, so fields are counted behind it.
    """
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def read_stolen_s(cores: frozenset[int]) -> float:
    """Seconds for which a hypervisor gave these cores to others while they were wanted here, on
    average over them and since the machine started; 0 where nobody says."""
    try:
        stat = Path("/proc/stat").read_text()
    except OSError:
        return 0.0
    return decode_stolen(stat, cores) / os.sysconf("SC_CLK_TCK")


def decode_stolen(stat: str, cores: frozenset[int]) -> float:
    """Clock ticks stolen from each of these cores on average: proc(5), `/proc/stat`, field 8."""
    rows = [line.split() for line in stat.splitlines() if line.startswith("cpu")]
    ticks = [int(row[8]) for row in rows if row[0] in {f"cpu{core}" for core in cores}]
    return sum(ticks) / len(ticks) if ticks else 0.0


def _read_waited_ns(pid: int) -> int:
    """Field 2 of `schedstat`; 0 where the kernel does not keep it."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
    except FileNotFoundError:
        return 0
