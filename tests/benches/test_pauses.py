"""A pause is heard with the daemon's own parts, and both halves of the prompts are apart."""

from collections import Counter

import numpy as np

from benches.gaps import Gap, load_gaps
from benches.pauses import (
    GAPS_A_PROMPT,
    LONGEST_GAP_S,
    SHOWN_MS,
    choose_gaps,
    is_tuned,
    is_whole,
    listen,
)
from benches.prompts import Prompt, load_labels
from benches.splice import line_noise
from tests.audio.samples import read_speech
from voxd.audio.g711 import encode_mulaw


def prompt(words: str, name: str = "some") -> Prompt:
    return Prompt(name, 1.0, 1.2, words)


def test_no_prompt_has_more_than_its_share_of_gaps() -> None:
    gaps = [Gap("long", index, index + 0.1, 1, "inside") for index in range(17)]
    gaps += [
        Gap("short", 1.0, 1.1, 1, "inside"),
        Gap("short", 2.0, 2.1 + LONGEST_GAP_S, 2, "inside"),
    ]
    chosen = choose_gaps(gaps)
    assert Counter(gap.name for gap in chosen) == {"long": GAPS_A_PROMPT, "short": 1}
    assert [gap.start_s for gap in chosen[:GAPS_A_PROMPT]] == [0, 3, 6, 10, 13]


def test_every_chosen_gap_can_become_the_shortest_pause() -> None:
    chosen = choose_gaps(load_gaps())
    assert len(chosen) >= 300
    assert all(gap.end_s - gap.start_s <= min(SHOWN_MS) / 1000 for gap in chosen)


def test_beginnings_of_sentences_are_no_ends_of_turns() -> None:
    assert is_whole(prompt("Please try again."))
    assert not is_whole(prompt("There are currently..."))
    assert not is_whole(prompt("who introduces themselves as:"))
    assert not is_whole(prompt("Press 1 for", "vm-onefor"))


def test_variants_of_a_sentence_are_in_one_half() -> None:
    one = prompt("Press 1 to accept this recording.")
    other = prompt("press one to accept another call, or 2 to reject it")
    assert is_tuned(one) == is_tuned(other)


def test_both_halves_are_about_as_large() -> None:
    tuned = [is_tuned(prompt) for prompt in load_labels().values()]
    assert 0.4 < sum(tuned) / len(tuned) < 0.6


def test_a_pause_is_found_with_what_follows_it() -> None:
    speech = read_speech("yes")
    parts = (line_noise(0.4, 1), speech, line_noise(0.5, 2), speech, line_noise(0.5, 3))
    heard = listen(encode_mulaw(np.concatenate(parts)), 0.4 + len(speech) / 8000)
    assert heard is not None and heard.resumed_at is not None
    assert 0.1 <= heard.detected_at - heard.speech_end < 0.14
    assert 0.04 <= heard.begun_at - heard.speech_end < 0.08
    begins_at = heard.voiced_at[0]
    assert 0.45 < begins_at - heard.speech_end < 0.75
    assert 0.04 < heard.resumed_at - begins_at < 0.15
    assert all(begins_at <= at <= heard.resumed_at for at in heard.voiced_at)
    assert 0.3 < len(heard.utterance) / 8000 < 0.3 + len(speech) / 8000 + 0.25


def test_an_end_is_not_resumed() -> None:
    speech = read_speech("yes")
    mulaw = encode_mulaw(np.concatenate((line_noise(0.4, 1), speech, line_noise(1.0, 2))))
    heard = listen(mulaw, 0.4 + len(speech) / 8000)
    assert heard is not None
    assert heard.resumed_at is None
    assert heard.voiced_at == ()


def test_noise_alone_is_no_pause() -> None:
    assert listen(encode_mulaw(line_noise(1.0, 1)), 0.5) is None
