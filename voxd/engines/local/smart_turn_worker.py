"""smart-turn in its worker process: mu-law in, the probability that the turn is over out. Blocking.

Run by `worker`. smart-turn v3 is Whisper's encoder with a classifier on top: it hears how
something was said (melody, final lengthening, hesitation), not which words. It wants the log-mel
spectrogram that Whisper is trained on, of the last 8 s, its silence in front; those few lines of
numpy stand here, so that this worker does not load CTranslate2 for them. Tests compare them with
faster-whisper's.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voxd.audio.g711 import decode_mulaw
from voxd.audio.resample import resample
from voxd.engines.local.serving import Emit, IsCancelled, RequestError
from voxd.errors import Category, ModelError
from voxd.line import LINE_RATE_HZ

MODEL_RATE_HZ = 16000
WINDOW_S = 8.0
"""What the model sees: the end of the utterance."""
WINDOW = round(WINDOW_S * MODEL_RATE_HZ)
WINDOW_BYTES = round(WINDOW_S * LINE_RATE_HZ)

N_FFT = 400
HOP = 160
N_MELS = 80
MEL_FLOOR = 1e-10
VARIANCE_FLOOR = 1e-7
"""Keeps digital silence from being divided by nothing (transformers' WhisperFeatureExtractor)."""


class SmartTurnWorker:
    """The `turn` worker."""

    def __init__(self) -> None:
        self._session: Any = None

    def load(self, options: Mapping[str, Any]) -> dict[str, Any]:
        path = Path(options["model"])
        if not path.is_file():
            raise ModelError(f"{path} is missing")
        import onnxruntime

        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = options["threads"]
        session_options.inter_op_num_threads = 1
        # Threads that spin while they wait would take a core that the scheduler gave away.
        session_options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(path), session_options, providers=["CPUExecutionProvider"]
        )
        shapes = [(node.name, node.shape[1:]) for node in self._session.get_inputs()]
        if shapes != [("input_features", [N_MELS, WINDOW // HOP])]:
            raise ModelError(f"{path} is no smart-turn v3 model: its inputs are {shapes}")
        # The first run is slow (buffers, weights paged in), so it is made here, on noise.
        noise = np.random.default_rng(1).normal(0, 300, LINE_RATE_HZ * 2).astype(np.int16)
        self.judge(noise)
        return {"model": path.stem}

    def run(
        self,
        op: str,
        params: Mapping[str, Any],
        payload: bytes,
        emit: Emit,
        is_cancelled: IsCancelled,
    ) -> dict[str, Any]:
        if op != "judge":
            raise RequestError(Category.BAD_REQUEST, "the only op is judge")
        began = time.perf_counter()
        probability = self.judge(decode_mulaw(payload[-WINDOW_BYTES:]))
        return {"probability": probability, "seconds": time.perf_counter() - began}

    def judge(self, pcm: npt.NDArray[np.int16]) -> float:
        """How likely the caller has finished, 0 to 1.

        Args:
            pcm: int16, 8000 Hz, mono: the utterance and some of the pause after it.
        """
        audio = resample(pcm.astype(np.float32) / np.float32(32768), LINE_RATE_HZ, MODEL_RATE_HZ)
        features = compute_features(audio)[np.newaxis]
        # The output is called logits, but the sigmoid is part of the model.
        [output] = self._session.run(None, {"input_features": features})
        return float(output[0, 0])


def compute_features(audio: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What smart-turn hears.

    Args:
        audio: float32, 16000 Hz, mono, any length and level.

    Returns:
        float32, shape (80, 800): Whisper's log-mel spectrogram of the last 8 s, silence in front
        of what is shorter, made equally loud.
    """
    window = np.zeros(WINDOW, np.float32)
    heard = audio[-WINDOW:]
    window[WINDOW - len(heard) :] = heard
    window = (window - window.mean()) / np.sqrt(window.var() + np.float32(VARIANCE_FLOOR))
    padded = np.pad(window, N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][:-1]
    power = np.abs(np.fft.rfft(frames * _HANN)) ** 2
    log_mel = np.log10(np.maximum(power @ _MEL_FILTERS, MEL_FLOOR)).T
    limited = np.maximum(log_mel, log_mel.max() - 8.0)
    return np.ascontiguousarray((limited + 4.0) / 4.0, np.float32)


def build_mel_filters() -> npt.NDArray[np.float64]:
    """Triangles on Slaney's mel scale, 0 to 8000 Hz, each of the same area.

    Returns:
        float64, shape (201, 80): from the power spectrum to mel bands.
    """
    # Slaney: linear below 1000 Hz (15 mel), then 27 steps for each factor of 6.4.
    step = np.log(6.4) / 27.0
    top = 15.0 + np.log(MODEL_RATE_HZ / 2 / 1000.0) / step
    mels = np.linspace(0.0, top, N_MELS + 2)
    edges = np.where(mels < 15.0, mels * 200.0 / 3.0, 1000.0 * np.exp(step * (mels - 15.0)))
    bins = np.linspace(0.0, MODEL_RATE_HZ / 2, N_FFT // 2 + 1)[:, np.newaxis]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    filters: npt.NDArray[np.float64] = np.maximum(triangles, 0.0) * (2.0 / (high - low))
    return filters


_HANN = np.hanning(N_FFT + 1)[:-1]
_MEL_FILTERS = build_mel_filters()
