"""What was said and how it sounded decide how long the pause must be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.endpoint import (
    EITHER_WAY,
    SURELY_NOT,
    SURELY_OVER,
    Shape,
    Waits,
    judge_shape,
    required_wait,
)
from voxd.events import TurnSignal

WAITS = Waits(0.4, 0.8, 1.4)
OF_SHAPE = {
    Shape.COMPLETE: "What time do you open?",
    Shape.UNKNOWN: "booking a table",
    Shape.INCOMPLETE: "I would like to",
}

SENTENCE, NO_SENTENCE = 0.98, 0.6
probabilities = st.floats(0, 1)
maybe_probabilities = st.none() | probabilities
texts = st.sampled_from(list(OF_SHAPE.values())) | st.text(max_size=40)
signals = st.none() | st.sampled_from(TurnSignal)
waits = st.lists(st.floats(0.1, 5), min_size=3, max_size=3).map(lambda three: Waits(*sorted(three)))


def test_each_shape_has_its_wait() -> None:
    assert [WAITS.of(shape) for shape in Shape] == [0.4, 0.8, 1.4]


@pytest.mark.parametrize("shape", Shape)
def test_words_alone_ask_for_the_wait_of_their_shape(shape: Shape) -> None:
    assert judge_shape(OF_SHAPE[shape]) is shape
    assert required_wait(OF_SHAPE[shape], WAITS) == pytest.approx(WAITS.of(shape))


def test_a_finished_sentence_in_a_finished_voice_is_over_soonest() -> None:
    assert required_wait(OF_SHAPE[Shape.COMPLETE], WAITS, probability=0.97) == WAITS.complete_s


def test_a_voice_that_goes_on_delays_the_end_of_a_finished_sentence() -> None:
    wait = required_wait(OF_SHAPE[Shape.COMPLETE], WAITS, probability=0.01)
    assert wait == pytest.approx(WAITS.incomplete_s)


@pytest.mark.parametrize("probability", [0.3, 0.5, 0.7, 0.85])
def test_a_voice_that_is_not_surely_finished_leaves_time_to_go_on(probability: float) -> None:
    wait = required_wait(OF_SHAPE[Shape.COMPLETE], WAITS, probability=probability)
    assert wait == pytest.approx(WAITS.unknown_s)


def test_between_surely_over_and_either_way_the_wait_falls() -> None:
    sure, almost, doubtful = (
        required_wait(OF_SHAPE[Shape.COMPLETE], WAITS, probability=probability)
        for probability in (0.94, 0.91, 0.88)
    )
    assert WAITS.complete_s == sure < almost < doubtful <= WAITS.unknown_s


def test_a_providers_early_end_decides_what_is_nearly_decided() -> None:
    alone, told = (
        required_wait(OF_SHAPE[Shape.COMPLETE], WAITS, probability=0.85, signal=signal)
        for signal in (None, TurnSignal.EAGER_END)
    )
    assert told < alone == pytest.approx(WAITS.unknown_s)


def test_words_that_are_no_sentence_outweigh_a_finished_voice() -> None:
    whole, cut = (
        required_wait("The estimated hold time.", WAITS, closing=closing, probability=0.96)
        for closing in (SENTENCE, NO_SENTENCE)
    )
    assert whole == WAITS.complete_s
    assert cut == pytest.approx(WAITS.unknown_s)


def test_a_closed_sentence_decides_what_the_voice_leaves_open() -> None:
    alone, told = (
        required_wait(OF_SHAPE[Shape.COMPLETE], WAITS, closing=closing, probability=0.85)
        for closing in (None, SENTENCE)
    )
    assert told < alone == pytest.approx(WAITS.unknown_s)


def test_an_open_word_outweighs_a_finished_voice() -> None:
    assert required_wait(OF_SHAPE[Shape.INCOMPLETE], WAITS, probability=0.97) > WAITS.unknown_s


def test_the_points_of_the_scale_are_in_order() -> None:
    least, most = EITHER_WAY
    assert SURELY_NOT < least < most < SURELY_OVER


@given(texts, waits, maybe_probabilities, maybe_probabilities, signals)
def test_the_wait_lies_between_the_tiers_waits(
    text: str,
    waits: Waits,
    closing: float | None,
    probability: float | None,
    signal: TurnSignal | None,
) -> None:
    wait = required_wait(text, waits, closing=closing, probability=probability, signal=signal)
    assert waits.complete_s - 1e-9 <= wait <= waits.incomplete_s + 1e-9


@given(texts, waits, probabilities, probabilities, signals)
def test_a_voice_that_sounds_more_finished_never_waits_longer(
    text: str, waits: Waits, one: float, other: float, signal: TurnSignal | None
) -> None:
    low, high = sorted((one, other))
    later = required_wait(text, waits, probability=low, signal=signal)
    sooner = required_wait(text, waits, probability=high, signal=signal)
    assert sooner <= later + 1e-9


@given(texts, waits, probabilities, probabilities, maybe_probabilities)
def test_a_sentence_that_is_surer_to_end_never_waits_longer(
    text: str, waits: Waits, one: float, other: float, probability: float | None
) -> None:
    low, high = sorted((one, other))
    later = required_wait(text, waits, closing=low, probability=probability)
    sooner = required_wait(text, waits, closing=high, probability=probability)
    assert sooner <= later + 1e-9


@given(waits, maybe_probabilities, signals)
def test_words_that_look_less_finished_never_wait_shorter(
    waits: Waits, probability: float | None, signal: TurnSignal | None
) -> None:
    complete, unknown, incomplete = (
        required_wait(text, waits, probability=probability, signal=signal)
        for text in OF_SHAPE.values()
    )
    assert complete <= unknown + 1e-9
    assert unknown <= incomplete + 1e-9


@given(texts, waits, maybe_probabilities)
def test_a_provider_that_says_more_for_an_end_never_waits_longer(
    text: str, waits: Waits, probability: float | None
) -> None:
    order = (TurnSignal.RESUMED, None, TurnSignal.EAGER_END, TurnSignal.END)
    found = [required_wait(text, waits, probability=probability, signal=signal) for signal in order]
    assert all(after <= before + 1e-9 for before, after in zip(found, found[1:], strict=False))
