"""Which recordings the caller plays: files with labels, or Debian's prompts. Reads files."""

from collections.abc import Sequence
from pathlib import Path

from voxd.caller.plan import PlanError, Turn, build_turn
from voxd.caller.wav import read_wav

PROMPT_DIRECTORIES = (
    Path("/usr/share/asterisk/sounds/en_US_f_Allison"),
    Path("/usr/share/asterisk/sounds/en"),
)
"""Where Debian's asterisk-core-sounds-en-wav puts its recordings."""
QUESTIONS = ("vm-savefolder", "vm-nonumber", "vm-enter-num-to-call")
""""Which folder should I save the message to?", "I'm afraid I don't know who sent this message",
"Please enter the number you wish to call"."""
NOTHING_TO_SAY = (
    "nothing to say: give one or more WAV files (any rate, width and channels), or install "
    "recorded questions with: apt-get install asterisk-core-sounds-en-wav"
)


def find_questions(directories: Sequence[Path] = PROMPT_DIRECTORIES) -> list[Path]:
    """Return the recorded questions to ask when no file was given.

    Raises:
        PlanError: they are not installed.
    """
    for directory in directories:
        found = [directory / f"{name}.wav" for name in QUESTIONS]
        if all(path.is_file() for path in found):
            return found
    raise PlanError(NOTHING_TO_SAY)


def read_labels(path: Path) -> dict[str, float]:
    """Return when speech ends in each recording, seconds, by the file's stem.

    The file has a line for each: name, tab, seconds. Empty lines and lines that begin with
    `#` are skipped, and so are further columns.

    Raises:
        PlanError: it cannot be read.
    """
    labels = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"cannot read labels from {path}: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition("\t")
        try:
            labels[name.removesuffix(".wav")] = float(rest.split("\t")[0])
        except ValueError:
            raise PlanError(f"{path}:{number}: expected name, tab, seconds") from None
    return labels


def read_turns(paths: Sequence[Path], labels: dict[str, float]) -> tuple[Turn, ...]:
    """Return one turn a file, in order.

    Raises:
        WavError: a file cannot be played.
        PlanError: a file without speech, or a label outside it.
    """
    return tuple(build_turn(path.stem, read_wav(path), labels.get(path.stem)) for path in paths)
