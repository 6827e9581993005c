"""Percentiles are nearest ranks over the last requests."""

from voxd.engines.recent import KEPT, RecentLatencies


def test_before_any_request_there_is_no_percentile() -> None:
    assert RecentLatencies().percentile(0.5) is None


def test_percentiles_are_latencies_that_really_occurred() -> None:
    recent = RecentLatencies()
    for latency_s in (0.4, 0.1, 0.3, 0.2):
        recent.record(latency_s)
    assert recent.percentile(0.50) == 0.2
    assert recent.percentile(0.95) == 0.4


def test_old_requests_are_forgotten() -> None:
    recent = RecentLatencies()
    recent.record(9.0)
    for _ in range(KEPT):
        recent.record(0.1)
    assert recent.percentile(1.0) == 0.1
