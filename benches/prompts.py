"""The recorded human prompts, their labels, and which of them a bench uses. Reads files.

The recordings are Debian's `asterisk-core-sounds-en-wav` (one speaker, 16-bit PCM, 8 kHz), used
where the package puts them and never copied into this project. `labels.tsv` says what is said
in each and when the speech ends; `label.py` makes it.
"""

import csv
import os
import shutil
import subprocess
import wave
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SOUNDS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
"""Where Debian puts the recordings."""
TRANSCRIPTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
"""Where Debian puts their words."""
PACKAGES = ("asterisk-core-sounds-en", "asterisk-core-sounds-en-wav")
TOOLS = ("sox", "espeak-ng")
"""Packages of Debian and the programs in them."""
LABELS = Path(__file__).with_name("labels.tsv")
RATE_HZ = 8000
"""Samples a second of every recording."""

CALL_PROMPTS = ("vm-savefolder", "sorry-youre-having-problems", "conf-getconfno")
"""A short call for the README: different things said, so different replies are due."""

TURN_PROMPTS = (
    "vm-savefolder",
    "vm-nonumber",
    "feature-not-avail-line",
    "vm-tocallback",
    "number-not-answering",
    "conf-getconfno",
    "sorry-youre-having-problems",
    "vm-dialout",
    "please-try-call-later",
    "enter-num-blacklist",
    "transfer",
    "vm-nobodyavail",
    "tt-weasels",
    "vm-toreply",
    "pls-hold-while-try",
    "something-terribly-wrong",
    "confbridge-pin-bad",
    "vm-reachoper",
    "speed-dial-empty",
    "tt-monkeysintro",
    "dir-nomatch",
    "vm-sorry",
    "vm-mailboxfull",
    "entr-num-rmv-blklist",
)
"""What the caller of `v2v` and `calls` says: one whole question, request or complaint each, with
no pause inside that a listener could take for the end."""


PAUSE_PROMPTS = {
    "at-tone-time-exactly": 1.48,
    "privacy-unident": 1.89,
    "vm-nobox": 2.38,
    "confbridge-begin-leader": 1.51,
    "vm-tmpexists": 2.03,
    "vm-mailboxfull": 2.73,
    "vm-nonumber": 1.67,
    "queue-holdtime": 1.63,
    "followme/options": 1.95,
    "vm-tocallback": 2.17,
    "confbridge-lock-no-join": 1.82,
    "vm-whichbox": 1.19,
    "conf-getchannel": 1.53,
    "tt-weasels": 0.94,
    "vm-rec-name": 2.15,
    "agent-pass": 1.62,
    "vm-forward-multiple": 1.69,
    "priv-callpending": 1.55,
    "speed-dial-empty": 1.77,
    "agent-newlocation": 1.93,
    "confbridge-pin": 2.72,
    "queue-thereare": 1.14,
    "check-number-dial-again": 0.65,
    "vm-reenterpassword": 2.03,
}
"""Prompts with a gap between two words inside one sentence, and where: seconds into the recording.
A caller may stop to think there. `splice.find_gaps` found the gaps; that each lies between two
words and not inside one was checked against Whisper's word times and the printed words."""


class PromptsMissing(Exception):
    """The recordings are not installed and could not be installed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One recording."""

    name: str
    """Path below `SOUNDS` without `.wav`."""
    speech_end_s: float
    """End of the last speech sound, seconds from the start of the recording."""
    duration_s: float
    """Length of the recording, seconds."""
    words: str
    """What is said."""

    def read_pcm(self) -> NDArray[np.int16]:
        """The recording: int16, mono, 8 kHz."""
        return read_pcm(self.name)


def load_labels(path: Path = LABELS) -> dict[str, Prompt]:
    """Every usable prompt by its name, in the order of the file."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {
        row["name"]: Prompt(
            name=row["name"],
            speech_end_s=float(row["speech_end_s"]),
            duration_s=float(row["duration_s"]),
            words=row["words"],
        )
        for row in rows
    }


def read_pcm(name: str) -> NDArray[np.int16]:
    """Read one recording: int16, mono, 8 kHz.

    Raises:
        ValueError: it has another format.
    """
    with wave.open(str(SOUNDS / f"{name}.wav"), "rb") as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE_HZ, 1, 2):
            raise ValueError(f"{name}.wav is not 16-bit mono at {RATE_HZ} Hz")
        return np.frombuffer(file.readframes(file.getnframes()), np.dtype("<i2")).astype(np.int16)


def write_wav(path: Path, pcm: NDArray[np.int16]) -> None:
    """Write int16 mono at 8 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setframerate(RATE_HZ)
        file.setnchannels(1)
        file.setsampwidth(2)
        file.writeframes(pcm.astype("<i2").tobytes())


def are_installed() -> bool:
    """Whether the recordings and their transcripts are on this machine."""
    return TRANSCRIPTS.is_file() and (SOUNDS / f"{CALL_PROMPTS[0]}.wav").is_file()


def install() -> None:
    """Make sure that the recordings are there; installs them where that is possible.

    Raises:
        PromptsMissing: it is not.
    """
    if are_installed():
        return
    _install("recorded prompts", PACKAGES, are_installed)


def install_tools() -> None:
    """Make sure that sox and espeak-ng are there, which make other sounds.

    Raises:
        PromptsMissing: they are not, and could not be installed.
    """
    if not _have_tools():
        _install("sounds' tools", TOOLS, _have_tools)


def _have_tools() -> bool:
    return all(shutil.which(tool) for tool in TOOLS)


def _install(what: str, packages: Sequence[str], are_there: Callable[[], bool]) -> None:
    command = f"apt-get install --no-install-recommends {' '.join(packages)}"
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise PromptsMissing(f"The {what} are missing. On Debian or Ubuntu, as root: {command}")
    print(f"Installing the {what} ({', '.join(packages)}) …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install_them = [apt, "install", "-y", "-q", "--no-install-recommends", *packages]
    if not _run_all([install_them], environment):
        # A fresh machine has no package lists yet.
        _run_all([[apt, "update", "-q"], install_them], environment)
    if not are_there():
        raise PromptsMissing(f"The {what} could not be installed with: {command}")


def _run_all(commands: Iterable[list[str]], environment: dict[str, str]) -> bool:
    return all(subprocess.run(command, env=environment).returncode == 0 for command in commands)
