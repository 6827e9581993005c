"""Piper in its worker process: text in, mu-law out, a piece per sentence. Blocking.

Run by `worker`. piper-tts is GPL-3 and stays inside this process. Its `load` gives onnxruntime
no thread count, so the voice is put together from its parts; its own normalization makes every
sentence as loud as it can, so it is off and `voxd.audio.level` steadies the loudness.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from voxd.audio.g711 import encode_mulaw
from voxd.audio.level import normalize, trim_silence
from voxd.audio.resample import resample
from voxd.engines.local.heap import give_back_large_blocks
from voxd.engines.local.serving import Emit, IsCancelled, RequestError
from voxd.errors import Category, ModelError
from voxd.line import LINE_RATE_HZ

LEAD_S = 0.01
"""Silence kept before a sentence."""
SENTENCE_TAIL_S = 0.25
"""Silence kept after a sentence: Piper gives up to 0.4 s, people make 0.2 to 0.4."""
CLAUSE_TAIL_S = 0.12
"""Silence kept after a clause that goes on (comma, colon or nothing at its end)."""
PEAK_DBFS = -1.0
MAX_TEXT = 2000
"""Characters of one request; a clause has about a hundred."""
MAX_PIECE = 200
"""Characters that Piper gets at once. While it makes 180 of them the worker has 310 MiB, and more
for more."""
LONG_PHONEMES = 150
"""Of a sentence of some 70 characters, by Piper's count (a filler follows each phoneme)."""
EMPTIED_AFTER_RUNS = 20
"""Over 130 replies of up to 22 words the worker had 213 MiB in the mean and 256 at most; 292, 312
and growing when nothing is given back. The same replies took 2 % longer; in another run, of 195 and
236 MiB, 9 %."""
WARM_UP = "Hello, how can I help you?"

_PROVIDERS = {"cpu": ["CPUExecutionProvider"], "cuda": ["CUDAExecutionProvider"]}


class EmptyingSession:
    """An onnxruntime session on the CPU that now and then gives back what its runs took.

    Its arena keeps the memory of the longest sentence, and as lengths vary it grows on by a few MiB
    now and then. To give all of it back after each run would cost the next a tenth to a quarter of
    its time (pages are faulted in again); so that is done after long sentences, and now and then.
    """

    def __init__(self, session: Any, onnxruntime: Any) -> None:
        self._session = session
        self._emptying = onnxruntime.RunOptions()
        self._emptying.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._runs = 0
        """Since the last that gave back."""

    def run(self, names: Any, inputs: Mapping[str, Any]) -> Any:
        """As the session's; `input` is int64, 1 x phonemes."""
        self._runs += 1
        is_last = self._runs >= EMPTIED_AFTER_RUNS or inputs["input"].shape[1] > LONG_PHONEMES
        if is_last:
            self._runs = 0
        return self._session.run(names, inputs, self._emptying if is_last else None)


def clean_text(text: str) -> str:
    """Text without control characters (espeak refuses NUL) and without the marks of raw
    phonemes (`[[ … ]]`), which a language model may write but not pronounce."""
    return re.sub(r"\[\[|\]\]|[\x00-\x1f\x7f]", " ", text).strip()


