import pytest

from voxd.server import gone
from voxd.server.gone import GoneCalls


def test_a_call_that_is_over_is_known() -> None:
    calls = GoneCalls()
    assert "CA1" not in calls
    calls.note("CA1")
    assert "CA1" in calls and "CA2" not in calls


def test_so_many_are_kept_and_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gone, "KEPT", 2)
    calls = GoneCalls()
    for call_sid in ("CA1", "CA2", "CA1", "CA3"):
        calls.note(call_sid)
    assert [call_sid in calls for call_sid in ("CA1", "CA2", "CA3")] == [True, False, True]
