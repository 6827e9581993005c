"""What callers do while the agent speaks: the material of `barge`. Seeded, so always the same.

Each trial is a sound from the caller's side with the caller's usual level, the line's noise and the
echo of the agent, if the line has one. Half of them is there to tune on, half to report.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benches.noises import NOISES
from benches.pauses import is_tuned
from benches.prompts import RATE_HZ, Prompt, load_labels
from benches.voices import BACKCHANNELS, REQUESTS, Voices, choose_speaker
from voxd.audio.level import loud_dbfs
from voxd.dialog.backchannel import is_backchannel

COUNTS = {
    "prompt": 200,
    "synthetic": 60,
    "cough": 45,
    "door": 25,
    "backchannel": 50,
    "noise": 40,
    "echo": 40,
    "loud backchannel": 24,
}
"""Trials of each category in each half and draw."""
DRAWS = 5
"""So often all of them are made anew: other levels, noises, echoes and moments, but the same
recordings and texts."""
INTERRUPTIONS = ("prompt", "synthetic")
"""The others are none."""
CONTROLS = ("synthetic", "loud backchannel")
"""Shown beside the figures and not counted in them: other voices, and what loudness cannot tell."""

BLOCK = 80
ONSET_BELOW_PEAK_DB = 30.0
"""A sound begins where 10 ms of it come this close to its loudest."""
SHORTEST_S = 0.6
"""Shorter prompts are single words, which nobody interrupts with."""
CALLER_DBFS = (-32.0, -16.0)
"""How loud callers are: a far speaker telephone to a near mouth."""
ECHO_DB = (-30.0, -20.0)
"""Echo against what was played."""
ECHO_DELAY_S = (0.02, 0.3)
"""Beyond the network."""
TURN_DB = (-2.0, 6.0)
"""What takes the floor, against the caller's usual level. Speech that competes for the floor is
raised in loudness (French and Local 1983); by how much is our assumption."""
BACKCHANNEL_DB = (-12.0, -3.0)
"""What is said to keep the other going, likewise."""
LOUD_BACKCHANNEL_DB = (-2.0, 2.0)
ECHO_SHARE = 0.25
"""Of the trials that are no echo, so many have one besides."""


Made = tuple[str, NDArray[np.int16], str]
"""Name, sound, words."""
Make = Callable[[np.random.Generator, float], Made]
"""Chance and the caller's usual level -> a sound."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One sound, or none where the echo is the trial."""

    name: str
    category: str
    half: int
    """0: tuned on, 1: reported."""
    sound: NDArray[np.int16]
    """8 kHz, at its level on the line, from its onset on; empty for an echo alone."""
    words: str
    """What is said; empty when nothing is."""
    question: NDArray[np.int16]
    """What the same caller said before, at the caller's usual level."""
    noise_dbfs: float
    """Of the line, white."""
    echo_db: float | None
    """Level of the echo against what is played; None: the line has none."""
    echo: NDArray[np.float64]
    """Impulse response of the echo at 8 kHz without its delay, its energy 1."""
    echo_delay_s: float
    at_s: float
    """When the sound begins, from the first sound of the reply on."""
    seed: int

    @property
    def is_interruption(self) -> bool:
        return self.category in INTERRUPTIONS


def build_trials(
    half: int, voices: Voices, counts: Mapping[str, int] = COUNTS, draws: int = DRAWS
) -> Iterator[Trial]:
    """Every trial of a half."""
    prompts = _choose_prompts(half)
    for draw, (category, count) in product(range(draws), counts.items()):
        for number in range(count):
            seed = hash_of(category, half, number, draw)
            rng = np.random.default_rng(seed)
            prompt = prompts[number % len(prompts)]
            makers: dict[str, Make] = {
                "prompt": partial(_say_prompt, prompt),
                "synthetic": partial(_say_request, voices, half, number),
                "backchannel": partial(_say_backchannel, voices, half, number, BACKCHANNEL_DB),
                "loud backchannel": partial(
                    _say_backchannel, voices, half, number, LOUD_BACKCHANNEL_DB
                ),
                "echo": _say_nothing,
            }
            make = makers.get(category, partial(_make_noise, category, number))
            yield _build(rng, category, half, seed, prompts, make)


def hash_of(category: str, half: int, number: int, draw: int) -> int:
    """The seed of a trial."""
    kind = (draw * len(COUNTS) + list(COUNTS).index(category)) * 2 + half
    return kind * 10_000 + number


