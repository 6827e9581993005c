"""WAV files: any PCM file to the line's 8 kHz mono, and a call to stereo. Pure but for the file.

Uses the standard library's `wave`: integer PCM of 8, 16, 24 and 32 bits. Anything else
(compressed, floating point) is refused with a sentence that says how to convert it.
"""

import wave
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from voxd.caller.mulaw import RATE_HZ
from voxd.errors import VoxdError


class WavError(VoxdError):
    """A file cannot be played; the message names the file and says what to do."""


def read_wav(path: Path) -> NDArray[np.int16]:
    """Return the file as int16, mono, 8000 Hz, channels averaged.

    Raises:
        WavError: the file is missing, empty or not integer PCM.
    """
    try:
        with wave.open(str(path), "rb") as source:
            rate_hz, channels = source.getframerate(), source.getnchannels()
            width = source.getsampwidth()
            raw = source.readframes(source.getnframes())
    except (wave.Error, EOFError) as error:
        raise WavError(
            f"{path} is not a PCM WAV file ({error}); convert it, "
            f"for example: sox {path.name} -e signed -b 16 {path.stem}-pcm.wav"
        ) from error
    except OSError as error:
        raise WavError(f"cannot read {path}: {error.strerror}") from error
    samples = _to_float(raw, width)
    samples = samples[: len(samples) // channels * channels].reshape(-1, channels).mean(axis=1)
    if not len(samples):
        raise WavError(f"{path} has no samples")
    if rate_hz != RATE_HZ:
        samples = soxr.resample(samples, rate_hz, RATE_HZ, quality="HQ")
    pcm: NDArray[np.int16] = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    return pcm


def _to_float(raw: bytes, width: int) -> NDArray[np.float32]:
    """Scale integer samples of `width` bytes to ±1. WAV's 8 bits are unsigned, wider signed."""
    raw = raw[: len(raw) // width * width]
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 2:
        return np.frombuffer(raw, "<i2").astype(np.float32) / 32768.0
    if width == 3:
        # Widen to 32 bits by putting each three bytes above a zero byte.
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        raw = wide.tobytes()
    return np.frombuffer(raw, "<i4").astype(np.float32) / 2147483648.0


def write_stereo(path: Path, stereo: NDArray[np.int16]) -> None:
    """Write int16 of shape (samples, 2), 8000 Hz: column 0 is left, the caller.

    Raises:
        WavError: the file cannot be written.
    """
    try:
        with path.open("wb") as file, wave.open(file, "wb") as target:
            target.setnchannels(2)
            target.setsampwidth(2)
            target.setframerate(RATE_HZ)
            target.writeframes(np.ascontiguousarray(stereo, "<i2").tobytes())
    except OSError as error:
        raise WavError(f"cannot write {path}: {error.strerror}") from error
