"""`scripts/bench wer`: what the short window of Whisper costs in word errors.

Every usable prompt goes through mu-law at 8 kHz and the daemon's own worker code twice: once with
the window that the daemon uses, once with Whisper's full 30 s. Both hear the same bytes.
"""

import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import jiwer

from benches.daemon import CONFIG
from benches.prompts import Prompt, load_labels
from benches.stats import Interval, bootstrap_rate_difference, median
from benches.words import normalize_words
from voxd.caller.mulaw import encode
from voxd.engines.local.decoded import MAX_WINDOW_S
from voxd.engines.local.whisper_worker import WhisperWorker

LIMIT_POINTS = 1.5
"""The interval of the difference must stay below this many percentage points."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One prompt as one window heard it."""

    text: str
    errors: int
    """Words substituted, deleted and inserted."""
    seconds: float
    """Time of the transcription."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found; rates are fractions of the words spoken."""

    prompts: int
    words: int
    short_rate: float
    full_rate: float
    difference: Interval
    short_median_s: float
    full_median_s: float

    @property
    def is_good(self) -> bool:
        """Whether the short window is as good as the project claims."""
        return self.difference.high * 100 < LIMIT_POINTS

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return {"is_good": self.is_good, **asdict(self)}


def run(limit: int | None, shows_errors: bool) -> Result:
    """Transcribe the prompts (the first of every n-th when limited) with both windows."""
    prompts = list(load_labels().values())
    if limit is not None and limit < len(prompts):
        prompts = [prompts[index * len(prompts) // limit] for index in range(limit)]
    short, full = load_worker(None), load_worker(MAX_WINDOW_S)
    rows: list[tuple[Prompt, int, Heard, Heard]] = []
    for number, prompt in enumerate(prompts, 1):
        mulaw = encode(prompt.read_pcm())
        heard = [listen(worker, mulaw, prompt) for worker in (short, full)]
        rows.append((prompt, _count(prompt.words), heard[0], heard[1]))
        if sys.stderr.isatty():
            print(f"\r{number} of {len(prompts)} prompts", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if shows_errors:
        show_errors(rows)
    return sum_up(rows)


def load_worker(window_s: float | None) -> WhisperWorker:
    """The daemon's worker with the shipped settings, its shortest window replaced if given."""
    options = dict(tomllib.loads(CONFIG.read_text(encoding="utf-8"))["engines"]["faster-whisper"])
    options["model"] = str(CONFIG.parent / options["model"])
    if window_s is not None:
        options["min_window_s"] = window_s
    worker = WhisperWorker()
    worker.load(options)
    return worker


def listen(worker: WhisperWorker, mulaw: bytes, prompt: Prompt) -> Heard:
    """Have one prompt transcribed and count the word errors."""
    began = time.perf_counter()
    answer = worker.run("transcribe", {"language": "en"}, mulaw, lambda *_: None, lambda: False)
    seconds = time.perf_counter() - began
    return Heard(answer["text"], count_errors(prompt.words, answer["text"]), seconds)


def count_errors(said: str, heard: str) -> int:
    """Words substituted, deleted and inserted, after both were normalised."""
    said, heard = normalize_words(said), normalize_words(heard)
    if not heard:
        return len(said.split())
    output = jiwer.process_words(said, heard)
    return output.substitutions + output.deletions + output.insertions


def sum_up(rows: Sequence[tuple[Prompt, int, Heard, Heard]]) -> Result:
    """Pool the counts and compare the windows, prompt by prompt."""
    sizes = [words for _, words, _, _ in rows]
    short = [heard.errors for _, _, heard, _ in rows]
    full = [heard.errors for _, _, _, heard in rows]
    return Result(
        prompts=len(rows),
        words=sum(sizes),
        short_rate=sum(short) / sum(sizes),
        full_rate=sum(full) / sum(sizes),
        difference=bootstrap_rate_difference(short, full, sizes),
        short_median_s=median([row[2].seconds for row in rows]) or 0.0,
        full_median_s=median([row[3].seconds for row in rows]) or 0.0,
    )


def show_errors(rows: Sequence[tuple[Prompt, int, Heard, Heard]]) -> None:
    """Print each prompt on which the windows differ in errors."""
    for prompt, _, short, full in rows:
        if short.errors != full.errors:
            print(f"{prompt.name}: {prompt.words}")
            print(f"  short window, {short.errors} errors: {short.text}")
            print(f"  30 s window,  {full.errors} errors: {full.text}")


def show(result: Result) -> None:
    """Print the result for people."""
    low, high = result.difference.low * 100, result.difference.high * 100
    print(f"{result.prompts} prompts, {result.words} words, mu-law 8 kHz, normalised text")
    print("window    word error rate   time, median")
    print(f"short   {result.short_rate:16.2%} {result.short_median_s * 1000:11.0f} ms")
    print(f"30 s    {result.full_rate:16.2%} {result.full_median_s * 1000:11.0f} ms")
    print(
        f"difference {result.difference.estimate * 100:+.2f} points, "
        f"95 % interval {low:+.2f} to {high:+.2f} (paired bootstrap over prompts); "
        f"the upper end must stay below {LIMIT_POINTS}: {'yes' if result.is_good else 'NO'}"
    )


def _count(words: str) -> int:
    return len(normalize_words(words).split())
