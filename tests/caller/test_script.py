"""The person who calls, in virtual time: a scripted agent sounds, the caller reacts."""

from dataclasses import replace

import numpy as np
import pytest

from tests.caller.agent import is_loud, tone
from voxd.caller.ear import Ear
from voxd.caller.plan import CallPlan, Hangup, HangupMoment, build_turn
from voxd.caller.script import Script, Step

VOICE = np.tile(np.array([8000, -8000], np.int16), 2000)  # 0.5 s
TURN = build_turn("yes", np.concatenate([VOICE, np.zeros(1600, np.int16)]))
PLAN = CallPlan((TURN, TURN), gap_s=0.5, turn_timeout_s=3.0)


class Played:
    """A script run frame by frame; `agent` maps stream times to milliseconds of sound."""

    def __init__(self, plan: CallPlan, agent: dict[float, int]) -> None:
        self.ear = Ear()
        self.script = Script(plan, self.ear)
        self.steps: list[Step] = []
        for number in range(2000):
            for at in [at for at in agent if at <= number * 0.02]:
                self.ear.hear(tone(agent.pop(at)), at)
            step = self.script.step(number)
            if step is None:
                break
            self.steps.append(step)
        self.ended_at = len(self.steps) * 0.02

    @property
    def starts(self) -> list[float]:
        return [round(spoken.starts_at, 3) for spoken in self.script.spoken]


def test_turns_wait_for_the_agent_to_answer_and_be_quiet() -> None:
    played = Played(PLAN, {0.1: 400, 2.0: 600, 4.0: 200})
    # Greeting until 0.5, reply until 2.6, each and half a second of quiet.
    assert played.starts == [1.0, 3.1]
    assert played.ended_at == pytest.approx(4.7, abs=0.021)
    assert played.script.is_done


def test_missing_greeting_and_missing_answers_time_out() -> None:
    played = Played(PLAN, {})
    assert played.starts == [3.0, pytest.approx(6.5, abs=0.021)]
    assert played.ended_at == pytest.approx(10.0, abs=0.041)


def test_turn_is_not_begun_into_the_agents_voice_even_after_the_timeout() -> None:
    # A premature answer is none, but the caller lets it finish.
    played = Played(PLAN, {0.0: 400, 1.2: 5000})
    assert played.starts[1] == pytest.approx(6.7, abs=0.021)


def test_interruption_begins_that_long_after_the_answer() -> None:
    played = Played(replace(PLAN, interrupt_after_s=0.3), {0.1: 400, 2.0: 3000, 6.0: 200})
    assert played.starts == [1.0, pytest.approx(2.3, abs=0.021)]


def test_last_turn_is_listened_to_even_by_one_who_interrupts() -> None:
    plan = replace(PLAN, turns=(TURN,), interrupt_after_s=0.1)
    played = Played(plan, {0.1: 400, 2.0: 1000})
    assert played.ended_at == pytest.approx(3.5, abs=0.021)


def test_digits_are_pressed_after_the_greeting_and_before_the_turn() -> None:
    played = Played(replace(PLAN, digits="12#"), {0.1: 400, 3.0: 200, 6.0: 200})
    keys = [(n * 0.02, step.digit) for n, step in enumerate(played.steps) if step.digit]
    assert keys == [(1.0, "1"), (pytest.approx(1.2), "2"), (pytest.approx(1.4), "#")]
    assert played.starts[0] == pytest.approx(1.6)


@pytest.mark.parametrize(
    ("moment", "ended_at", "was_cut"),
    [
        (HangupMoment.MID_WORD, 1.26, True),
        (HangupMoment.AFTER_TURN, 1.7, True),
        (HangupMoment.MID_REPLY, 2.5, False),
    ],
)
def test_caller_hangs_up_when_planned(moment: HangupMoment, ended_at: float, was_cut: bool) -> None:
    played = Played(replace(PLAN, hangup=Hangup(1, moment)), {0.1: 400, 2.0: 3000})
    assert played.ended_at == pytest.approx(ended_at, abs=0.021)
    assert [spoken.was_cut for spoken in played.script.spoken] == [was_cut]
    assert played.script.step(5000) is None


def test_line_is_never_digitally_silent() -> None:
    played = Played(PLAN, {0.1: 400, 2.0: 600, 4.0: 200})
    sent = [mulaw for mulaw, _ in (step.frame for step in played.steps)]
    assert all(len(frame) == 160 and len(set(frame)) > 1 for frame in sent)
    assert [n for n, frame in enumerate(sent) if is_loud(frame)] == [
        *range(50, 75),
        *range(155, 180),
    ]


def test_noise_is_seeded() -> None:
    def first(seed: int) -> bytes:
        return Played(replace(PLAN, seed=seed, turns=()), {0.0: 20}).steps[0].frame[0]

    assert first(1) == first(1) != first(2)


def test_caller_without_turns_leaves_after_the_greeting() -> None:
    assert Played(replace(PLAN, turns=()), {0.1: 400}).ended_at == pytest.approx(1.0)
