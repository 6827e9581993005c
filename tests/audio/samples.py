"""Speech and line noise for the tests of this package."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from voxd.audio.g711 import decode_mulaw

FOLDER = Path(__file__).resolve().parents[1] / "samples" / "speech"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ulaw"))
RATE_HZ = 8000


def read_speech(name: str) -> npt.NDArray[np.int16]:
    """One recording: int16, 8 kHz, little silence around it."""
    return decode_mulaw((FOLDER / f"{name}.ulaw").read_bytes())


def make_noise(length_s: float, dbfs: float, *, is_pink: bool, seed: int) -> npt.NDArray[np.int16]:
    """Line noise, int16, 8 kHz."""
    samples = round(length_s * RATE_HZ)
    noise = np.random.default_rng(seed).standard_normal(samples)
    if is_pink:
        spectrum = np.fft.rfft(noise)
        noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), samples)
    scaled = noise / noise.std() * 32768 * 10 ** (dbfs / 20)
    return np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)


def on_the_line(
    speech: npt.NDArray[np.int16],
    *,
    noise_dbfs: float = -60.0,
    margin_s: float = 1.0,
    seed: int = 0,
) -> npt.NDArray[np.int16]:
    """Speech with a margin before and after it, pink line noise over all of it."""
    padded = np.pad(speech, round(margin_s * RATE_HZ)).astype(np.int32)
    noise = make_noise(len(padded) / RATE_HZ, noise_dbfs, is_pink=True, seed=seed)
    return np.clip(padded + noise, -32768, 32767).astype(np.int16)


def energy_end_s(speech: npt.NDArray[np.int16], below_db: float = 36.0) -> float:
    """Where the clean speech was last within `below_db` of its loudest 10 ms, seconds.

    Knows nothing of webrtcvad nor of the noise floor, so that it can judge what uses them.
    """
    blocks = speech[: len(speech) // 80 * 80].reshape(-1, 80).astype(np.float64)
    power = np.convolve(np.square(blocks).mean(axis=1), np.ones(3) / 3, mode="same")
    return (int(np.flatnonzero(power > power.max() * 10 ** (-below_db / 10))[-1]) + 1) * 0.01
