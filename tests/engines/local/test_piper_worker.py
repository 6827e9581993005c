"""Piper on the shipped voice: sentence by sentence, equally loud, without dead air."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engines.local.conftest import MODELS
from voxd.audio.g711 import decode_mulaw
from voxd.audio.level import loud_dbfs
from voxd.engines.local.piper_worker import (
    CLAUSE_TAIL_S,
    EMPTIED_AFTER_RUNS,
    LONG_PHONEMES,
    MAX_PIECE,
    SENTENCE_TAIL_S,
    EmptyingSession,
    PiperWorker,
    choose_tail_s,
    clean_text,
    cut_long,
)
from voxd.engines.local.serving import RequestError
from voxd.errors import ModelError


def speak(piper: PiperWorker, text: str, length_scale: float = 1.0) -> tuple[list[bytes], float]:
    pieces: list[bytes] = []
    params = {"text": text, "length_scale": length_scale, "level_dbfs": -20.0}
    answer = piper.run("speak", params, b"", lambda _, mulaw: pieces.append(mulaw), lambda: False)
    return pieces, answer["duration_s"]


@pytest.mark.weights
def test_each_sentence_is_a_piece(piper: PiperWorker) -> None:
    pieces, duration_s = speak(piper, "Good morning. How are you? We open at nine.")
    assert len(pieces) == 3
    assert duration_s == pytest.approx(sum(map(len, pieces)) / 8000)
    assert 1.5 < duration_s < 6


@pytest.mark.weights
def test_sentences_are_equally_loud(piper: PiperWorker) -> None:
    texts = ["Sure,", "No.", "We are open from nine to five.", "Why? I could not tell you that."]
    for text in texts:
        for piece in speak(piper, text)[0]:
            assert loud_dbfs(decode_mulaw(piece)) == pytest.approx(-20.0, abs=1.0)


@pytest.mark.weights
def test_sound_begins_at_once_and_ends_with_a_short_pause(piper: PiperWorker) -> None:
    [piece] = speak(piper, "We are open from nine to five.")[0]
    loud = np.flatnonzero(np.abs(decode_mulaw(piece).astype(int)) > 300)
    assert loud[0] / 8000 < 0.1
    assert 0.05 < (len(piece) - loud[-1]) / 8000 < 0.5


@pytest.mark.weights
def test_a_larger_length_scale_speaks_slower(piper: PiperWorker) -> None:
    text = "We are open from nine to five on every day of the week."
    assert speak(piper, text, 1.4)[1] > 1.15 * speak(piper, text, 1.0)[1]


@pytest.mark.weights
@pytest.mark.parametrize("text", ["", "   ", "…", "[[", "?!", "\x00", "🙂", "。"])
def test_what_cannot_be_spoken_is_no_error(piper: PiperWorker, text: str) -> None:
    pieces, duration_s = speak(piper, text)
    assert duration_s == pytest.approx(sum(map(len, pieces)) / 8000)
    assert duration_s < 3


@pytest.mark.weights
def test_a_cancel_stops_after_the_sentence(piper: PiperWorker) -> None:
    pieces: list[bytes] = []
    params = {"text": "One. Two. Three.", "length_scale": 1.0, "level_dbfs": -20.0}
    piper.run("speak", params, b"", lambda _, mulaw: pieces.append(mulaw), lambda: len(pieces) == 1)
    assert len(pieces) == 1


@pytest.mark.weights
def test_a_whole_book_is_refused(piper: PiperWorker) -> None:
    with pytest.raises(RequestError):
        speak(piper, "word " * 1000)


def test_a_missing_voice_is_named_in_the_error() -> None:
    with pytest.raises(ModelError, match=r"nothing\.onnx"):
        PiperWorker().load({"voice": "/nothing.onnx"})


def test_another_voice_of_an_agent_is_looked_for_as_well(tmp_path: Path) -> None:
    for name in ("joe.onnx", "joe.onnx.json"):
        (tmp_path / name).touch()
    joe = str(tmp_path / "joe.onnx")
    with pytest.raises(ModelError, match=r"owl\.onnx"):
        PiperWorker().load({"voice": joe, "voices": {"owl": "/owl.onnx"}})


def test_raw_phonemes_are_not_accepted_from_the_model() -> None:
    assert clean_text(" [[ h@l'oU ]] you ") == "h@l'oU   you"


def test_a_pause_is_longer_after_a_sentence_than_after_a_clause() -> None:
    assert choose_tail_s('He said "no."') == SENTENCE_TAIL_S
    assert choose_tail_s("Sure,") == CLAUSE_TAIL_S


@given(st.text(alphabet="ab,.;! ", max_size=900))
def test_a_long_text_goes_in_pieces_that_lose_nothing(text: str) -> None:
    pieces = cut_long(text.strip())
    assert max(map(len, pieces)) <= MAX_PIECE
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_long_text_is_cut_where_one_would_breathe() -> None:
    first = "four five six " * 12 + "and that is all,"
    assert cut_long(f"{first} {'seven eight ' * 9}".strip())[0] == first
    sentence = f"{'four five six ' * 6}seven."
    assert cut_long(f"{sentence} {sentence} Eight, {sentence}")[0] == f"{sentence} {sentence}"
    assert all(piece.endswith("word") for piece in cut_long(("word " * 300).strip()))
    assert cut_long("A short one, as most are.") == ["A short one, as most are."]


@pytest.mark.weights
def test_a_sentence_without_a_stop_comes_in_pieces(piper: PiperWorker) -> None:
    pieces, _ = speak(piper, "four five six seven eight nine " * 12)
    assert len(pieces) == 2


MEMORY = """
import re
import sys
from pathlib import Path

from voxd.engines.local import piper_worker

if sys.argv[2] == "keep":
    piper_worker.LONG_PHONEMES = 10_000
worker = piper_worker.PiperWorker()
worker.load({"voice": sys.argv[1], "device": "cpu", "threads": 1})
words = "Thank you for calling us today and for all of your patience, we wish you a good evening, "
params = {"text": words + "please do call again", "length_scale": 1.0, "level_dbfs": -20.0}
worker.run("speak", params, b"", lambda *_: None, lambda: False)
print(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def kept_kib(how: str) -> int:
    """What a process keeps that has said a long sentence."""
    voice = MODELS / "piper/en_US-joe-medium.onnx"
    command = [sys.executable, "-c", MEMORY, str(voice), how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.weights
def test_a_long_sentence_leaves_no_memory_behind() -> None:
    assert kept_kib("give back") + 50 * 1024 < kept_kib("keep")


class Session:
    """Notes which runs were asked to give their memory back."""

    def __init__(self) -> None:
        self.emptied: list[bool] = []

    def run(self, _names: None, _inputs: object, options: object | None) -> None:
        self.emptied.append(options is not None)


def test_memory_is_given_back_after_a_long_sentence_and_after_many_short_ones() -> None:
    session = Session()
    emptying = EmptyingSession(session, onnxruntime)
    long, short = LONG_PHONEMES + 1, LONG_PHONEMES
    for phonemes in [short, long, *[short] * EMPTIED_AFTER_RUNS, short]:
        emptying.run(None, {"input": np.zeros((1, phonemes), np.int64)})
    assert session.emptied == [False, True, *[False] * (EMPTIED_AFTER_RUNS - 1), True, False]
