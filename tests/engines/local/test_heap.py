"""Freed memory is used again and not paged in again. In a process of its own, as in a worker."""

import subprocess
import sys

import pytest

from voxd.engines.local import heap

FAULTS = """
import resource, sys, threading
from voxd.engines.local.heap import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()

def fill():
    for _ in range(20):
        blocks = [bytearray(8 << 20) for _ in range(4)]
        del blocks

thread = threading.Thread(target=fill)
thread.start()
thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def count_faults(how: str) -> int:
    command = [sys.executable, "-c", FAULTS, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_what_was_freed_is_not_paged_in_again() -> None:
    assert count_faults("keep") * 2 < count_faults("give back")


def test_another_c_library_goes_on_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda _: object())
    assert not heap.keep_freed_memory()
