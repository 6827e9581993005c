"""Whisper on the shipped weights hears human telephone speech and is not fooled by noise.

The human prompts are Debian's asterisk-core-sounds-en-wav where it is installed; the voice of
Piper stands in for them otherwise, so that nothing is skipped.
"""

import wave
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest

from voxd.audio.g711 import encode_mulaw
from voxd.engines.local.piper_worker import PiperWorker
from voxd.engines.local.serving import RequestError
from voxd.engines.local.whisper_worker import (
    WhisperWorker,
    choose_token_limit,
    choose_window_s,
)
from voxd.errors import ModelError

SOUNDS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
SAMPLES = Path(__file__).parents[2] / "samples/speech"
PROMPTS = {
    "conf-hasjoin": "is now in the conference",
    "vm-goodbye": "goodbye",
    "privacy-thankyou": "thank you",
    "please-try-again": "please try again",
    "tt-weasels": "weasels have eaten our phone system",
    "tt-somethingwrong": "something is terribly wrong",
    "tt-monkeysintro": "they have been carried away by monkeys",
    "pbx-invalid": "i'm sorry that's not a valid extension please try again",
    "queue-thankyou": "thank you for your patience",
    "confbridge-invalid": "you have entered an invalid option",
}


def transcribe(worker: WhisperWorker, mulaw: bytes) -> dict[str, Any]:
    return worker.run("transcribe", {"language": "en"}, mulaw, lambda *_: None, lambda: False)


def record(piper: PiperWorker, name: str, text: str) -> bytes:
    sample = SAMPLES / f"{name}.ulaw"
    if sample.is_file():
        return sample.read_bytes()
    path = SOUNDS / f"{name}.wav"
    if not path.is_file():
        pieces: list[bytes] = []
        params = {"text": text, "length_scale": 1.0, "level_dbfs": -20.0}
        piper.run("speak", params, b"", lambda _, mulaw: pieces.append(mulaw), lambda: False)
        return b"".join(pieces)
    with wave.open(str(path)) as file:
        return encode_mulaw(np.frombuffer(file.readframes(file.getnframes()), np.int16))


@pytest.mark.weights
def test_the_end_of_a_sentence_is_surer_than_a_pause_inside_it(
    whisper: WhisperWorker, piper: PiperWorker
) -> None:
    for name in ("tt-weasels", "tt-monkeysintro"):
        whole = record(piper, name, PROMPTS[name])
        end = transcribe(whisper, whole)["closing"]
        inside = transcribe(whisper, whole[: len(whole) // 2])["closing"]
        assert inside < 0.6 < 0.8 < end <= 1, name


@pytest.mark.weights
def test_human_prompts_are_understood(whisper: WhisperWorker, piper: PiperWorker) -> None:
    clean = jiwer.Compose([jiwer.ToLowerCase(), jiwer.RemovePunctuation(), jiwer.Strip()])
    said, heard = [], []
    for name, text in PROMPTS.items():
        said.append(clean(text))
        heard.append(clean(transcribe(whisper, record(piper, name, text))["text"]))
    assert jiwer.wer(said, heard) <= 0.15


@pytest.mark.weights
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dir-multi9", "Press 9 for more entries."),
        ("vm-tocallnum", "Press 1 to call this number."),
        ("digits/12", "12"),
        ("digits/9", "9"),
        ("hello", "Hello"),
        ("yes", "Yes"),
    ],
)
def test_what_was_said_once_is_heard_once(
    whisper: WhisperWorker, piper: PiperWorker, name: str, text: str
) -> None:
    heard = transcribe(whisper, record(piper, name, text))["text"]
    assert heard.strip(".!?").lower() == text.strip(".").lower()


@pytest.mark.weights
def test_what_was_said_twice_is_heard_twice(whisper: WhisperWorker, piper: PiperWorker) -> None:
    heard = transcribe(whisper, record(piper, "none", "Hello, hello?"))["text"]
    assert heard.lower().count("hello") == 2


@pytest.mark.weights
def test_a_word_like_noise_is_heard(whisper: WhisperWorker, piper: PiperWorker) -> None:
    """Piper's "Two" has the doubtful no-speech probability that only the full window judges. It is
    said a little differently each time, and one in a dozen is not understood by any window."""
    assert any(transcribe(whisper, record(piper, "none", "Two"))["text"] for _ in range(3))


@pytest.mark.weights
@pytest.mark.parametrize("seconds", [0.4, 1.0, 4.0])
@pytest.mark.parametrize("kind", ["silence", "hiss", "loud hiss", "hum", "clicks", "tone"])
def test_noise_gives_no_words(whisper: WhisperWorker, kind: str, seconds: float) -> None:
    random = np.random.default_rng(1)
    time = np.arange(int(8000 * seconds)) / 8000
    hiss = random.normal(0, 1, len(time))
    pcm = {
        "silence": 0 * hiss,
        "hiss": 100 * hiss,
        "loud hiss": 3000 * hiss,
        "hum": 2000 * np.sin(2 * np.pi * 50 * time) + 30 * hiss,
        "clicks": np.where(np.arange(len(time)) % 2000 == 0, 20000, 20 * hiss),
        "tone": 6000 * np.sin(2 * np.pi * 440 * time),
    }[kind]
    assert transcribe(whisper, encode_mulaw(pcm.astype(np.int16)))["text"] == ""


@pytest.mark.weights
@pytest.mark.parametrize("samples", [1, 7, 160, 801])
def test_the_shortest_audio_is_no_error(whisper: WhisperWorker, samples: int) -> None:
    assert transcribe(whisper, b"\x80" * samples)["text"] == ""


@pytest.mark.weights
def test_another_op_is_refused(whisper: WhisperWorker) -> None:
    with pytest.raises(RequestError):
        whisper.run("translate", {}, b"", lambda *_: None, lambda: False)


@pytest.mark.weights
def test_a_cancelled_request_stops_before_the_model_runs(whisper: WhisperWorker) -> None:
    answer = whisper.run(
        "transcribe", {"language": "en"}, b"\xff" * 8000, lambda *_: None, lambda: True
    )
    assert answer == {}


def test_a_folder_without_weights_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.bin"):
        WhisperWorker().load({"model": str(tmp_path)})


@pytest.mark.parametrize(
    ("speech_s", "window_s"),
    [(0.0, 10.0), (5.9, 10.0), (6.0, 10.0), (6.1, 15.0), (11.1, 20.0), (26.0, 30.0), (99.0, 30.0)],
)
def test_the_window_is_the_speech_and_four_seconds_in_steps_of_five(
    speech_s: float, window_s: float
) -> None:
    assert choose_window_s(speech_s, 10.0) == window_s


def test_the_token_limit_grows_with_the_speech() -> None:
    assert choose_token_limit(0.0) == 12
    assert choose_token_limit(3.0) == 36
