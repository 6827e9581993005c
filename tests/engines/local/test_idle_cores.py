import multiprocessing
import os
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from voxd.engines.local.idle_cores import LOAD, count_idle_cores


@pytest.mark.parametrize(
    ("load", "cores", "idle"),
    [
        ("0.20 0.18 0.12 1/80 11206\n", 2, 1),
        ("0.20 0.18 0.12 2/80 11206\n", 2, 0),
        ("9.00 9.00 9.00 31/80 11206\n", 2, 0),
        ("0.20 0.18 0.12 0/80 11206\n", 4, 3),
        ("0.20 0.18 0.12 1/80 11206\n", 1, 0),
        ("", 4, 0),
        ("0.20 0.18 0.12 soon\n", 4, 0),
    ],
)
def test_what_runs_now_is_not_idle(tmp_path: Path, load: str, cores: int, idle: int) -> None:
    (tmp_path / "loadavg").write_text(load)
    assert count_idle_cores(cores, tmp_path / "loadavg") == idle


def test_a_system_that_does_not_tell_has_none(tmp_path: Path) -> None:
    assert count_idle_cores(8, tmp_path / "loadavg") == 0


def _spin(stop: Event) -> None:
    while not stop.is_set():
        pass


@pytest.mark.skipif(not LOAD.exists(), reason="Linux tells it")
def test_somebody_who_computes_is_seen() -> None:
    cores = len(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    busy = [context.Process(target=_spin, args=(stop,), daemon=True) for _ in range(cores)]
    for process in busy:
        process.start()
    try:
        limit = time.monotonic() + 30
        while count_idle_cores(cores) and time.monotonic() < limit:
            time.sleep(0.01)
        assert count_idle_cores(cores) == 0
    finally:
        stop.set()
        for process in busy:
            process.join(10)
