import os
import subprocess
import sys

from benches.memory import decode_pss, name_worker, read_processes


def test_proportional_memory_is_read_from_the_kernels_text() -> None:
    text = "00-ff ---p 0 00:00 0 [rollup]\nRss:  9 kB\nPss:             4 kB\nPss_Dirty: 1 kB\n"
    assert decode_pss(text) == 4096
    assert decode_pss("") == 0


def test_workers_are_known_by_their_kind() -> None:
    assert name_worker(b"/usr/bin/python\0-m\0voxd\0worker\0llm\0--fd\x0012\0") == "worker llm"
    assert name_worker(b"sleep\x0010\0") == "other"
    assert name_worker(b"worker") == "other"


def test_a_process_and_its_children_are_found() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        found = read_processes(os.getpid())
    finally:
        child.communicate(b"\n")
    assert found[0].name == "daemon" and found[0].pss_bytes > 0 and found[0].files > 2
    assert "other" in [process.name for process in found[1:]]


def test_a_process_that_is_gone_is_left_out() -> None:
    assert read_processes(2**22 + 1) == ()
