import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.samples import NAMES, energy_end_s, make_noise, on_the_line, read_speech
from voxd.audio.activity import SpeechActivity, SpeechOffset, SpeechOnset
from voxd.audio.g711 import decode_mulaw, encode_mulaw
from voxd.config import Ear

Edges = list[SpeechOnset | SpeechOffset]
RATE_HZ = 8000


def feed(
    activity: SpeechActivity,
    pcm: npt.NDArray[np.int16],
    *,
    chunk: int = 160,
    starts_at: float = 0.0,
) -> list[tuple[float, SpeechOnset | SpeechOffset]]:
    """Everything that became known, each with the audio time at which it did."""
    pcm = decode_mulaw(encode_mulaw(pcm))
    found = []
    for start in range(0, len(pcm), chunk):
        part = pcm[start : start + chunk]
        end_at = starts_at + (start + len(part)) / RATE_HZ
        found += [(end_at, edge) for edge in activity.feed(part, end_at)]
    return found


def hear(pcm: npt.NDArray[np.int16], chunk: int = 160) -> Edges:
    return [edge for _, edge in feed(SpeechActivity(Ear()), pcm, chunk=chunk)]


def pop(length_s: float, dbfs: float, seed: int) -> npt.NDArray[np.int16]:
    samples = round(length_s * RATE_HZ)
    burst = np.random.default_rng(seed).standard_normal(samples)
    burst *= np.exp(-3 * np.arange(samples) / samples) * 32768 * 10 ** (dbfs / 20)
    return np.clip(burst, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("noise_dbfs", [-75.0, -60.0])
def test_speech_end_is_where_the_sound_ends(name: str, noise_dbfs: float) -> None:
    speech = read_speech(name)
    edges = hear(on_the_line(speech, noise_dbfs=noise_dbfs))
    assert isinstance(edges[-1], SpeechOffset)
    assert edges[-1].speech_end == pytest.approx(1.0 + energy_end_s(speech), abs=0.06)


@pytest.mark.parametrize("name", NAMES)
def test_speech_start_is_near_the_first_loud_sound(name: str) -> None:
    speech = read_speech(name)
    first_s = float(np.flatnonzero(np.abs(speech) > 1000)[0]) / RATE_HZ
    edges = hear(on_the_line(speech))
    assert isinstance(edges[0], SpeechOnset)
    assert 1.0 - 0.01 <= edges[0].speech_start <= 1.0 + first_s + 0.06


@pytest.mark.parametrize("pause_s", [0.06, 0.1, 0.3])
def test_the_offset_comes_one_pause_after_the_end(pause_s: float) -> None:
    activity = SpeechActivity(Ear(pause_s=pause_s))
    for at, edge in feed(activity, on_the_line(read_speech("help-you-today"))):
        if isinstance(edge, SpeechOffset):
            assert pause_s - 1e-6 <= at - edge.speech_end <= pause_s + 0.03


@pytest.mark.parametrize("name", ["five-fresh-fish", "yes", "sea-shells"])
def test_soft_final_fricatives_of_a_quiet_caller_are_not_cut(name: str) -> None:
    speech = (read_speech(name) * 10 ** (-9 / 20)).astype(np.int16)
    edges = hear(on_the_line(speech, noise_dbfs=-70.0))
    assert isinstance(edges[-1], SpeechOffset)
    assert edges[-1].speech_end >= 1.0 + energy_end_s(speech) - 0.08


@pytest.mark.parametrize("dbfs", [-70.0, -60.0, -50.0, -40.0, -30.0])
@pytest.mark.parametrize("is_pink", [False, True])
def test_line_noise_is_no_speech(dbfs: float, is_pink: bool) -> None:
    assert hear(make_noise(30, dbfs, is_pink=is_pink, seed=3)) == []


@pytest.mark.parametrize("length_s", [0.002, 0.01, 0.03])
@pytest.mark.parametrize("dbfs", [-30.0, -15.0, -6.0])
def test_clicks_and_pops_are_no_speech(length_s: float, dbfs: float) -> None:
    line = make_noise(20, -60, is_pink=True, seed=4)
    for index in range(38):
        bang = pop(length_s, dbfs, index)
        line[4000 * (index + 1) :][: len(bang)] = bang
    assert hear(line) == []


def test_digital_silence_is_no_speech() -> None:
    assert hear(np.zeros(RATE_HZ * 3, np.int16)) == []


def test_a_click_in_a_pause_does_not_shorten_it() -> None:
    activity = SpeechActivity(Ear())
    feed(activity, on_the_line(read_speech("yes"), margin_s=0.5))
    speech_end = activity.last_voiced_at
    before_s = activity.silence_s
    line = make_noise(0.4, -60, is_pink=True, seed=5)
    line[1600:1680] = pop(0.01, -10, 1)
    at = speech_end + before_s
    assert feed(activity, line, starts_at=at) == []
    assert activity.last_voiced_at == speech_end
    assert activity.silence_s == pytest.approx(before_s + 0.4)


def test_speaking_lasts_from_onset_to_offset() -> None:
    activity = SpeechActivity(Ear())
    assert not activity.is_speaking
    assert activity.silence_s == 0.0
    is_speaking = False
    line = on_the_line(read_speech("afternoon"))
    for start in range(0, len(line), 160):
        end_at = 5.0 + (start + 160) / RATE_HZ
        for edge in activity.feed(line[start : start + 160], end_at):
            if isinstance(edge, SpeechOffset):
                assert activity.last_voiced_at == edge.speech_end
            is_speaking = isinstance(edge, SpeechOnset)
        assert activity.is_speaking == is_speaking
        assert activity.silence_s == pytest.approx(end_at - activity.last_voiced_at)
    assert not is_speaking


def test_onsets_and_offsets_alternate_and_times_grow() -> None:
    words = [read_speech(name) for name in ("thank-you", "yes", "help-you-today")]
    line = np.concatenate([on_the_line(word, margin_s=0.3, seed=i) for i, word in enumerate(words)])
    edges = hear(line)
    assert [type(edge) for edge in edges] == [SpeechOnset, SpeechOffset] * (len(edges) // 2)
    times = [e.speech_start if isinstance(e, SpeechOnset) else e.speech_end for e in edges]
    assert times == sorted(times)
    assert len(edges) >= 6


def test_a_jump_of_audio_time_ends_speech_where_it_was_heard() -> None:
    activity = SpeechActivity(Ear())
    line = on_the_line(read_speech("afternoon"), margin_s=0.2)
    feed(activity, line[:8000])
    assert activity.is_speaking
    last = activity.last_voiced_at
    edges = feed(activity, line[8000:16000], starts_at=11.0)
    assert edges[0][1] == SpeechOffset(last)
    assert isinstance(edges[1][1], SpeechOnset)
    assert edges[1][1].speech_start >= 11.0


def test_a_soft_talker_after_a_loud_one_is_heard() -> None:
    loud, soft = read_speech("thank-you"), (read_speech("hold-on") * 0.1).astype(np.int16)
    line = np.concatenate([on_the_line(loud), on_the_line(soft, seed=1)])
    starts = [e.speech_start for e in hear(line) if isinstance(e, SpeechOnset)]
    assert any(start > 1.0 + len(loud) / RATE_HZ + 1.5 for start in starts)


@settings(max_examples=25, deadline=None)
@given(chunks=st.lists(st.integers(1, 1600), min_size=1, max_size=6))
def test_any_chunking_finds_the_same_edges(chunks: list[int]) -> None:
    line = decode_mulaw(encode_mulaw(on_the_line(read_speech("yes"), margin_s=0.4)))
    activity, found, position, turn = SpeechActivity(Ear()), [], 0, 0
    while position < len(line):
        part = line[position : position + chunks[turn % len(chunks)]]
        position, turn = position + len(part), turn + 1
        found += activity.feed(part, position / RATE_HZ)
    expected = hear(line)
    assert [type(edge) for edge in found] == [type(edge) for edge in expected]
    for edge, other in zip(found, expected, strict=True):
        times = [
            e.speech_start if isinstance(e, SpeechOnset) else e.speech_end for e in (edge, other)
        ]
        assert times[0] == pytest.approx(times[1], abs=1e-6)
