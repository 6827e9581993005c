"""faster-whisper in its worker process: mu-law in, text out. Blocking; run by `worker`.

`WhisperModel.transcribe` always pads to 30 s, which is what makes Whisper slow on the short
utterances of a telephone call, so its parts are called instead: feature extractor, encoder,
decoder, tokenizer. The window is the speech and 4 s, at least `min_window_s`, in steps of 5 s;
an exact window makes the decoder loop (measured: word error rate 190 %).
"""

import math
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voxd.audio.g711 import decode_mulaw
from voxd.audio.resample import resample
from voxd.contracts import LINE_RATE_HZ
from voxd.engines.local.serving import Emit, IsCancelled, RequestError
from voxd.errors import Category, ModelError

WHISPER_RATE_HZ = 16000
MAX_WINDOW_S = 30.0
"""What Whisper was trained on; longer audio is cut off."""
TAIL_S = 4.0
"""Room after the speech that keeps the decoder from looping."""
STEP_S = 5.0
"""Windows come in these steps, so that buffers are reused."""
TOKENS_PER_S = 8.0
"""Bound of what can be said: fast English is 5 words, about 7 tokens, a second."""
TOKENS_AT_LEAST = 12

NO_SPEECH_PROB = 0.6
"""Whisper's own thresholds for silence (both must hold), from openai/whisper `transcribe`."""
NO_SPEECH_LOGPROB = -1.0
SURE_NO_SPEECH_PROB = 0.75
"""Above this the text does not matter. Measured with tiny.en in a 10 s window: telephone prompts
of one word and more stay below 0.56, noise, hum, clicks and tones mostly lie above 0.8."""
MAX_COMPRESSION = 2.4
"""Above this the text repeats itself (openai/whisper)."""


def choose_window_s(speech_s: float, min_window_s: float) -> float:
    """Seconds of audio that the encoder sees for this much speech."""
    wanted = max(min_window_s, speech_s + TAIL_S)
    return min(MAX_WINDOW_S, math.ceil(wanted / STEP_S) * STEP_S)


def choose_token_limit(speech_s: float) -> int:
    """Most tokens that this much speech can be."""
    return TOKENS_AT_LEAST + math.ceil(TOKENS_PER_S * speech_s)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What Whisper made of some audio."""

    text: str
    tokens: int
    no_speech_prob: float
    avg_logprob: float
    """Mean logarithm of the probability of a token."""

    def is_noise(self) -> bool:
        """This is what Whisper makes of audio without speech."""
        if not any(character.isalnum() for character in self.text):
            return True
        if self.no_speech_prob > SURE_NO_SPEECH_PROB:
            return True
        return self.no_speech_prob > NO_SPEECH_PROB and self.avg_logprob < NO_SPEECH_LOGPROB

    def is_loop(self, limit: int) -> bool:
        """The decoder went round in circles instead of ending."""
        encoded = self.text.encode()
        return self.tokens >= limit or len(encoded) > MAX_COMPRESSION * len(zlib.compress(encoded))


class WhisperWorker:
    """The `stt` worker."""

    def __init__(self) -> None:
        self._model: Any = None
        self._tokenizers: dict[str, Any] = {}
        self._suppressed: list[int] = []
        self._min_window_s = 10.0

    def load(self, options: Mapping[str, Any]) -> dict[str, Any]:
        path = Path(options["model"])
        if not (path / "model.bin").is_file():
            raise ModelError(f"{path} is no CTranslate2 Whisper model: model.bin is missing")
        if not (path / "tokenizer.json").is_file():
            raise ModelError(f"{path} is not complete: tokenizer.json is missing")
        from faster_whisper import WhisperModel

        self._model = WhisperModel(
            str(path),
            device=options["device"],
            compute_type=options["compute_type"],
            cpu_threads=options["threads"],
            local_files_only=True,
        )
        self._min_window_s = options["min_window_s"]
        # The first run is slow (buffers, weights paged in), so it is made here, on noise.
        noise = np.random.default_rng(1).normal(0, 300, LINE_RATE_HZ * 2).astype(np.int16)
        self._transcribe(noise, options["languages"][0])
        return {
            "model": path.name,
            "compute_type": str(self._model.model.compute_type),
            "device": str(self._model.model.device),
        }

    def run(
        self,
        op: str,
        params: Mapping[str, Any],
        payload: bytes,
        emit: Emit,
        is_cancelled: IsCancelled,
    ) -> dict[str, Any]:
        if op != "transcribe":
            raise RequestError(Category.BAD_REQUEST, "the only op is transcribe")
        return self._transcribe(
            decode_mulaw(payload), params["language"], params.get("max_tokens"), is_cancelled
        )

    def _transcribe(
        self,
        pcm: npt.NDArray[np.int16],
        language: str,
        max_tokens: int | None = None,
        is_cancelled: IsCancelled = lambda: False,
    ) -> dict[str, Any]:
        """The words in int16 PCM of 8000 Hz."""
        began = time.perf_counter()
        speech_s = len(pcm) / LINE_RATE_HZ
        limit = max_tokens or choose_token_limit(speech_s)
        audio = resample(pcm.astype(np.float32) / np.float32(32768), LINE_RATE_HZ, WHISPER_RATE_HZ)
        features = self._model.feature_extractor(audio)
        window_s = choose_window_s(speech_s, self._min_window_s)
        if is_cancelled():
            return {}
        result = self._decode(features, window_s, language, limit)
        if result.is_loop(limit) and window_s < MAX_WINDOW_S and not result.is_noise():
            # Rare; the full window costs three times as much and loops less.
            result = self._decode(features, MAX_WINDOW_S, language, limit)
        return {
            "text": "" if result.is_noise() else result.text,
            "no_speech_prob": result.no_speech_prob,
            "avg_logprob": result.avg_logprob,
            "seconds": time.perf_counter() - began,
        }

    def _decode(
        self, features: npt.NDArray[np.float32], window_s: float, language: str, limit: int
    ) -> Decoded:
        frames = round(window_s * self._model.frames_per_second)
        padded = np.zeros((features.shape[0], frames), np.float32)
        used = min(frames, features.shape[1])
        padded[:, :used] = features[:, :used]
        tokenizer = self._tokenizer(language)
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        answer = self._model.model.generate(
            self._model.encode(padded),
            [prompt],
            beam_size=1,
            max_length=min(len(prompt) + limit, self._model.max_length),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
        )[0]
        tokens = answer.sequences_ids[0]
        return Decoded(
            tokenizer.decode(tokens).strip(),
            len(tokens),
            float(answer.no_speech_prob),
            # CTranslate2's score is the mean over the tokens; the end token counts as well.
            float(answer.scores[0]) * len(tokens) / (len(tokens) + 1),
        )

    def _tokenizer(self, language: str) -> Any:
        if language not in self._tokenizers:
            from faster_whisper.tokenizer import Tokenizer
            from faster_whisper.transcribe import get_suppressed_tokens

            made = Tokenizer(
                self._model.hf_tokenizer,
                self._model.model.is_multilingual,
                task="transcribe",
                language=language,
            )
            self._suppressed = list(get_suppressed_tokens(made, [-1]))
            self._tokenizers[language] = made
        return self._tokenizers[language]
