"""How exactly speech activity finds speech: `python -m benches.activity`.

Every labelled prompt with a second of line noise before and after it, through mu-law and through
`voxd.audio.activity` in 20 ms messages, at several levels of speech and noise. Printed are

* the error of `speech_end` against the label (which knows nothing of webrtcvad), and how many
  prompts were cut by more than 80 ms;
* how long after `speech_end` the offset was reported, in audio time;
* onsets on line noise, clicks and 30 ms pops alone, where every one is wrong;
* the cost of one 20 ms message on this machine.

A label that lies below the noise cannot be found by anybody, so errors are taken against the last
moment at which the clean prompt stood 5 dB above the noise, where that is earlier. `raw` is the
share within 40 ms of the label itself. The thresholds of the ear were tuned on these recordings.
"""

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benches.prompts import RATE_HZ, Prompt, install, load_labels
from voxd.audio.activity import SpeechActivity, SpeechOffset, SpeechOnset
from voxd.audio.g711 import decode_mulaw, encode_mulaw
from voxd.config import Ear

MESSAGE = 160
MARGIN_S = 1.0
BLOCK = 80
CONDITIONS = (
    (0, -60, "white"),
    (0, -60, "pink"),
    (0, -75, "pink"),
    (0, -50, "pink"),
    (-12, -60, "pink"),
    (-12, -70, "white"),
)
"""Gain of the prompt (whose loud parts are at -15 dBFS), noise level in dBFS, its colour."""


@dataclass
class Heard:
    """What one recording gave."""

    onsets: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    """Audio time from a `speech_end` to the end of the message that reported it, seconds."""
    costs: list[float] = field(default_factory=list)
    """Seconds of work per message."""


def listen(pcm: NDArray[np.int16]) -> Heard:
    """Feed a recording as Twilio would."""
    activity, heard = SpeechActivity(Ear()), Heard()
    mulaw = encode_mulaw(pcm)
    for start in range(0, len(mulaw) - MESSAGE + 1, MESSAGE):
        end_at = (start + MESSAGE) / RATE_HZ
        message = mulaw[start : start + MESSAGE]
        before = time.perf_counter()
        edges = activity.feed(decode_mulaw(message), end_at)
        heard.costs.append(time.perf_counter() - before)
        for edge in edges:
            match edge:
                case SpeechOnset(speech_start):
                    heard.onsets.append(speech_start)
                case SpeechOffset(speech_end):
                    heard.ends.append(speech_end)
                    heard.delays.append(end_at - speech_end)
    return heard


def make_noise(samples: int, dbfs: float, colour: str, seed: int) -> NDArray[np.float64]:
    """Line noise, int16 scale."""
    noise = np.random.default_rng(seed).standard_normal(samples)
    if colour == "pink":
        spectrum = np.fft.rfft(noise)
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
        noise = np.fft.irfft(spectrum, samples)
    scaled: NDArray[np.float64] = noise / noise.std() * 32768 * 10 ** (dbfs / 20)
    return scaled


def to_pcm(signal: NDArray[np.float64]) -> NDArray[np.int16]:
    """Round and clip."""
    return np.clip(np.rint(signal), -32768, 32767).astype(np.int16)


def find_end(prompt: Prompt, speech: NDArray[np.float64], noise_dbfs: float) -> float:
    """The label, or the last moment that stands 5 dB above the noise when that is earlier."""
    blocks = speech[: len(speech) // BLOCK * BLOCK].reshape(-1, BLOCK)
    power = np.convolve(np.square(blocks / 32768).mean(axis=1), np.ones(3) / 3, mode="same")
    above = np.flatnonzero(power > 10 ** ((noise_dbfs + 5) / 10))
    return min(prompt.speech_end_s, (int(above[-1]) + 1) * BLOCK / RATE_HZ)


def measure_prompts(gain_db: float, noise_dbfs: float, colour: str) -> None:
    """Print one line for one condition."""
    margin = round(MARGIN_S * RATE_HZ)
    errors, raw_errors, delays = [], [], []
    for seed, prompt in enumerate(load_labels().values()):
        speech = prompt.read_pcm().astype(np.float64) * 10 ** (gain_db / 20)
        padded = np.pad(speech, margin)
        noise = make_noise(len(padded), noise_dbfs, colour, seed)
        heard = listen(to_pcm(padded + noise))
        end = find_end(prompt, speech, noise_dbfs) + MARGIN_S
        found = heard.ends[-1] if heard.ends else 0.0
        errors.append(found - end)
        raw_errors.append(found - MARGIN_S - prompt.speech_end_s)
        delays += heard.delays
    error, delay = np.array(errors) * 1000, np.array(delays) * 1000
    raw = np.array(raw_errors) * 1000
    spread = " ".join(f"{value:5.0f}" for value in np.percentile(error, (1, 5, 25, 50, 75, 95, 99)))
    print(
        f"{gain_db:4} dB speech, {noise_dbfs} dBFS {colour:5}: within 40 ms"
        f" {np.mean(abs(error) <= 40):6.1%} (raw {np.mean(abs(raw) <= 40):.1%}),"
        f" cut > 80 ms {np.mean(error < -80):5.1%}, late > 80 ms"
        f" {np.mean(error > 80):5.1%}; error p1 p5 p25 p50 p75 p95 p99 {spread} ms;"
        f" offset after p50 {np.median(delay):.0f} max {delay.max():.0f} ms"
    )


def measure_false_onsets() -> None:
    """Print how often speech was found where there is none."""
    minutes = 10
    for colour in ("white", "pink"):
        for dbfs in (-70, -60, -50, -40, -30):
            noise = to_pcm(make_noise(minutes * 60 * RATE_HZ, dbfs, colour, 7))
            print(f"{minutes} min of {colour} noise, {dbfs} dBFS: {len(listen(noise).onsets)}")
    for name, length_s in (("clicks", 0.002), ("pops", 0.03)):
        signal = make_noise(minutes * 60 * RATE_HZ, -60, "pink", 8)
        rng = np.random.default_rng(9)
        bangs = range(RATE_HZ, len(signal) - RATE_HZ, RATE_HZ // 2)
        for at in bangs:
            length = round(length_s * RATE_HZ)
            fade = np.exp(-3 * np.arange(length) / length)
            level = 10 ** (rng.uniform(-30, -6) / 20)
            signal[at : at + length] += rng.standard_normal(length) * fade * level * 32768
        print(f"{len(bangs)} {name}: {len(listen(to_pcm(signal)).onsets)}")


def main() -> None:
    """Measure and print everything."""
    install()
    for condition in CONDITIONS:
        measure_prompts(*condition)
    print("Onsets where nobody speaks:")
    measure_false_onsets()
    costs = listen(load_labels()["vm-savefolder"].read_pcm()).costs
    print(f"Cost of 20 ms: p50 {np.median(costs) * 1e6:.0f}, max {max(costs) * 1e6:.0f} us")


if __name__ == "__main__":
    main()
