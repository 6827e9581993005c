"""What sooner words must make of an answer; no daemon is started."""

from dataclasses import replace

import pytest

from benches.cloud import Result
from benches.interims import Interim, extra_share, is_good, is_quick, is_void, show, to_json
from benches.providers import REAL
from tests.benches.test_cloud import HEARD, LOAD, step

QUICK = step(speculates=True, overheads=(), floor_ms=715.0, llm_requests=3)
"""Two answers, at the median 750 ms; one request more."""


def test_an_answer_at_the_floor_with_few_requests_in_vain_keeps_the_promise() -> None:
    assert QUICK.above_floor_ms == 35.0
    assert extra_share(QUICK) == 0.5
    assert is_quick(QUICK)


def test_late_answers_and_many_requests_break_it() -> None:
    assert not is_quick(replace(QUICK, floor_ms=700.0))
    assert not is_quick(replace(QUICK, llm_requests=4))
    assert not is_quick(replace(QUICK, heard=replace(HEARD, answered=0, voice_to_voice_ms=())))


def test_one_delay_that_is_not_good_or_says_nothing_decides_for_all() -> None:
    good = Interim(100, Result(REAL, (QUICK,)))
    bad = Interim(250, Result(REAL, (replace(QUICK, floor_ms=600.0),)))
    void = Interim(1000, Result(REAL, (replace(QUICK, load=replace(LOAD, late_p99_ms=9.0)),)))
    assert is_good([good, good]) and not is_void([good])
    assert not is_good([good, bad])
    assert is_void([good, void])
    assert to_json([good, bad])["is_good"] is False


def test_the_table_shows_each_delay_and_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    show([Interim(100, Result(REAL, (QUICK,)))])
    shown = capsys.readouterr().out
    assert "100 ms  pro" in shown
    assert "50%" in shown and "kept" in shown
