"""Affinity and processor time of real processes."""

import os
import time

import pytest

from benches.cores import (
    CpuTime,
    TooFewCores,
    decode_stat,
    decode_stolen,
    pinned,
    read_cpu_time,
    read_stolen_s,
    split_cores,
)


def test_the_daemon_gets_the_last_core_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5, 1, 3})
    split = split_cores()
    assert (split.daemon, split.load) == (frozenset({5}), frozenset({1, 3}))


def test_one_core_is_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    with pytest.raises(TooFewCores):
        split_cores()


def test_pinning_ends_with_its_block() -> None:
    before = os.sched_getaffinity(0)
    one = frozenset(sorted(before)[:1])
    with pinned(one):
        assert os.sched_getaffinity(0) == one
    assert os.sched_getaffinity(0) == before


def test_ticks_are_counted_behind_a_name_with_anything_in_it() -> None:
    fields = ["S", *["0"] * 10, "7", "5", "0", "0"]
    assert decode_stat(f"1 (a) b ( c) {' '.join(fields)}") == 12


def test_what_is_stolen_is_counted_by_core() -> None:
    stat = (
        "cpu  9 9 9 9 9 9 9 90 0 0\ncpu0 1 2 3 4 5 6 7 30 0 0\ncpu1 1 2 3 4 5 6 7 60 0 0\nintr 1\n"
    )
    assert decode_stolen(stat, frozenset({0})) == 30
    assert decode_stolen(stat, frozenset({0, 1})) == 45
    assert decode_stolen(stat, frozenset({7})) == 0
    assert read_stolen_s(frozenset({0})) >= 0


def test_work_is_seen_as_processor_time() -> None:
    before = read_cpu_time(os.getpid())
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    assert read_cpu_time(os.getpid()).since(before).used_s > 0.02


def test_a_process_that_is_gone_has_used_nothing() -> None:
    assert read_cpu_time(2**22 + 1) == CpuTime(0.0, 0.0)
