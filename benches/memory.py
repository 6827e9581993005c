"""What processes take of the machine: proportional memory, descriptors. Reads /proc. I/O.

PSS counts a page that several processes share (libraries, and weights that are mapped) in equal
parts for each of them, so that the figures of the daemon and its workers add up to what is taken.
"""

from dataclasses import dataclass
from pathlib import Path

from benches.daemon import find_descendants

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Process:
    """One process, now."""

    name: str
    """`daemon`, or what kind of worker."""
    pss_bytes: int
    files: int
    """Open descriptors."""


def read_processes(pid: int) -> tuple[Process, ...]:
    """The daemon and its workers; without those that have gone meanwhile."""
    found = []
    for each in (pid, *find_descendants(pid)):
        try:
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text(encoding="ascii")
            command = Path(f"/proc/{each}/cmdline").read_bytes()
            files = sum(1 for _ in Path(f"/proc/{each}/fd").iterdir())
        except OSError:
            continue
        name = "daemon" if each == pid else name_worker(command)
        found.append(Process(name, decode_pss(rollup), files))
    return tuple(found)


def decode_pss(rollup: str) -> int:
    """Bytes, out of a `smaps_rollup`: proc(5)."""
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def name_worker(command: bytes) -> str:
    """The kind in a worker's command line (`… worker KIND --fd N`)."""
    words = command.decode("utf-8", "replace").split("\0")
    if "worker" in words[:-1]:
        return f"worker {words[words.index('worker') + 1]}"
    return "other"
