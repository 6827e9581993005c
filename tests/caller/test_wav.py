import wave
from pathlib import Path

import numpy as np
import pytest

from voxd.caller import wav


def write(path: Path, samples: np.ndarray, width: int, rate_hz: int) -> Path:
    """Samples are ±1, shape (n, channels)."""
    if width == 1:
        raw = np.rint(samples * 127 + 128).astype(np.uint8).tobytes()
    else:
        scaled = np.rint(samples * (2 ** (8 * width - 1) - 1)).astype("<i8")
        raw = scaled.reshape(-1, 1).view(np.uint8).reshape(-1, 8)[:, :width].tobytes()
    with wave.open(str(path), "wb") as target:
        target.setnchannels(samples.shape[1])
        target.setsampwidth(width)
        target.setframerate(rate_hz)
        target.writeframes(raw)
    return path


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_pcm_format_plays_alike(
    tmp_path: Path, width: int, rate_hz: int, channels: int
) -> None:
    seconds = np.arange(rate_hz) / rate_hz
    sine = 0.5 * np.sin(2 * np.pi * 440 * seconds)
    path = write(tmp_path / "a.wav", np.tile(sine[:, None], channels), width, rate_hz)
    pcm = wav.read_wav(path)
    assert pcm.dtype == np.int16
    assert abs(len(pcm) - 8000) <= 1
    expected = 16384 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    middle = slice(400, 7600)
    assert np.max(np.abs(pcm[middle] - expected[middle])) < (300 if width == 1 else 30)


def test_channels_are_averaged(tmp_path: Path) -> None:
    samples = np.column_stack([np.full(800, 0.5), np.zeros(800)])
    pcm = wav.read_wav(write(tmp_path / "a.wav", samples, 2, 8000))
    assert np.all(np.abs(pcm - 8192) <= 1)


def test_what_is_no_pcm_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(b"ID3 this is no wave file")
    with pytest.raises(wav.WavError, match="song.wav is not a PCM WAV"):
        wav.read_wav(path)
    with pytest.raises(wav.WavError, match="cannot read"):
        wav.read_wav(tmp_path / "missing.wav")
    empty = write(tmp_path / "empty.wav", np.zeros((0, 1)), 2, 8000)
    with pytest.raises(wav.WavError, match="no samples"):
        wav.read_wav(empty)


def test_stereo_is_written_left_then_right(tmp_path: Path) -> None:
    stereo = np.array([[1, 2], [3, 4]], np.int16)
    wav.write_stereo(tmp_path / "out.wav", stereo)
    with wave.open(str(tmp_path / "out.wav")) as source:
        assert (source.getnchannels(), source.getframerate()) == (2, 8000)
        assert np.array_equal(np.frombuffer(source.readframes(2), "<i2"), [1, 2, 3, 4])
    with pytest.raises(wav.WavError, match="cannot write"):
        wav.write_stereo(tmp_path / "no" / "out.wav", stereo)
