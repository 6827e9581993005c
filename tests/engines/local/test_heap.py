"""What a process frees goes back to the system. In a process of its own, as in a worker."""

import subprocess
import sys

import pytest

from voxd.engines.local import heap

KEPT = """
import re
import sys
from pathlib import Path

from voxd.engines.local.heap import give_back_large_blocks

def resident_kib():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

if sys.argv[1] == "give back":
    assert give_back_large_blocks()
bytearray(24 << 20)
before = resident_kib()
blocks = []
for _ in range(8):
    blocks.append(bytearray(16 << 20))
    last = bytearray(1 << 20)
    blocks.append(last)
del blocks[0::2]
print(resident_kib() - before)
"""


def kept_kib(how: str) -> int:
    """What stays of freed blocks of 16 MiB with small ones between them."""
    command = [sys.executable, "-c", KEPT, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_large_blocks_go_back_to_the_system() -> None:
    assert kept_kib("give back") < 16 * 1024 < kept_kib("keep")


def test_another_c_library_goes_on_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda _: object())
    assert not heap.give_back_large_blocks()
