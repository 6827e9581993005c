import pytest

from tests.call.turns.calling import turns_config
from tests.fakes.call import Stage
from voxd.call.turns.build import as_in_turns, build_turn_call
from voxd.chains import TURNS_NEED
from voxd.stack import CallStack


def test_what_twilio_does_is_taken_from_the_tier() -> None:
    config = turns_config(
        tier={"interruptions": True, "emotions": "full", "turn": [], "filler_after_s": 3.0}
    )
    tier = as_in_turns(config).tier()
    assert (tier.interruptions, tier.emotions, tier.turn) == (False, "none", ())
    assert tier.wait_complete_s == tier.wait_unknown_s == tier.wait_incomplete_s == 0
    assert config.tier().interruptions  # nobody else's config changes


@pytest.mark.parametrize(("own_s", "expected_s"), [(3.0, 1.9), (1.0, 1.0), (0.0, 0.0)])
def test_a_filler_comes_before_twilio_must_be_answered(own_s: float, expected_s: float) -> None:
    tier = as_in_turns(turns_config(tier={"filler_after_s": own_s})).tier()
    assert tier.filler_after_s == pytest.approx(expected_s)


async def test_a_call_needs_no_ear_and_no_voice() -> None:
    stage = Stage(config=turns_config())
    stack = CallStack(stage.runtime, "CA1", stage.config, TURNS_NEED)
    build_turn_call(stack, {})
    assert stage.stt.opened == 0
