"""How the calls of both sides become figures and a verdict."""

import pytest

from benches.peer.setup import Waterfall
from benches.peer.verdict import DEFAULT, VOXD, list_turns, sum_up_system
from tests.benches.peer.calls import call, result, turn
from voxd.caller.report import Hole

PEER = call(DEFAULT, turn(1500), turn(1600))


def test_the_promise_is_kept_when_voxd_is_sooner_by_the_ratio() -> None:
    found = result(call(VOXD, turn(500), turn(540)), PEER)
    assert found.ratio == pytest.approx(1550 / 520)
    assert found.is_good
    assert found.to_json()["is_good"] is True


def test_it_is_broken_when_voxd_is_not_enough_sooner() -> None:
    assert not result(call(VOXD, turn(800), turn(820)), PEER).is_good


def test_it_is_broken_when_voxd_buys_its_time_with_premature_replies() -> None:
    rude = call(VOXD, turn(500, is_premature=True), pause_ms=500.0)
    patient = call(DEFAULT, turn(1500), pause_ms=500.0)
    assert not result(call(VOXD, turn(500)), rude, PEER, patient).is_good
    rude_too = call(DEFAULT, turn(1500, is_premature=True), pause_ms=500.0)
    assert result(call(VOXD, turn(500)), rude, PEER, rude_too).is_good
    assert not result(call(VOXD, turn(500, is_premature=True)), PEER).is_good


def test_it_is_broken_by_a_lost_turn_or_a_hole() -> None:
    assert not result(call(VOXD, turn(500), turn(None)), PEER).is_good
    torn = call(VOXD, turn(500))
    torn.report.holes.append(Hole(3.0, 80.0))
    assert not result(torn, PEER).is_good


def test_without_the_shipped_settings_there_is_no_ratio() -> None:
    assert result(call(VOXD, turn(500)), call("pipecat tuned", turn(900))).ratio is None


def test_an_unanswered_peer_has_no_ratio_and_proves_nothing() -> None:
    found = result(call(VOXD, turn(500)), call(DEFAULT, turn(None)))
    assert found.ratio is None
    assert not found.is_good


def test_turns_with_a_pause_count_for_prematurity_only() -> None:
    system = sum_up_system(
        VOXD,
        [
            call(VOXD, turn(500), turn(700)),
            call(VOXD, turn(9000, is_premature=True), turn(600), pause_ms=800.0),
            call(VOXD, turn(600), pause_ms=300.0),
        ],
    )
    assert (system.p50_ms, system.worst_ms, system.heard.due) == (600, 700, 2)
    assert [(pause.pause_ms, pause.premature, pause.turns) for pause in system.pauses] == [
        (300.0, 0, 1),
        (800.0, 1, 2),
    ]
    assert (system.premature, system.paused) == (1, 3)


def test_parts_are_medians_over_the_replies_of_measured_calls() -> None:
    system = sum_up_system(
        DEFAULT,
        [call(DEFAULT, turn(1500), sid="CA1"), call(DEFAULT, turn(1), pause_ms=300.0, sid="CA2")],
        [
            Waterfall("CA1", {"transcription": 400.0, "llm_inference": 100.0}),
            Waterfall("CA1", {"transcription": 600.0}),
            Waterfall("CA2", {"transcription": 9000.0}),
            Waterfall("warm-up", {"transcription": 9000.0}),
        ],
    )
    assert system.parts_ms == {"transcription": 500.0, "llm_inference": 50.0}


def test_every_turn_is_listed_and_an_unanswered_one_has_no_time() -> None:
    rows = list_turns([call(VOXD, turn(500), turn(None), pause_ms=300.0)])
    assert [(row.status, row.voice_to_voice_ms, row.pause_ms) for row in rows] == [
        ("answered", 500, 300.0),
        ("unanswered", None, 300.0),
    ]
