"""Sounds that callers make without saying anything: coughs, doors, noise. Uses sox.

Everything is made of sox's noises and tones, shaped here by seeded chance, so that no two are alike
and every run hears the same. Models, not recordings: coughs follow the three phases of Korpas
(1996), explosive, intermediate and sometimes voiced; doors are a click, a thud and the modes of a
plate. The only recordings are the beeps and tones of the Asterisk prompts.
"""

import subprocess
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benches.prompts import RATE_HZ, read_pcm

Floats = NDArray[np.float64]

RECORDED = ("beep", "beeperr", "ascending-2tone", "descending-2tone")
_SOURCE_S = 60


@cache
def _source(kind: str) -> Floats:
    """A minute of sox's `whitenoise`, `pinknoise` or `brownnoise`, RMS 1; the same every time."""
    command = f"sox -R -n -r {RATE_HZ} -b 16 -c 1 -t raw - synth {_SOURCE_S} {kind} gain -6"
    raw = subprocess.run(command.split(), check=True, capture_output=True).stdout
    noise = np.frombuffer(raw, "<i2").astype(np.float64)
    noise -= noise.mean()
    level = float(np.sqrt(np.mean(noise**2)))
    return noise / level


def noise(kind: str, seconds: float, rng: np.random.Generator) -> Floats:
    """A stretch of noise, RMS about 1."""
    source = _source(kind)
    length = round(seconds * RATE_HZ)
    start = int(rng.integers(0, len(source) - length))
    return source[start : start + length].copy()


def cough(rng: np.random.Generator) -> Floats:
    """One to three coughs."""
    tract = rng.uniform((450, 1300, 2500), (800, 1900, 3200))
    coughs = [_one_cough(rng, tract) for _ in range(int(rng.integers(1, 4)))]
    return _in_a_row(coughs, rng, 0.06, 0.2)


def _one_cough(rng: np.random.Generator, tract: Floats) -> Floats:
    burst = rng.uniform(0.03, 0.07)
    middle = rng.uniform(0.08, 0.22)
    seconds = burst + middle + 0.2
    time = _time(seconds)
    envelope = np.where(
        time < burst,
        np.minimum(1.0, time / rng.uniform(0.003, 0.012)),
        rng.uniform(0.3, 0.6) * np.exp(-(time - burst) / rng.uniform(0.06, 0.15)),
    )
    air = _resonate(noise("whitenoise", seconds, rng), tract, 180.0)
    sound = air * envelope
    if rng.random() < 0.5:  # the vocal folds close at the end
        tail = rng.uniform(0.05, 0.14)
        begin = burst + middle
        hz = rng.uniform(120, 350) * (1 + rng.uniform(-0.3, 0.1) * (time - begin) / tail)
        jitter = np.cumsum(hz * (1 + 0.06 * noise("pinknoise", seconds, rng))) / RATE_HZ
        pulses = np.diff(np.floor(jitter), prepend=0.0)
        window = np.where((time > begin) & (time < begin + tail), 1.0, 0.0)
        voice = _resonate(pulses, tract, 90.0)
        sound += 0.4 * window * voice / (np.sqrt(np.mean(voice**2)) + 1e-9)
    return sound


def breath(rng: np.random.Generator) -> Floats:
    """A sigh or a breath into the microphone."""
    seconds = rng.uniform(0.3, 0.9)
    swell = np.sin(np.pi * np.linspace(0, 1, round(seconds * RATE_HZ))) ** rng.uniform(0.5, 2)
    tract = rng.uniform((400, 1100, 2200), (900, 1800, 3000))
    return _resonate(noise("pinknoise", seconds, rng), tract, 300.0) * swell


def door(rng: np.random.Generator) -> Floats:
    """A door that falls shut, sometimes with its latch."""
    slam = _hit(rng, (90, 420), rng.uniform(0.04, 0.12), rng.uniform(0.5, 1.5), 0.6)
    if rng.random() < 0.5:
        return slam
    latch = _hit(rng, (600, 2500), 0.01, 1.0, 0.15) * rng.uniform(0.2, 0.5)
    return _in_a_row([latch, slam], rng, 0.02, 0.15)


def knock(rng: np.random.Generator) -> Floats:
    """Knocks on wood, steps, or something put down on the table."""
    modes = tuple(sorted(rng.uniform(180, 1200, 2)))
    hits = [
        _hit(rng, (modes[0], modes[1]), rng.uniform(0.01, 0.03), 0.5, 0.12)
        for _ in range(int(rng.integers(1, 5)))
    ]
    return _in_a_row(hits, rng, 0.04, 0.2)


