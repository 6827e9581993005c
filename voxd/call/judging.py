"""Has the caller finished, by the sound? Keeps how the utterance sounds, and asks a judge. I/O.

Beside the transcription, which takes longer: the brain orders both at the first short pause and
joins the answers. An order is answered in any case, after a limit at the latest, with no
judgement when there is none: then the words alone decide, as they do on a tier without a judge.

Bound: `KEPT_S` of mu-law, 64 kB, and the oldest goes; `IDLE_S` while nobody speaks.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from voxd.contracts import FRAME_S, LINE_RATE_HZ, HealthRecorder, Priority, TurnJudge
from voxd.errors import EngineError
from voxd.events import Event, TurnJudged

KEPT_S = 8.0
"""What judges look at: the end of the utterance (smart-turn's window)."""
PRE_ROLL_S = 0.3
"""Kept before an onset: soft consonants come before it."""
IDLE_S = 1.0 + PRE_ROLL_S
"""An onset is told at most a second late."""
LIMIT_S = 0.3
"""A judgement takes 0.05 s of a core: what has not come by then is not worth a longer wait."""
LEAST_LIMIT_S = 0.1


def find_limit_s(shortest_wait_s: float, pause_s: float) -> float:
    """How long a judgement may take: it is there, or given up, when the tier's shortest wait for
    the end of a turn runs out.

    Args:
        shortest_wait_s: of silence, in all.
        pause_s: silence after which it is asked for.
    """
    return min(LIMIT_S, max(LEAST_LIMIT_S, shortest_wait_s - pause_s - FRAME_S))


class PauseJudging:
    """How the caller's pauses sound, for one call."""

    def __init__(
        self,
        choose: Callable[[], TurnJudge | None],
        board: HealthRecorder,
        call_id: str,
        post: Callable[[Event], None],
        now: Callable[[], float],
        limit_s: float = LIMIT_S,
    ) -> None:
        """
        Args:
            choose: who judges at this moment; None: nobody.
            limit_s: how long a judgement is waited for, seconds.
        """
        self._choose = choose
        self._board = board
        self._call_id = call_id
        self._post = post
        self._now = now
        self._limit_s = limit_s
        self._audio: deque[tuple[bytes, float]] = deque()
        """Mu-law with the audio time of its end."""
        self._seconds = 0.0
        self._begin: float | None = None
        """The utterance's first onset, audio time; None: nobody has spoken."""
        self._onset = float("-inf")
        """The last onset."""

    # --- what the listener tells --------------------------------------------------------------

    def push(self, mulaw: bytes, end_at: float) -> None:
        """The next audio; `end_at` is the audio time of its end."""
        self._audio.append((mulaw, end_at))
        self._seconds += len(mulaw) / LINE_RATE_HZ
        limit_s = IDLE_S if self._begin is None else KEPT_S
        while self._seconds > limit_s and len(self._audio) > 1:
            self._drop_oldest()

    def speech_started(self, speech_start: float) -> None:
        """The caller began to speak at this audio time, for the first time or again."""
        self._onset = speech_start
        if self._begin is None:
            self._begin = speech_start
            self._drop(speech_start - PRE_ROLL_S)

    def forget(self, until: float) -> None:
        """The utterance up to this audio time is dealt with; speech that began after it stays."""
        self._begin = self._onset if self._onset > until else None
        self._drop(until)

    # --- what the brain orders ----------------------------------------------------------------

    async def judge(self, speech_end: float) -> None:
        """Report `TurnJudged` for the pause that began at `speech_end`, within the limit.

        The judge hears everything up to this moment, the first part of the pause included.
        """
        judge = self._choose()
        probability = None if judge is None else await self._ask(judge)
        self._post(TurnJudged(self._now(), speech_end, probability))

    async def _ask(self, judge: TurnJudge) -> float | None:
        mulaw = b"".join(mulaw for mulaw, _ in self._audio)
        asked_at = self._now()
        try:
            async with asyncio.timeout(self._limit_s):
                probability = await judge.judge(self._call_id, mulaw, Priority.COMMITTED)
        except TimeoutError:
            self._board.record_late(judge.name, self._limit_s)
            return None
        except EngineError as error:
            self._board.record_error(error)
            return None
        self._board.record_result(judge.name, self._now() - asked_at)
        return probability

    # --- the audio ----------------------------------------------------------------------------

    def _drop(self, until: float) -> None:
        """What ends before this audio time."""
        while self._audio and self._audio[0][1] <= until:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        mulaw, _ = self._audio.popleft()
        self._seconds -= len(mulaw) / LINE_RATE_HZ