def _build(
    rng: np.random.Generator,
    category: str,
    half: int,
    seed: int,
    prompts: list[Prompt],
    make: Make,
) -> Trial:
    usual_dbfs = float(rng.uniform(*CALLER_DBFS))
    name, sound, words = make(rng, usual_dbfs)
    question = prompts[int(rng.integers(0, len(prompts)))].read_pcm()[: 3 * RATE_HZ]
    has_echo = category == "echo" or rng.random() < ECHO_SHARE
    return Trial(
        name=name,
        category=category,
        half=half,
        sound=sound,
        words=words,
        question=_at_level(question, usual_dbfs),
        noise_dbfs=float(rng.uniform(-70.0, max(-62.0, usual_dbfs - 30.0))),
        echo_db=float(rng.uniform(*ECHO_DB)) if has_echo else None,
        echo=_echo_path(rng),
        echo_delay_s=float(rng.uniform(*ECHO_DELAY_S)),
        at_s=float(rng.uniform(1.0, 3.0)),
        seed=seed,
    )


def _say_prompt(prompt: Prompt, rng: np.random.Generator, usual_dbfs: float) -> Made:
    sound = _from_onset(prompt.read_pcm())[: 4 * RATE_HZ]
    return prompt.name, _at_level(sound, usual_dbfs + rng.uniform(*TURN_DB)), prompt.words


def _say_request(
    voices: Voices, half: int, number: int, rng: np.random.Generator, usual_dbfs: float
) -> Made:
    words = REQUESTS[number % len(REQUESTS)]
    speaker = choose_speaker(rng, half)
    sound = _from_onset(voices.say(speaker, words))
    name = f"{words} ({speaker.voice})"
    return name, _at_level(sound, usual_dbfs + rng.uniform(*TURN_DB)), words


def _say_backchannel(
    voices: Voices,
    half: int,
    number: int,
    range_db: tuple[float, float],
    rng: np.random.Generator,
    usual_dbfs: float,
) -> Made:
    words = list(BACKCHANNELS)[number % len(BACKCHANNELS)]
    speaker = choose_speaker(rng, half)
    sound = _from_onset(voices.say(speaker, words))
    level_dbfs = usual_dbfs + rng.uniform(*range_db)
    return f"{words} ({speaker.voice})", _at_level(sound, level_dbfs), words


def _make_noise(category: str, number: int, rng: np.random.Generator, usual_dbfs: float) -> Made:
    makers = NOISES[category]
    maker = makers[number % len(makers)]
    levels = {"cough": (-28.0, -12.0), "door": (-38.0, -15.0), "noise": (-45.0, -25.0)}
    sound = _from_onset(maker(rng))
    return maker.__name__, _at_level(sound, rng.uniform(*levels[category])), ""


def _say_nothing(rng: np.random.Generator, usual_dbfs: float) -> Made:
    return "echo", np.zeros(0, np.int16), ""


def _choose_prompts(half: int) -> list[Prompt]:
    prompts = [
        prompt
        for prompt in load_labels().values()
        if is_tuned(prompt) == (half == 0)
        and prompt.speech_end_s >= SHORTEST_S
        and not is_backchannel(prompt.words)
    ]
    np.random.default_rng(half).shuffle(prompts)
    return prompts


def _from_onset(pcm: NDArray[np.int16] | NDArray[np.float64]) -> NDArray[np.float64]:
    blocks = len(pcm) // BLOCK
    signal = pcm[: blocks * BLOCK].astype(np.float64)
    power = np.mean(signal.reshape(blocks, BLOCK) ** 2, axis=1)
    first = int(np.argmax(power > power.max() * 10 ** (-ONSET_BELOW_PEAK_DB / 10)))
    return signal[first * BLOCK :]


def _at_level(
    signal: NDArray[np.int16] | NDArray[np.float64], level_dbfs: float
) -> NDArray[np.int16]:
    """Its loud parts at a level."""
    scaled = signal.astype(np.float64)
    scaled = scaled / max(float(np.abs(scaled).max()), 1e-9)
    now_dbfs = loud_dbfs(scaled.astype(np.float32), rate_hz=RATE_HZ)
    scaled = scaled * 32767 * 10 ** ((level_dbfs - now_dbfs) / 20)
    return np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)


def _echo_path(rng: np.random.Generator) -> NDArray[np.float64]:
    """A hybrid (short and dry) or a room (long and diffuse)."""
    decay_s = float(rng.choice((0.002, 0.01, 0.04)))
    length = round(4 * decay_s * RATE_HZ)
    path = rng.normal(0, 1, length) * np.exp(-np.arange(length) / (decay_s * RATE_HZ))
    path[0] = 3.0
    return np.asarray(path / np.sqrt(np.sum(path**2)))