def rustle(rng: np.random.Generator) -> Floats:
    """Paper, cloth, a hand on the microphone."""
    seconds = rng.uniform(0.4, 1.5)
    count = round(seconds / 0.02)
    strokes = np.interp(
        np.linspace(0, count, round(seconds * RATE_HZ)),
        np.arange(count + 1),
        rng.gamma(0.7, 1.0, count + 1),
    )
    kind = ("whitenoise", "pinknoise")[int(rng.integers(0, 2))]
    return noise(kind, seconds, rng) * strokes


def typing(rng: np.random.Generator) -> Floats:
    """Keys of a keyboard."""
    hits = [
        _hit(rng, (900, 3300), rng.uniform(0.002, 0.008), 1.0, 0.04) * rng.uniform(0.3, 1)
        for _ in range(int(rng.integers(3, 12)))
    ]
    return _in_a_row(hits, rng, 0.03, 0.2)


def traffic(rng: np.random.Generator) -> Floats:
    """A window is opened on a street: noise that comes and stays for a while."""
    seconds = rng.uniform(1.0, 2.5)
    kind = ("pinknoise", "brownnoise", "whitenoise")[int(rng.integers(0, 3))]
    time = _time(seconds)
    sway = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.5, 4) * time + rng.uniform(0, 6))
    return noise(kind, seconds, rng) * sway * np.minimum(1, time / rng.uniform(0.02, 0.4))


def hum(rng: np.random.Generator) -> Floats:
    """A machine: a mains hum with its harmonics, or a motor."""
    seconds = rng.uniform(0.8, 2.0)
    time = _time(seconds)
    hz = float(rng.choice((50.0, 60.0, 100.0, 120.0, rng.uniform(70, 300))))
    orders = np.arange(1, 1 + int(3400 / hz))
    strengths = rng.uniform(0.2, 1.0, len(orders)) / orders ** rng.uniform(0.5, 1.5)
    phases = rng.uniform(0, 6, len(orders))
    waves = strengths[:, None] * np.sin(2 * np.pi * hz * orders[:, None] * time + phases[:, None])
    return np.asarray(waves.sum(axis=0)) + 0.05 * noise("pinknoise", seconds, rng)


def recorded(rng: np.random.Generator) -> Floats:
    """A beep or a row of tones, as recorded for Asterisk."""
    return read_pcm(RECORDED[int(rng.integers(0, len(RECORDED)))]).astype(np.float64)


NOISES: dict[str, tuple[Callable[[np.random.Generator], Floats], ...]] = {
    "cough": (cough,),
    "door": (door, knock),
    "noise": (breath, rustle, typing, traffic, hum, recorded),
}
"""Category -> what makes its sounds, in turn."""


def _hit(
    rng: np.random.Generator,
    range_hz: tuple[float, float],
    decay_s: float,
    noisiness: float,
    seconds: float,
) -> Floats:
    """Something hard hits something: a click, noise and a few modes that die away."""
    time = _time(seconds)
    modes = np.zeros_like(time)
    for _ in range(int(rng.integers(2, 5))):
        hz, phase = rng.uniform(*range_hz), rng.uniform(0, 6)
        decay = np.exp(-time / (decay_s * rng.uniform(0.6, 1.4)))
        modes += rng.uniform(0.3, 1) * np.sin(2 * np.pi * hz * time + phase) * decay
    rush = noise("brownnoise", seconds, rng) * np.exp(-time / decay_s)
    click = noise("whitenoise", seconds, rng) * np.exp(-time / 0.003)
    return modes + noisiness * rush + rng.uniform(0.2, 1.0) * click


def _resonate(signal: Floats, centres_hz: Floats, width_hz: float) -> Floats:
    """Give a signal the resonances of a throat."""
    spectrum = np.fft.rfft(signal)
    hz = np.fft.rfftfreq(len(signal), 1 / RATE_HZ)
    gain = sum(0.9**i / (1 + ((hz - c) / width_hz) ** 2) for i, c in enumerate(centres_hz))
    return np.fft.irfft(spectrum * (0.05 + gain), len(signal))


def _in_a_row(
    parts: list[Floats], rng: np.random.Generator, shortest_s: float, longest_s: float
) -> Floats:
    pieces: list[Floats] = []
    for part in parts:
        pause_s = rng.uniform(shortest_s, longest_s)
        pieces += [part * rng.uniform(0.6, 1.0), np.zeros(round(pause_s * RATE_HZ))]
    return np.concatenate(pieces[:-1])


def _time(seconds: float) -> Floats:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ
