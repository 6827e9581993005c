"""Turns and holes judged in virtual time: playback and ear are real, the call is written down."""

import numpy as np
import pytest

from tests.caller.agent import tone
from voxd.caller import mulaw
from voxd.caller.ear import Ear
from voxd.caller.measure import draw_recording, find_holes, judge_turns
from voxd.caller.plan import build_turn
from voxd.caller.playback import Playback
from voxd.caller.report import Hole, TurnReport, TurnStatus
from voxd.caller.script import Spoken

TURN = build_turn("yes", np.full(8000, 8000, np.int16))
END = 60.0


class Agent:
    """What the server sent, by arrival time."""

    def __init__(self) -> None:
        self.playback, self.ear = Playback(), Ear()

    def say(self, at: float, ms: int) -> "Agent":
        self.ear.hear(tone(ms), self.playback.write(tone(ms), at))
        return self

    def clear(self, at: float) -> "Agent":
        self.playback.clear(at)
        self.ear.clear(at)
        return self

    def judge(self, *spoken: Spoken) -> list[TurnReport]:
        return judge_turns((TURN,) * len(spoken), list(spoken), self.ear.sounds(END), True)

    def holes(self, *spoken: Spoken) -> list[Hole]:
        turns = self.judge(*spoken)
        return find_holes(self.playback.runs, list(spoken), turns, END)


def said(start: float, end: float, was_cut: bool = False) -> Spoken:
    return Spoken(TURN, start, end, was_cut)


def test_answer_is_the_first_sound_after_the_speech() -> None:
    (turn,) = Agent().say(0.0, 500).say(3.7, 500).say(9.0, 100).judge(said(2.0, 3.0))
    assert turn.status is TurnStatus.ANSWERED
    assert turn.answer_s == 3.7
    assert turn.voice_to_voice_ms == pytest.approx(700)
    assert not turn.is_premature
    assert turn.interruption_ms is None


def test_reply_that_sounds_before_the_end_of_speech_is_premature_and_no_answer() -> None:
    (turn,) = Agent().say(2.5, 2000).judge(said(2.0, 3.0))
    assert turn.status is TurnStatus.UNANSWERED
    assert turn.is_premature
    assert turn.premature_s == 2.5
    assert turn.voice_to_voice_ms is None


def test_second_attempt_after_a_premature_one_is_an_answer_but_stays_flagged() -> None:
    agent = Agent().say(2.5, 2000).clear(2.7).say(3.8, 500)
    (turn,) = agent.judge(said(2.0, 3.0))
    assert turn.status is TurnStatus.ANSWERED
    assert turn.is_premature
    assert turn.voice_to_voice_ms == pytest.approx(800)


def test_audio_still_sounding_from_before_is_no_answer() -> None:
    (turn,) = Agent().say(1.0, 5000).judge(said(2.0, 3.0))
    assert turn.status is TurnStatus.UNANSWERED
    assert not turn.is_premature


def test_interruption_is_timed_until_the_ear_is_silent() -> None:
    agent = Agent().say(1.0, 5000).clear(2.25).say(3.5, 300)
    (turn,) = agent.judge(said(2.0, 3.0))
    assert turn.interruption_ms == pytest.approx(250)
    assert turn.voice_to_voice_ms == pytest.approx(500)


def test_answer_that_comes_in_the_next_turn_is_too_late() -> None:
    first, second = Agent().say(5.5, 300).judge(said(2.0, 3.0), said(5.0, 6.0))
    assert first.status is TurnStatus.UNANSWERED
    assert second.is_premature


def test_turns_not_begun_were_due_unless_the_caller_hung_up() -> None:
    two, sounds = (TURN, TURN), Agent().say(3.5, 100).ear.sounds(END)
    statuses = [turn.status for turn in judge_turns(two, [said(2.0, 3.0)], sounds, False)]
    assert statuses == [TurnStatus.ANSWERED, TurnStatus.NOT_SPOKEN]
    statuses = [turn.status for turn in judge_turns(two, [said(2.0, 3.0)], sounds, True)]
    assert statuses == [TurnStatus.ANSWERED]
    statuses = [turn.status for turn in judge_turns(two, [said(2.0, 3.0, True)], [], True)]
    assert statuses == [TurnStatus.CUT]


def test_agent_that_stumbles_and_goes_on_over_the_caller_is_not_premature() -> None:
    (turn,) = Agent().say(1.0, 1100).say(2.5, 800).judge(said(2.0, 3.0))
    assert not turn.is_premature
    assert turn.interruption_ms == pytest.approx(1300)
    assert turn.status is TurnStatus.UNANSWERED


def test_agent_that_was_cleared_and_speaks_again_too_soon_is_premature() -> None:
    (turn,) = Agent().say(1.0, 5000).clear(2.1).say(2.5, 800).judge(said(2.0, 3.0))
    assert turn.is_premature
    assert turn.interruption_ms == pytest.approx(100)


def test_stop_within_a_reply_is_a_hole_with_its_length() -> None:
    holes = Agent().say(3.5, 200).say(3.95, 200).holes(said(2.0, 3.0))
    assert holes == [Hole(pytest.approx(3.7), pytest.approx(250))]


@pytest.mark.parametrize("gap_s", [0.0, 0.019, 1.51])
def test_jitter_and_a_new_beginning_are_no_holes(gap_s: float) -> None:
    assert Agent().say(3.5, 200).say(3.7 + gap_s, 200).holes(said(2.0, 3.0)) == []


def test_stop_that_was_ordered_is_no_hole() -> None:
    assert Agent().say(3.5, 900).clear(3.7).say(3.9, 200).holes(said(2.0, 3.0)) == []


def test_stop_in_which_the_caller_spoke_is_no_hole() -> None:
    agent = Agent().say(0.0, 1000).say(2.2, 200)
    assert agent.holes(said(1.2, 1.9)) == []


def test_silence_before_an_answer_is_no_hole() -> None:
    # The caller spoke during the reply; the answer follows soon after the reply's own end.
    assert Agent().say(1.0, 3000).say(4.8, 200).holes(said(2.0, 3.0)) == []


def test_recording_has_both_sides_where_they_sounded() -> None:
    agent = Agent().say(0.5, 1000).clear(0.75)
    voice = bytes([0x20]) * 160
    sent: list[bytes | None] = [voice, None, voice, *[bytes([0xFF]) * 160] * 60]
    stereo = draw_recording(sent, agent.playback.runs, 1.0)
    assert stereo.shape == (8000, 2)
    level = int(mulaw.decode(voice)[0])
    assert np.all(stereo[:160, 0] == level)
    assert not stereo[160:320, 0].any()
    assert np.all(stereo[320:480, 0] == level)
    assert np.array_equal(np.flatnonzero(stereo[:, 1]), np.arange(4000, 6000))


def test_what_lies_beyond_the_end_is_not_in_the_recording() -> None:
    agent = Agent().say(0.9, 1000).say(3.0, 100)
    stereo = draw_recording([], agent.playback.runs, 1.0)
    assert np.array_equal(np.flatnonzero(stereo[:, 1]), np.arange(7200, 8000))
    assert draw_recording([], agent.playback.runs, 0.0).shape == (0, 2)
