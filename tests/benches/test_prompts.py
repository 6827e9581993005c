"""The labels and the choice of prompts; the recordings themselves need not be installed."""

import wave
from pathlib import Path

import numpy as np
import pytest

from benches import prompts
from benches.prompts import CALL_PROMPTS, PAUSE_PROMPTS, TURN_PROMPTS, load_labels, write_wav
from benches.words import normalize_words


def test_every_label_has_words_and_lies_inside_its_recording() -> None:
    labels = load_labels()
    assert len(labels) > 250
    for prompt in labels.values():
        assert len(normalize_words(prompt.words).split()) >= 2, prompt.name
        assert 0.5 < prompt.speech_end_s <= prompt.duration_s, prompt.name
        assert 0.8 <= prompt.duration_s <= 26, prompt.name


def test_what_the_benches_say_is_labelled() -> None:
    labels = load_labels()
    assert {*TURN_PROMPTS, *PAUSE_PROMPTS, *CALL_PROMPTS} <= labels.keys()
    assert len(set(TURN_PROMPTS)) == len(TURN_PROMPTS) >= 20


def test_pauses_lie_inside_the_speech() -> None:
    labels = load_labels()
    for name, at_s in PAUSE_PROMPTS.items():
        assert 0.25 <= at_s / labels[name].speech_end_s <= 0.8, name


def test_without_apt_or_root_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "are_installed", lambda: False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(prompts.PromptsMissing, match="apt-get install .*asterisk-core-sounds-en"):
        prompts.install()


def test_a_recording_is_read_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "SOUNDS", tmp_path)
    pcm = np.array([0, 1, -32768, 32767], np.int16)
    write_wav(tmp_path / "hello.wav", pcm)
    assert np.array_equal(prompts.read_pcm("hello"), pcm)


def test_a_recording_of_another_rate_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompts, "SOUNDS", tmp_path)
    with wave.open(str(tmp_path / "fast.wav"), "wb") as file:
        file.setframerate(16000)
        file.setnchannels(1)
        file.setsampwidth(2)
        file.writeframes(b"\0\0")
    with pytest.raises(ValueError, match="8000 Hz"):
        prompts.read_pcm("fast")