def cut_long(text: str) -> list[str]:
    """Pieces of at most `MAX_PIECE` characters, cut behind a sentence, else behind a comma or the
    like, else at a space."""
    pieces = []
    while len(text) > MAX_PIECE:
        begin = text[:MAX_PIECE]
        ends = (1 + max(begin.rfind(f"{mark} ") for mark in marks) for marks in (".!?", ",;:"))
        at = next((end for end in ends if end > MAX_PIECE // 2), begin.rfind(" "))
        at = at if at > 0 else MAX_PIECE
        pieces.append(text[:at].strip())
        text = text[at:].strip()
    return [*pieces, text]


def choose_tail_s(sentence: str) -> float:
    """Silence to keep after these words, seconds."""
    ends = sentence.rstrip("\"') ").endswith((".", "!", "?"))
    return SENTENCE_TAIL_S if ends else CLAUSE_TAIL_S


class PiperWorker:
    """The `tts` worker."""

    def __init__(self) -> None:
        self._voices: dict[str, Any] = {}
        """By the name under which requests ask for them; the default has none."""

    def load(self, options: Mapping[str, Any]) -> dict[str, Any]:
        paths = {"": options["voice"], **options.get("voices", {})}
        for path in paths.values():
            for needed in (Path(path), _config_path(Path(path))):
                if not needed.is_file():
                    raise ModelError(f"{needed} is missing")
        self._voices = {name: _open_voice(Path(path), options) for name, path in paths.items()}
        for name in self._voices:
            for _ in self._render(name, WARM_UP, 1.0, -20.0):
                pass
        voice = Path(options["voice"])
        return {"voice": voice.stem, "sample_rate_hz": self._voices[""].config.sample_rate}

    def run(
        self,
        op: str,
        params: Mapping[str, Any],
        payload: bytes,
        emit: Emit,
        is_cancelled: IsCancelled,
    ) -> dict[str, Any]:
        text = clean_text(str(params.get("text", "")))
        if op != "speak" or len(text) > MAX_TEXT:
            raise RequestError(Category.BAD_REQUEST, "the only op is speak, of a short text")
        voice = str(params.get("voice", ""))
        if voice not in self._voices:
            raise RequestError(Category.BAD_REQUEST, "no such voice")
        duration_s = 0.0
        for mulaw in self._render_pieces(voice, text, params["length_scale"], params["level_dbfs"]):
            if is_cancelled():
                break
            emit({}, mulaw)
            duration_s += len(mulaw) / LINE_RATE_HZ
        return {"duration_s": duration_s}

    def _render_pieces(
        self, voice: str, text: str, length_scale: float, level_dbfs: float
    ) -> Iterator[bytes]:
        for piece in cut_long(text):
            yield from self._render(voice, piece, length_scale, level_dbfs)

    def _render(
        self, voice: str, text: str, length_scale: float, level_dbfs: float
    ) -> Iterator[bytes]:
        """The mu-law of each sentence, made when it is asked for; nothing for a silent one."""
        from piper import SynthesisConfig

        config = SynthesisConfig(length_scale=length_scale, normalize_audio=False)
        for chunk in self._voices[voice].synthesize(text, config):
            pcm = resample(chunk.audio_float_array, chunk.sample_rate, LINE_RATE_HZ)
            pcm = trim_silence(pcm, lead_s=LEAD_S, tail_s=choose_tail_s(text))
            if len(pcm):
                pcm = normalize(pcm, level_dbfs, PEAK_DBFS)
                yield encode_mulaw((pcm * 32767).astype(np.int16))


def _open_voice(path: Path, options: Mapping[str, Any]) -> Any:
    """Load one voice of Piper's."""
    import onnxruntime
    from piper import PiperVoice
    from piper.config import PiperConfig

    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = options["threads"]
    session_options.inter_op_num_threads = 1
    # A plan of the memory for each length of sentence serves nothing: the audio of a length is
    # never as long twice. It makes sentences no faster (both 250 ms, within the noise), and after
    # 700 replies of up to 12 words the worker had 340 MiB; without, 250.
    session_options.enable_mem_pattern = False
    if options["device"] == "cpu":
        # All optimizations make the voice no faster (349 and 360 ms for a sentence, within the
        # noise), but its loading slower: 0.46 s instead of 0.3.
        basic = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        session_options.graph_optimization_level = basic
    # Threads that spin while they wait would take a core that the scheduler gave away.
    session_options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(path), session_options, providers=_PROVIDERS[options["device"]]
    )
    config = PiperConfig.from_dict(json.loads(_config_path(path).read_text(encoding="utf-8")))
    if options["device"] == "cpu":
        give_back_large_blocks()
        session = EmptyingSession(session, onnxruntime)
    return PiperVoice(session=session, config=config)


def _config_path(voice: Path) -> Path:
    return voice.with_name(voice.name + ".json")
