"""smart-turn on the shipped weights: it is given what it was trained on, and knows an end."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.audio.samples import make_noise, on_the_line, read_speech
from voxd.audio.g711 import encode_mulaw
from voxd.audio.resample import resample
from voxd.engines.local.serving import RequestError
from voxd.engines.local.smart_turn_worker import (
    MODEL_RATE_HZ,
    VARIANCE_FLOOR,
    WINDOW,
    WINDOW_BYTES,
    SmartTurnWorker,
    build_mel_filters,
    compute_features,
)
from voxd.errors import ModelError

MODEL = Path(__file__).parents[3] / "models/smart-turn/smart-turn-v3.2-cpu.onnx"


@pytest.fixture(scope="module")
def worker() -> SmartTurnWorker:
    worker = SmartTurnWorker()
    assert worker.load({"model": str(MODEL), "threads": 1}) == {"model": MODEL.stem}
    return worker


def ask(worker: SmartTurnWorker, mulaw: bytes) -> dict[str, Any]:
    return worker.run("judge", {}, mulaw, lambda *_: None, lambda: False)


def test_the_features_are_those_of_whisper() -> None:
    """faster-whisper's extractor on the window as transformers would normalise it."""
    from faster_whisper.feature_extractor import FeatureExtractor

    whisper = FeatureExtractor()
    assert np.allclose(build_mel_filters().T, whisper.mel_filters, atol=1e-7)
    speech = on_the_line(read_speech("help-you-today"), margin_s=0.5)
    audio = resample(speech.astype(np.float32) / np.float32(32768), 8000, MODEL_RATE_HZ)
    window = np.zeros(WINDOW, np.float32)
    window[WINDOW - len(audio) :] = audio
    loud = (window - window.mean()) / np.sqrt(window.var() + VARIANCE_FLOOR)
    expected = whisper(loud.astype(np.float32), padding=0)
    assert compute_features(audio) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 3.0, 8.0, 9.5])
def test_the_features_have_one_shape_for_any_length(seconds: float) -> None:
    features = compute_features(np.zeros(round(seconds * MODEL_RATE_HZ), np.float32))
    assert features.shape == (80, 800)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_how_loud_a_caller_is_does_not_matter() -> None:
    audio = make_noise(2.0, -30, is_pink=True, seed=1).astype(np.float32) / 32768
    assert compute_features(audio * 0.1) == pytest.approx(compute_features(audio), abs=0.01)


@pytest.mark.weights
def test_a_finished_sentence_is_more_likely_over_than_its_middle(worker: SmartTurnWorker) -> None:
    speech = encode_mulaw(read_speech("help-you-today"))
    pause = encode_mulaw(make_noise(0.1, -60, is_pink=False, seed=2))
    whole = ask(worker, speech + pause)["probability"]
    half = ask(worker, speech[: len(speech) // 2] + pause)["probability"]
    assert half < whole - 0.3


@pytest.mark.weights
def test_only_the_last_seconds_count(worker: SmartTurnWorker) -> None:
    speech = encode_mulaw(read_speech("help-you-today")).rjust(WINDOW_BYTES, b"\xff")
    before = encode_mulaw(make_noise(4.0, -20, is_pink=True, seed=3))
    assert ask(worker, before + speech)["probability"] == ask(worker, speech)["probability"]


@pytest.mark.weights
@pytest.mark.parametrize("mulaw", [b"", b"\xff", b"\xff" * 80_000], ids=len)
def test_any_audio_gets_a_probability(worker: SmartTurnWorker, mulaw: bytes) -> None:
    answer = ask(worker, mulaw)
    assert 0 <= answer["probability"] <= 1
    assert answer["seconds"] > 0


@pytest.mark.weights
def test_an_unknown_op_is_refused(worker: SmartTurnWorker) -> None:
    with pytest.raises(RequestError):
        worker.run("guess", {}, b"", lambda *_: None, lambda: False)


def test_a_missing_model_is_named_in_the_error() -> None:
    with pytest.raises(ModelError, match=r"nothing\.onnx"):
        SmartTurnWorker().load({"model": "/nothing.onnx", "threads": 1})


@pytest.mark.weights
def test_another_model_is_refused() -> None:
    voice = MODEL.parents[1] / "piper/en_US-joe-medium.onnx"
    with pytest.raises(ModelError, match="no smart-turn"):
        SmartTurnWorker().load({"model": str(voice), "threads": 1})
