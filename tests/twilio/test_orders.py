import pytest

from voxd.twilio.orders import CallOrder, CallStatus, Detection, read_status

ADDRESSES = ("https://x/voice", "https://x/status")


@pytest.mark.parametrize("status", list(CallStatus))
def test_twilios_words_are_read(status: CallStatus) -> None:
    assert read_status(status.value) is status


@pytest.mark.parametrize("text", ["", "Completed", "no answer", "x" * 1000])
def test_other_words_are_none(text: str) -> None:
    assert read_status(text) is None


def test_nothing_follows_the_end() -> None:
    going_on = {"queued", "initiated", "ringing", "in-progress"}
    assert {status.value for status in CallStatus if not status.is_over} == going_on


def test_machines_are_looked_for_only_when_asked() -> None:
    order = CallOrder("+15550100", "+15550199", *ADDRESSES, 30)
    assert not [name for name in order.parameters() if "machine" in name or "amd" in name]


def test_switches_are_texts() -> None:
    """The package writes Python's True as "True", which Twilio takes for false."""
    order = CallOrder("+15550100", "+15550199", *ADDRESSES, 30, Detection.HANG_UP, "https://x/amd")
    assert order.parameters()["async_amd"] == "true"
    assert not [value for value in order.parameters().values() if isinstance(value, bool)]
