"""Makes gaps.tsv, the gaps between words of the recorded prompts: `python -m benches.gaps`.

`splice.find_gaps` finds stretches of 60 ms and more without sound. Many lie inside a word (before
a plosive), where no caller pauses. A gap is kept when both hold:

* Whisper's cross-attention, aligned with the printed words, puts a boundary between two words
  within 60 ms of it (`find_alignment` of faster-whisper, as its word times are made);
* what follows the gap, transcribed alone, begins with the word that the alignment says. What comes
  before it is not looked at: its transcript is what `scripts/bench turns` decides on, and choosing
  by it would choose the easy ones.

`place` is what the printed words show after the gap's last word: `sentence` (. ! ? ;), `clause` (a
comma) or `inside`. A listener who does not know the prompt would answer at most of the first.
"""

import csv
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benches.daemon import CONFIG
from benches.prompts import RATE_HZ, Prompt, install, load_labels
from benches.splice import find_gaps, line_noise
from benches.wer import load_worker
from benches.words import normalize_words
from voxd.audio.resample import resample
from voxd.caller.mulaw import encode

GAPS = Path(__file__).with_name("gaps.tsv")
NEAR_S = 0.06
"""Whisper's word times come in steps of 20 ms and are some of them off."""
MARGIN_S = 0.3
"""Line noise around what is transcribed."""
WHISPER_RATE_HZ = 16000
WHISPER_FRAMES = 3000
MEL_BANDS = 80
_WORD = re.compile(r"[A-Za-z0-9'*#]+")

HEADER = """\
# Gaps between words of the telephone prompts in labels.tsv. Made by `python -m benches.gaps`, which
# holds the method; do not edit by hand. Times are seconds from the start of the recording.
# The recordings are those of asterisk-core-sounds-en 1.6.1 as Debian packages it: (c) 2003-2010
# Allison Smith and Digium, Inc., CC-BY-SA-3.0. This file is under the same licence.
"""


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap between two words."""

    name: str
    """Of the prompt."""
    start_s: float
    end_s: float
    words_before: int
    """Words of the prompt before it."""
    place: str
    """`inside`, `clause` or `sentence`."""


@dataclass(frozen=True, slots=True)
class Word:
    """A printed word and when it is said, seconds."""

    printed: str
    """With the punctuation that follows it."""
    start_s: float
    end_s: float


def load_gaps(path: Path = GAPS) -> list[Gap]:
    """Every gap, in the order of the file."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return [
        Gap(
            name=row["name"],
            start_s=float(row["start_s"]),
            end_s=float(row["end_s"]),
            words_before=int(row["words_before"]),
            place=row["place"],
        )
        for row in rows
    ]


def find_place(printed: str) -> str:
    """Where a gap is that follows this printed word."""
    if re.search(r"[.!?;]\s*$", printed):
        return "sentence"
    return "clause" if printed.rstrip().endswith(",") else "inside"


def match_gap(gap: tuple[float, float], words: Sequence[Word]) -> int | None:
    """How many words come before a gap; None when no boundary between words is near it."""
    start_s, end_s = gap
    best: tuple[float, float, int] | None = None
    for index in range(1, len(words)):
        for boundary in (words[index - 1].end_s, words[index].start_s):
            away = max(start_s - boundary, 0.0, boundary - end_s)
            candidate = (away, abs((start_s + end_s) / 2 - boundary), index)
            if best is None or candidate < best:
                best = candidate
    return best[2] if best is not None and best[0] <= NEAR_S + 1e-6 else None


def split_printed(words: str) -> list[str]:
    """The printed words, each with the punctuation that follows it."""
    return re.findall(rf"{_WORD.pattern}[^A-Za-z0-9'*#]*", words)


class Aligner:
    """Whisper with the shipped weights, for alignment only."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer

        options = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["engines"]["faster-whisper"]
        self._model: Any = WhisperModel(
            str(CONFIG.parent / options["model"]),
            device="cpu",
            compute_type=options["compute_type"],
            cpu_threads=1,
            local_files_only=True,
        )
        self._tokenizer: Any = Tokenizer(
            self._model.hf_tokenizer, False, task="transcribe", language="en"
        )

    def align(self, prompt: Prompt) -> list[Word]:
        """When each printed word of a prompt is said; none when the tokens do not fit the words."""
        pcm = prompt.read_pcm().astype(np.float32) / np.float32(32768)
        features = self._model.feature_extractor(resample(pcm, RATE_HZ, WHISPER_RATE_HZ))
        used = min(WHISPER_FRAMES, features.shape[1])
        padded = np.zeros((MEL_BANDS, WHISPER_FRAMES), np.float32)
        padded[:, :used] = features[:, :used]
        printed = split_printed(prompt.words)
        # Punctuation would take the pauses for itself.
        bare = " " + " ".join(match[0] for word in printed if (match := _WORD.match(word)))
        found = self._model.find_alignment(
            self._tokenizer, [self._tokenizer.encode(bare)], self._model.encode(padded), used
        )[0]
        if len(found) != len(printed):
            return []
        return [
            Word(word, float(times["start"]), float(times["end"]))
            for word, times in zip(printed, found, strict=True)
        ]


def make_gaps() -> str:
    """The whole text of gaps.tsv."""
    aligner, worker = Aligner(), load_worker(None)

    def transcribe(pcm: NDArray[np.int16]) -> str:
        margins = line_noise(MARGIN_S, 1), pcm, line_noise(MARGIN_S, 2)
        mulaw = encode(np.concatenate(margins))
        answer = worker.run("transcribe", {"language": "en"}, mulaw, lambda *_: None, lambda: False)
        return str(answer["text"])

    lines = ["name\tstart_s\tend_s\twords_before\tplace"]
    for prompt in load_labels().values():
        words, pcm = aligner.align(prompt), prompt.read_pcm()
        for start_s, end_s in sorted(find_gaps(pcm, first=0.0, last=1.0)):
            before = match_gap((start_s, end_s), words)
            if before is None:
                continue
            following = pcm[round((start_s + end_s) / 2 * RATE_HZ) :]
            expected = normalize_words(words[before].printed).split()
            heard = normalize_words(transcribe(following)).split()
            if heard[:1] == expected[:1]:
                place = find_place(words[before - 1].printed)
                lines.append(f"{prompt.name}\t{start_s:.2f}\t{end_s:.2f}\t{before}\t{place}")
    return HEADER + "\n".join(lines) + "\n"


if __name__ == "__main__":
    install()
    GAPS.write_text(make_gaps(), encoding="utf-8")
    print(f"{GAPS}: {len(load_gaps())} gaps")
