import numpy as np
import pytest

from voxd.caller.plan import CallPlan, PlanError, Stall, build_turn

VOICE = np.full(1000, 8000, np.int16)


def test_turn_is_padded_to_whole_frames_and_measured() -> None:
    turn = build_turn("a", np.concatenate([np.zeros(800, np.int16), VOICE]))
    assert turn.frames * 160 == len(turn.pcm) == 1920
    assert turn.start_s == pytest.approx(0.1)
    assert turn.end_s == pytest.approx(0.225)


def test_label_goes_before_energy() -> None:
    assert build_turn("a", VOICE, 0.1).end_s == 0.1


def test_silence_and_labels_outside_are_refused() -> None:
    with pytest.raises(PlanError, match="quiet: no speech"):
        build_turn("quiet", np.zeros(800, np.int16))
    with pytest.raises(PlanError, match="label"):
        build_turn("a", VOICE, 1.0)


def test_stall_swallows_its_frames_only() -> None:
    plan = CallPlan((), stall=Stall(1.0, 0.5))
    assert [plan.is_stalled(n) for n in (49, 50, 74, 75)] == [False, True, True, False]
