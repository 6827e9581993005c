"""Makes labels.tsv from the installed recordings: `python -m benches.label`.

Usable is a recording that says words only (no stage directions in brackets, no spelled-out
initials), at least three of them, in 0.8 to 26 s (26 s is the longest utterance that the
daemon transcribes in one piece), and whose printed words are the words that it says.

`speech_end_s` is measured, not typed: power in 10 ms blocks, smoothed over three blocks; the end
of the last block that is less than 38 dB below the loudest one. The recordings are studio takes
whose silence lies 55 to 85 dB below their speech, so that the threshold sits far from both: it
includes a released final consonant and a fading vowel, and leaves out breath and room. Moving it
between 30 and 40 dB moves the label by 30 ms in the median. Looked at on plots of the wave form
for the sixteen recordings that moved most or that the benches use most.
"""

import gzip
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benches.prompts import LABELS, RATE_HZ, SOUNDS, TRANSCRIPTS, install, read_pcm

SHORTEST_S = 0.8
LONGEST_S = 26.0
FEWEST_WORDS = 3
BELOW_PEAK_DB = 38.0
"""A block this far below the loudest is no longer speech."""
BLOCK_SAMPLES = 80
SMOOTHING_BLOCKS = 3

SAYS_SOMETHING_ELSE = {
    "pbx-invalid": "says: I'm sorry, but that's not a valid extension",
    "pbx-invalidpark": "says: I'm sorry, but there is no call parked",
}
"""Found by transcribing every recording with Whisper tiny.en in its own 30 s window and judging
each difference by hand: left out only where words are spoken that are not printed. What the
model merely misheard stays in, or the word error rate would judge itself."""

MISPRINTS = {
    "represenatives": "representatives",
    "Un-indentified or witheld": "Unidentified or withheld",
    "mute or umute": "mute or unmute",
}
"""Spelling mistakes of the transcript file."""

HEADER = """\
# Human telephone prompts for voxd's benches. Made by `python -m benches.label`, which holds the
# method; do not edit by hand. Times are seconds from the start of the recording.
# The recordings and the words are those of asterisk-core-sounds-en 1.6.1 as Debian packages it:
# (c) 2003-2010 Allison Smith and Digium, Inc., CC-BY-SA-3.0. This file is under the same licence;
# changed: spelling mistakes corrected, a selection of the prompts, times measured.
"""


def find_speech_end(pcm: NDArray[np.int16]) -> float:
    """When the last speech sound of a clean recording ends, seconds from its start.

    Args:
        pcm: int16, mono, 8 kHz, speech in silence.
    """
    blocks = len(pcm) // BLOCK_SAMPLES
    samples = pcm[: blocks * BLOCK_SAMPLES].astype(np.float64).reshape(blocks, BLOCK_SAMPLES)
    power = np.mean(samples**2, axis=1)
    power = np.convolve(power, np.full(SMOOTHING_BLOCKS, 1 / SMOOTHING_BLOCKS), mode="same")
    loud = np.flatnonzero(power > power.max() * 10 ** (-BELOW_PEAK_DB / 10))
    return float((loud[-1] + 1) * BLOCK_SAMPLES / RATE_HZ)


def read_transcripts() -> Iterator[tuple[str, str]]:
    """Name and words of every recording, as the package prints them, spelling corrected."""
    with gzip.open(TRANSCRIPTS, "rt", encoding="utf-8") as file:
        for line in file:
            name, separator, words = line.strip().partition(": ")
            if separator and not line.startswith(";"):
                for wrong, right in MISPRINTS.items():
                    words = words.replace(wrong, right)
                yield name, " ".join(words.split())


def is_usable(name: str, words: str, duration_s: float) -> bool:
    """Whether a recording is an utterance that can be compared with its words."""
    spoken = re.findall(r"[A-Za-z0-9']+", words)
    return (
        name not in SAYS_SOMETHING_ELSE
        and not re.search(r"[\[\](){}<>]", words)
        and len(spoken) >= FEWEST_WORDS
        and any(len(word) > 1 for word in spoken)
        and SHORTEST_S <= duration_s <= LONGEST_S
    )


def make_labels() -> str:
    """The whole text of labels.tsv."""
    lines = ["name\tspeech_end_s\tduration_s\twords"]
    for name, words in sorted(read_transcripts()):
        if not (SOUNDS / f"{name}.wav").is_file():
            continue
        pcm = read_pcm(name)
        duration_s = len(pcm) / RATE_HZ
        if is_usable(name, words, duration_s):
            lines.append(f"{name}\t{find_speech_end(pcm):.2f}\t{duration_s:.2f}\t{words}")
    return HEADER + "\n".join(lines) + "\n"


if __name__ == "__main__":
    install()
    LABELS.write_text(make_labels(), encoding="utf-8")
    print(f"{LABELS}: {sum(1 for _ in LABELS.open(encoding='utf-8')) - 6} prompts")
