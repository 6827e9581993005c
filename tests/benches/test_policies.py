"""Policies wait as they say, and are priced by whom they cut off."""

from dataclasses import replace

import pytest

from benches.pauses import END, Known, Moment
from benches.policies import (
    decide_s,
    joined,
    pipecat_rule,
    price,
    ready_s,
    release_s,
    shape_only,
    silence_only,
    smart_turn_only,
)
from voxd.dialog.endpoint import Waits

WAITS = Waits(0.4, 0.8, 1.2)


def known(text: str = "What time do you open?", probability: float = 0.97) -> Known:
    return Known(
        begun_s=0.04,
        detected_s=0.1,
        text=text,
        closing=None,
        transcript_s=0.15,
        probability=probability,
        judgement_s=0.05,
        pipecat_probability=probability,
        phase_s=0.01,
    )


def moment(place: str, known: Known) -> Moment:
    if place == "end":
        return Moment("some", place, True, known, {}, {END: []})
    at = {300: 0.36, 500: 0.56, 800: 0.86}
    return Moment("some", place, True, known, at, {ms: beginning(s) for ms, s in at.items()})


def beginning(resumed_s: float) -> list[float]:
    """Voiced frames of a caller who goes on, until that is certain."""
    return [resumed_s - 0.01 - 0.02 * frame for frame in range(4, -1, -1)]


OPEN = "I would like to"


def test_each_policy_looks_at_its_own_evidence() -> None:
    doubtful = known(OPEN, 0.01)
    assert silence_only(WAITS)(doubtful) == 0.4
    assert shape_only(WAITS)(doubtful) == 1.2
    assert smart_turn_only(WAITS)(known(OPEN)) == 0.4
    assert smart_turn_only(WAITS)(known(probability=0.01)) == pytest.approx(1.2)
    assert joined(WAITS)(known()) == 0.4
    assert joined(WAITS)(known(OPEN)) > 0.8
    assert pipecat_rule(known()) == 0.0
    assert pipecat_rule(doubtful) == 3.0


def test_a_turn_ends_with_a_message_and_not_before_the_words() -> None:
    assert ready_s(known()) == pytest.approx(0.19)
    assert ready_s(replace(known(), judgement_s=0.15)) == pytest.approx(0.25)
    assert decide_s(known(), 0.4, 0.25) == pytest.approx(0.41)
    assert decide_s(known(), 0.41, 0.25) == pytest.approx(0.41)
    assert decide_s(known(), 0.0, 0.25) == pytest.approx(0.25)


def test_a_policy_is_priced_by_delay_and_by_whom_it_cuts_off() -> None:
    moments = [
        moment("end", known()),
        moment("end", known("booking a table")),
        moment("inside", known()),
        moment("clause", known(OPEN)),
    ]
    cost = price(shape_only(WAITS), moments)
    assert cost.mean_s == pytest.approx((0.41 + 0.81) / 2)
    assert cost.cut_off == {300: 0.0, 500: 0.5, 800: 0.5}
    assert cost.cut_off_inside == {300: 0.0, 500: 1.0, 800: 1.0}
    assert cost.mean_cut_off() == pytest.approx(1 / 3)


def test_who_is_beginning_to_speak_is_not_cut_off() -> None:
    going_on = moment("inside", known())
    moments = [moment("end", known()), going_on]
    policy = silence_only(Waits(0.34, 0.34, 0.34))
    assert price(policy, moments).cut_off == {300: 0.0, 500: 1.0, 800: 1.0}
    assert decide_s(known(), 0.34, 0.25) < going_on.resumed_s[300]


def test_a_click_holds_the_end_back_for_a_moment() -> None:
    assert release_s(0.41, [0.2]) == pytest.approx(0.41)
    assert release_s(0.41, [0.40]) == pytest.approx(0.45)
    crackle = [at / 100 for at in range(20, 90)]
    assert release_s(0.41, crackle) == pytest.approx(0.53)
