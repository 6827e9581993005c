import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxd.audio.resample import StreamResampler, resample


def tone(hz: float, rate_hz: int, length_s: float) -> npt.NDArray[np.float32]:
    return np.sin(2 * np.pi * hz * np.arange(round(length_s * rate_hz)) / rate_hz).astype(
        np.float32
    )


@pytest.mark.parametrize(("from_hz", "to_hz"), [(22050, 8000), (8000, 16000), (24000, 8000)])
def test_a_tone_stays_the_same_tone(from_hz: int, to_hz: int) -> None:
    converted = resample(tone(440, from_hz, 0.5), from_hz, to_hz)
    assert converted.dtype == np.float32
    assert len(converted) == to_hz // 2
    middle = slice(to_hz // 10, -to_hz // 10)
    assert np.abs(converted - tone(440, to_hz, 0.5))[middle].max() < 1e-3


def test_what_the_line_cannot_carry_leaves_no_alias() -> None:
    converted = resample(tone(6000, 22050, 0.5), 22050, 8000)
    assert np.abs(converted[400:-400]).max() < 1e-3


def test_int16_stays_int16() -> None:
    pcm = (tone(440, 22050, 0.2) * 20000).astype(np.int16)
    assert resample(pcm, 22050, 8000).dtype == np.int16


def test_the_same_rate_changes_nothing() -> None:
    pcm = tone(440, 8000, 0.1)
    assert resample(pcm, 8000, 8000) is pcm
    stream = StreamResampler(8000, 8000, np.float32)
    assert np.array_equal(stream.push(pcm), pcm)
    assert len(stream.flush()) == 0


def test_nothing_becomes_nothing() -> None:
    assert len(resample(np.zeros(0, np.int16), 22050, 8000)) == 0
    assert len(StreamResampler(22050, 8000, np.int16).flush()) == 0


def test_a_stream_refuses_another_dtype() -> None:
    with pytest.raises(TypeError, match="float32"):
        StreamResampler(22050, 8000, np.int16).push(np.zeros(4, np.float32))  # type: ignore[arg-type]


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 4410), max_size=8).map(sorted))
def test_any_chunking_gives_the_whole_recording(cuts: list[int]) -> None:
    pcm = tone(300, 22050, 0.2) + tone(1000, 22050, 0.2) / 2
    stream = StreamResampler(22050, 8000, np.float32)
    parts = [stream.push(part) for part in np.split(pcm, cuts)] + [stream.flush()]
    joined, whole = np.concatenate(parts), resample(pcm, 22050, 8000)
    assert abs(len(joined) - len(whole)) <= 1
    shared = min(len(joined), len(whole))
    assert np.abs(joined[:shared] - whole[:shared]).max() < 1e-4
