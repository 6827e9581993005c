from pathlib import Path

import pytest

from tests.doctor.configs import SHIPPED, derived
from voxd.caller.report import CallReport, Hole, Outcome, TurnReport, TurnStatus
from voxd.doctor.capacity import (
    TARGET_S,
    Capacity,
    Round,
    Unmeasurable,
    derive_local,
    measure_capacity,
    sum_up,
)


def call(*waits_ms: float | None, outcome: Outcome = Outcome.CONNECTED) -> CallReport:
    turns = [
        TurnReport(
            number,
            "question",
            TurnStatus.UNANSWERED if wait is None else TurnStatus.ANSWERED,
            voice_to_voice_ms=wait,
        )
        for number, wait in enumerate(waits_ms, 1)
    ]
    return CallReport("CA1", outcome=outcome, turns=turns)


def test_a_round_is_held_when_everybody_is_answered_in_time_without_a_hole() -> None:
    found = sum_up([call(500, 600), call(700, 2900)])
    assert found == Round(callers=2, due=4, answered=4, holes=0, p95_s=2.9)
    assert found.is_held(3.0) and not found.is_held(2.5)


def test_a_round_with_a_silence_a_hole_or_a_refusal_is_not_held() -> None:
    assert not sum_up([call(500, None)]).is_held(3.0)
    assert not sum_up([call(500), call(outcome=Outcome.REFUSED)]).is_held(3.0)
    broken = call(500)
    broken.holes.append(Hole(1.0, 300.0))
    assert not sum_up([broken]).is_held(3.0)
    assert not sum_up([]).is_held(3.0)


def test_half_the_reading_speed_is_for_shadows() -> None:
    rounds = (Round(4, 8, 8, 0, 4.0), Round(2, 4, 4, 0, 1.0))
    found = Capacity(rounds, 3.0, 270.0)
    assert found.shadows == 13
    assert found.held == rounds[1]
    assert Capacity(rounds[:1], 3.0, None).held is None
    assert Capacity(rounds[:1], 3.0, None).shadows == 0


def test_only_local_engines_are_measured_and_nobody_else_is_asked(tmp_path: Path) -> None:
    config = derived(
        tmp_path,
        call__tier="pro",
        lookup__url="https://crm.example.com/who",
        numbers={"+15550100": {"tier": "enterprise"}},
    )
    local = derive_local(config)
    assert (local.tier().stt, local.tier().llm) == (("faster-whisper",), ("llamacpp",))
    assert list(local.tiers) == [local.call.tier]
    assert not local.lookup.url and not local.numbers and not local.cache.directory
    assert local.server.host == "127.0.0.1" and local.server.port == 0
    assert local.server.max_calls == config.engines["llamacpp"].sequences
    assert local.tier().target_s == config.tiers["free"].target_s  # pro's is the cloud's


def test_where_every_tier_begins_in_the_cloud_the_shipped_target_counts(tmp_path: Path) -> None:
    begins = {f"tiers__{tier}__stt": ["deepgram", "faster-whisper"] for tier in ("free", "starter")}
    config = derived(tmp_path, tiers__free__target_s=1.0, **begins)
    assert derive_local(config).tier().target_s == TARGET_S


def test_where_calls_are_the_clouds_there_is_nothing_to_measure(tmp_path: Path) -> None:
    spanish = derived(tmp_path, agent__language="es")
    with pytest.raises(Unmeasurable, match="does not know 'es'"):
        derive_local(spanish)
    cloud = {f"tiers__{tier}__llm": ["groq"] for tier in ("free", "starter", "pro", "enterprise")}
    with pytest.raises(Unmeasurable, match="no local engine of llm"):
        derive_local(derived(tmp_path, **cloud))


@pytest.mark.weights
async def test_a_caller_rings_this_machine_and_is_counted() -> None:
    config = derived(SHIPPED.parent, server__max_calls=1, tiers__free__target_s=30.0)
    found = await measure_capacity(config)
    assert [each.callers for each in found.rounds] == [1]
    assert found.rounds[0].due == found.rounds[0].answered == 2
    assert found.tokens_per_s is not None and found.tokens_per_s > 1
