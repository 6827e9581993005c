"""faster-whisper in its worker process: mu-law in, text out. Blocking; run by `worker`.

`WhisperModel.transcribe` always pads to 30 s, which is what makes Whisper slow on the short
utterances of a telephone call, so its parts are called instead: feature extractor, encoder,
decoder, tokenizer. The window is the speech and 4 s, at least `min_window_s`, in steps of 5 s;
an exact window makes the decoder loop (measured: word error rate 190 %).

What the window has beyond the audio is filled with the floor of its log-mel spectrum, which is
how digital silence looks there and what Whisper was trained with. faster-whisper fills it with
zeros, a steady noise: words at the end of long utterances are lost in it, and noise and short
words look more alike (measured on 261 telephone prompts with tiny.en: 70 instead of 114 word
errors of 2555, loops not counted; no-speech probability of single words below 0.56 instead of
0.78). Against loops, which every window has now and then, see `_listen`.
"""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voxd.audio.g711 import decode_mulaw
from voxd.audio.resample import resample
from voxd.engines.local.decoded import MAX_WINDOW_S, Decoded, count_closers
from voxd.engines.local.serving import Emit, IsCancelled, RequestError
from voxd.errors import Category, ModelError
from voxd.line import LINE_RATE_HZ
from voxd.quickly import import_lazily

WHISPER_RATE_HZ = 16000
TAIL_S = 4.0
"""Room after the speech that keeps the decoder from looping."""
STEP_S = 5.0
"""Windows come in these steps, so that buffers are reused."""
TOKENS_PER_S = 8.0
"""Bound of what can be said: fast English is 5 words, about 7 tokens, a second."""
TOKENS_AT_LEAST = 12
CLOSERS = (".", "?", "!", '."', '?"', '!"')
"""What ends a sentence. An ellipsis does not."""


def choose_window_s(speech_s: float, min_window_s: float) -> float:
    """Seconds of audio that the encoder sees for this much speech."""
    wanted = max(min_window_s, speech_s + TAIL_S)
    return min(MAX_WINDOW_S, math.ceil(wanted / STEP_S) * STEP_S)


def choose_token_limit(speech_s: float) -> int:
    """Most tokens that this much speech can be."""
    return TOKENS_AT_LEAST + math.ceil(TOKENS_PER_S * speech_s)


class WhisperWorker:
    """The `stt` worker."""

    def __init__(self) -> None:
        self._model: Any = None
        self._tokenizers: dict[str, Any] = {}
        self._suppressed: list[int] = []
        self._closers: list[int] = []
        """The tokens of `CLOSERS`."""
        self._min_window_s = 10.0

    def load(self, options: Mapping[str, Any]) -> dict[str, Any]:
        path = Path(options["model"])
        if not (path / "model.bin").is_file():
            raise ModelError(f"{path} is no CTranslate2 Whisper model: model.bin is missing")
        if not (path / "tokenizer.json").is_file():
            raise ModelError(f"{path} is not complete: tokenizer.json is missing")
        # It decodes files of any kind with this one, which takes as long to load as all the rest.
        import_lazily("av")
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
        result = self._listen(features, speech_s, language, limit, is_cancelled)
        if result is None:
            return {}
        return {
            "text": "" if result.is_noise() else result.text,
            "closing": result.closing,
            "no_speech_prob": result.no_speech_prob,
            "avg_logprob": result.avg_logprob,
            "seconds": time.perf_counter() - began,
        }

    def _listen(
        self,
        features: npt.NDArray[np.float32],
        speech_s: float,
        language: str,
        limit: int,
        is_cancelled: IsCancelled,
    ) -> Decoded | None:
        """The words; heard again in longer windows while they are doubtful. None: cancelled.

        In a given window some 3 % of telephone prompts loop: most say the prompt twice and end
        well below the token limit, so that neither it nor compression tells. In another window
        the same audio hardly ever does. A caller who really says a thing twice is heard to do so
        in both.
        """
        window_s = choose_window_s(speech_s, self._min_window_s)
        heard: Decoded | None = None
        while not is_cancelled():
            before, heard = heard, self._decode(features, window_s, language, limit)
            is_clear = not heard.is_unsure() and not heard.is_doubtful(limit)
            if heard.is_noise() or is_clear:
                return heard
            is_same = before is not None and before.words == heard.words
            if is_same and not heard.is_unsure() and not heard.is_loop(limit):
                return heard
            if window_s >= MAX_WINDOW_S:
                return heard.without_loop() if heard.is_loop(limit) else heard
            is_last = before is not None or heard.is_unsure()
            window_s = MAX_WINDOW_S if is_last else min(window_s + STEP_S, MAX_WINDOW_S)
        return None

    def _decode(
        self, features: npt.NDArray[np.float32], window_s: float, language: str, limit: int
    ) -> Decoded:
        frames = round(window_s * self._model.frames_per_second)
        padded = np.full((features.shape[0], frames), features.min(), np.float32)
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
            return_logits_vocab=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
        )[0]
        tokens = answer.sequences_ids[0]
        text = tokenizer.decode(tokens).strip()
        return Decoded(
            text,
            len(tokens),
            float(answer.no_speech_prob),
            # CTranslate2's score is the mean over the tokens; the end token counts as well.
            float(answer.scores[0]) * len(tokens) / (len(tokens) + 1),
            window_s,
            self._find_closing(tokenizer, tokens, answer.logits[0]) if text else None,
        )

    def _find_closing(
        self, tokenizer: Any, tokens: Sequence[int], logits: Sequence[Any]
    ) -> float | None:
        """How likely the decoder held a sentence's end right behind the last word.

        Args:
            logits: for each step, over the vocabulary; the step after the last token may lack.
        """
        step = len(tokens) - count_closers([tokenizer.decode([token]) for token in tokens])
        if step >= len(logits):
            return None
        from ctranslate2 import DataType, Device

        on_cpu = logits[step].to_device(Device.cpu).to(DataType.float32)
        scores = np.asarray(on_cpu).ravel()
        chances = np.exp(scores - scores.max())
        return float(chances[self._closers].sum() / chances.sum())

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
            spelled = [made.encode(mark) for mark in CLOSERS]
            self._closers = [tokens[0] for tokens in spelled if len(tokens) == 1]
            self._tokenizers[language] = made
        return self._tokenizers[language]
