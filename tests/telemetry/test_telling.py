import pytest

from voxd.telemetry.telling import tell


def test_news_are_handed_on() -> None:
    told: list[tuple[int, str]] = []
    tell(lambda number, word: told.append((number, word)), 1, word="a")
    assert told == [(1, "a")]


def test_a_bug_is_logged_and_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    def fail(number: int) -> None:
        raise RuntimeError("scripted")

    tell(fail, 1)
    (record,) = caplog.records
    assert record.message == "an observer failed" and record.exc_info
    assert "fail" in vars(record)["observer"]
