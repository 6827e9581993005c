"""The person who calls: decides, once every 20 ms, what this frame carries. Pure.

    GREETING -> DIALLING -> SPEAKING -> LISTENING -> SPEAKING ... -> DONE

`step` is asked for frame after frame; it looks at the clock of the stream and at the ear, and
at nothing else, so the same call can be played in virtual time.
"""

from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from voxd.caller.ear import Ear
from voxd.caller.messages import FRAME_S, FRAME_SAMPLES, encode_payload
from voxd.caller.mulaw import encode
from voxd.caller.plan import CallPlan, HangupMoment, Turn
from voxd.caller.speech import line_noise

NOISE_FRAMES = 512
"""The line's noise repeats after about ten seconds; it is encoded once."""
DIGIT_EVERY = 10
"""Frames between two keys: 200 ms, a quick finger."""
MID_REPLY_S = 0.5
"""How far into an answer `MID_REPLY` hangs up."""
LONGEST_REPLY_S = 60.0
"""An agent that talks longer is not waited for."""

Frame = tuple[bytes, str]
"""20 ms of mu-law, and the same in base64."""


class _State(Enum):
    GREETING = auto()
    DIALLING = auto()
    SPEAKING = auto()
    LISTENING = auto()
    DONE = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """What one frame carries."""

    frame: Frame
    digit: str = ""
    """A key pressed before this frame; empty for none."""


@dataclass(slots=True)
class Spoken:
    """When a turn was spoken, stream time."""

    turn: Turn
    starts_at: float
    """When its speech (not its file) begins."""
    ends_at: float
    """When its speech ends: `speech_end`."""
    was_cut: bool = False
    """The caller hung up in the middle of it, or before an answer was due."""


class Script:
    """Carries out a plan, frame by frame."""

    def __init__(self, plan: CallPlan, ear: Ear) -> None:
        self.spoken: list[Spoken] = []
        """Turns that were begun, in order."""
        self._plan = plan
        self._ear = ear
        noise = line_noise(NOISE_FRAMES * FRAME_SAMPLES, plan.noise_dbfs, plan.seed)
        self._noise = _encode_frames(encode(noise))
        noisy = (_add_noise(turn, noise) for turn in plan.turns)
        self._voice = [_encode_frames(encoded) for encoded in noisy]
        self._state = _State.GREETING
        self._turn = 0  # index of the turn being spoken or listened for
        self._began = 0  # frame at which the current state began

    @property
    def is_done(self) -> bool:
        """The caller has hung up: send no more."""
        return self._state is _State.DONE

    def step(self, number: int) -> Step | None:
        """Return what frame `number` (from 0, each once, in order) carries; None: hang up."""
        now = number * FRAME_S
        if self._state is _State.GREETING and self._is_greeting_over(now):
            self._enter(_State.DIALLING, number)
        if self._state is _State.LISTENING:
            self._listen(now, number)
        digit = ""
        if self._state is _State.DIALLING:
            key, rest = divmod(number - self._began, DIGIT_EVERY)
            if key >= len(self._plan.digits):
                self._speak_or_end(0, number)
            elif rest == 0:
                digit = self._plan.digits[key]
        if self._state is _State.SPEAKING:
            self._hang_up_mid_word(now)
        if self._state is _State.DONE:
            return None
        return Step(self._frame(number), digit)

    def _frame(self, number: int) -> Frame:
        if self._state is not _State.SPEAKING:
            return self._noise[number % NOISE_FRAMES]
        voice = self._voice[self._turn]
        position = number - self._began
        if position == len(voice) - 1:
            # Listening begins with the next frame, or the caller hangs up in it.
            hangup = self._hangup_here(HangupMoment.AFTER_TURN)
            self.spoken[-1].was_cut |= hangup
            self._enter(_State.DONE if hangup else _State.LISTENING, number + 1)
        return voice[position]

    def _enter(self, state: _State, number: int) -> None:
        self._state = state
        self._began = number

    def _is_greeting_over(self, now: float) -> bool:
        heard = self._ear.onset_after(0.0)
        if heard is None or heard > now:
            return now >= self._plan.turn_timeout_s
        return self._ear.quiet_s(now) >= self._plan.gap_s or now - heard >= LONGEST_REPLY_S

    def _speak_or_end(self, turn: int, number: int) -> None:
        if turn >= len(self._plan.turns):
            self._enter(_State.DONE, number)
            return
        said, now = self._plan.turns[turn], number * FRAME_S
        self._turn = turn
        self.spoken.append(Spoken(said, now + said.start_s, now + said.end_s))
        self._enter(_State.SPEAKING, number)

    def _listen(self, now: float, number: int) -> None:
        """Go on when the turn is answered (or given up) and the agent is quiet."""
        plan, speech_end = self._plan, self.spoken[-1].ends_at
        onset = self._ear.onset_after(speech_end)
        if onset is not None and onset <= now:
            since = now - onset
            if self._hangup_here(HangupMoment.MID_REPLY) and since >= MID_REPLY_S:
                self._enter(_State.DONE, number)
                return
            has_more_to_say = self._turn + 1 < len(plan.turns)
            if plan.interrupt_after_s is not None and has_more_to_say:
                is_over = since >= plan.interrupt_after_s
            else:
                is_over = self._ear.quiet_s(now) >= plan.gap_s or since >= LONGEST_REPLY_S
        else:
            waited = now - speech_end
            is_over = waited >= plan.turn_timeout_s and (
                self._ear.quiet_s(now) >= plan.gap_s or waited >= LONGEST_REPLY_S
            )
        if is_over:
            self._speak_or_end(self._turn + 1, number)

    def _hangup_here(self, moment: HangupMoment) -> bool:
        hangup = self._plan.hangup
        return hangup is not None and (hangup.turn, hangup.moment) == (self._turn + 1, moment)

    def _hang_up_mid_word(self, now: float) -> None:
        spoken = self.spoken[-1]
        middle = (spoken.starts_at + spoken.ends_at) / 2
        if self._hangup_here(HangupMoment.MID_WORD) and now >= middle:
            spoken.was_cut = True
            self._state = _State.DONE


def _add_noise(turn: Turn, noise: NDArray[np.int16]) -> bytes:
    repeats = -(-len(turn.pcm) // len(noise))
    mixed = turn.pcm.astype(np.int32) + np.tile(noise, repeats)[: len(turn.pcm)]
    return encode(np.clip(mixed, -32768, 32767).astype(np.int16))


def _encode_frames(mulaw: bytes) -> list[Frame]:
    starts = range(0, len(mulaw), FRAME_SAMPLES)
    pieces = (mulaw[start : start + FRAME_SAMPLES] for start in starts)
    return [(piece, encode_payload(piece)) for piece in pieces]
