"""Mouth and gate: audio of attempts at a reply to paced frames on the line.

Nothing sounds before its `commit`, and nothing more after its `drop`. Committed attempts play
one after the other, in the order of their commits; an attempt that is next but has no audio yet
keeps the line. Audio leaves as it comes (no clause is waited for), in whole 20 ms frames, paced so
that at most `line.lead_s` is buffered ahead at the far end, and never less than `PIECE_S` less
while there is more to send: what can wait goes together. After each clause goes a mark; its echo
says that the clause was heard.

`hold` silences the far end by a `clear` as well, but what was not heard of the attempt is put back
(`retained`) and sent again after `resume`; its clauses are then started once more. Nothing is held
on mere suspicion: audio that is buffered ahead does not delay a `clear`, so not sending while a
sound is judged would gain nothing, and might make a hole.

One task (`run`) does all sending, so that media, marks and clears never overtake each other; the
methods only change what it will send next and never wait.

Bounds: `wait_for_room` lets the replier begin a clause only while less than `AUDIO_AHEAD_S` of
its attempt is unsent, so one attempt holds at most that plus one clause (`replier.MAX_CLAUSE_S`).
Eight seconds are several clauses, so that playback never waits for synthesis, and 64 kB; an
interruption wastes no more synthesis than that. Before the commit the limit is `HELD_AHEAD_S`.
"""

import asyncio
from collections.abc import Callable

from voxd import config
from voxd.audio.playback import PlaybackModel
from voxd.audio.played import PlayedAudio
from voxd.call.retained import RetainedAudio
from voxd.call.transport import Transport
from voxd.call.voice import Clause, Voice
from voxd.contracts import FRAME_S, LINE_RATE_HZ
from voxd.events import (
    ClauseHeard,
    ClauseMeasured,
    ClauseSent,
    ClauseStarted,
    Event,
    PlaybackFinished,
    PlaybackUnderran,
    ReplyWasted,
)
from voxd.twilio.media import MarkName, decode_mark_name, encode_mark_name

AUDIO_AHEAD_S = 8.0
"""Seconds of unsent audio of one attempt above which its next clause is not begun."""
HELD_AHEAD_S = 1.0
"""The same before its commit: enough to sound while the next clause is made, and what a caller who
goes on wastes ends there."""
PIECE_S = 0.06
"""Audio that goes in one message where nobody waits for it: each call would send 50 a second, and
what a message costs hardly depends on its length. What is buffered ahead varies by this much, so
it is small against `line.lead_s`."""
MIN_UNDERRUN_S = 0.001
"""Shorter gaps are rounding, not silence."""
UNECHOED_MARKS = 2
"""So many marks missing in a call in which none ever came back: this line echoes none, and
waiting `mark_grace_s` for each further one would only make every turn later."""


class Speaker:
    """The agent's voice in one call."""

    def __init__(
        self,
        line: config.Line,
        transport: Transport,
        post: Callable[[Event], None],
        now: Callable[[], float],
    ) -> None:
        self._line = line
        self._transport = transport
        self._post = post
        self._now = now
        self.played = PlayedAudio()
        """What the caller has just heard: the ear compares echoes with it."""
        self._playback = PlaybackModel()
        self._retained = RetainedAudio()
        self._voices: dict[int, Voice] = {}
        self._order: list[Voice] = []
        """Committed attempts whose audio has not all been sent."""
        self._unheard: list[Clause] = []
        """Clauses whose mark was sent and has not come back, oldest first."""
        self._generation = 0
        self._clear_due = False
        self._marks_seen = 0
        self._marks_missed = 0
        self._wake = asyncio.Event()

    # --- what the replier does ----------------------------------------------------------------

    def open(self, reply_id: int, *, is_reply: bool, is_committed: bool) -> Voice:
        """Make room for an attempt; its audio goes into the voice that is returned."""
        voice = Voice(reply_id, is_reply, self._on_audio)
        self._voices[reply_id] = voice
        if is_committed:
            self.commit(reply_id)
        return voice

    def open_filler(self, reply_id: int) -> Voice | None:
        """Make room for a sentence that bridges the wait for a committed attempt.

        It goes before that attempt, which follows it at once. Its audio must be given without
        waiting: the attempt's own, should it come now, waits behind it.

        Returns:
            None when nobody waits: no attempt is committed, or the next one has audio already.
        """
        waiting = self._order[0] if self._order else None
        if waiting is None or waiting.is_audible or waiting.unsent_s:
            return None
        voice = self.open(reply_id, is_reply=False, is_committed=True)
        self._order.insert(0, self._order.pop())
        return voice

    async def wait_for_room(self, voice: Voice) -> None:
        """Return once the next clause of this attempt may be begun."""
        while voice.unsent_s > _most_ahead_s(voice) and not voice.is_dropped:
            voice.has_room.clear()
            await voice.has_room.wait()

    # --- what the brain orders ----------------------------------------------------------------

    def commit(self, reply_id: int) -> None:
        """Open the gate for an attempt; harmless when it is open or the attempt is unknown."""
        voice = self._voices.get(reply_id)
        if voice is not None and not voice.is_committed:
            voice.commit()
            self._order.append(voice)
            self._wake.set()

    def drop(self, reply_id: int) -> None:
        """Send nothing more of an attempt and report no `PlaybackFinished` for it.

        What a reply of which nothing sounded has cost is reported as `ReplyWasted`.
        """
        voice = self._voices.pop(reply_id, None)
        if voice is not None:
            voice.drop()
            if voice.is_reply and not voice.is_audible:
                cost = voice.cost
                self._post(ReplyWasted(self._now(), reply_id, cost.tokens, cost.characters))
            if voice in self._order:
                self._order.remove(voice)
            self._wake.set()

    def clear(self) -> None:
        """Empty the far end's buffer; what was in it counts as not heard."""
        self._generation += 1
        self._clear_due = True
        self._playback.clear(self._now())
        self.played.cut(self._now())
        self._retained.forget()
        self._unheard.clear()
        for voice in tuple(self._voices.values()):
            if voice.is_sent:
                del self._voices[voice.reply_id]
        self._wake.set()

    def hold(self, reply_id: int) -> None:
        """Be silent, but keep what was not heard of this attempt; it sounds again by `resume`.

        Harmless when the attempt is unknown or on hold.
        """
        voice = self._voices.get(reply_id)
        if voice is None or voice.is_on_hold:
            return
        voice.is_on_hold = True
        for taken in self._retained.take_back(self._now()):
            if taken.clause.voice is voice:
                taken.clause.put_back(taken.frames)
        sent = [clause for clause in self._unheard if clause.voice is voice]
        for clause in sent:
            if not clause.frames:  # it was heard, only its mark is still on its way
                self._unheard.remove(clause)
                self._clause_heard(clause, is_estimated=True)
        unheard = [clause for clause in sent if clause.frames]
        voice.clauses.extendleft(reversed(unheard))
        if voice.current is not None:
            voice.current.is_started = False  # what was said about its time is true no more
            if voice not in self._order:
                self._order.insert(0, voice)
        self.clear()

    def resume(self, reply_id: int) -> None:
        """Go on with an attempt on hold; harmless when it is not."""
        voice = self._voices.get(reply_id)
        if voice is not None:
            voice.is_on_hold = False
            self._wake.set()

    # --- what the line reports ----------------------------------------------------------------

    def mark_returned(self, name: str) -> None:
        """A mark came back. Only those of the present generation prove playback."""
        mark = decode_mark_name(name)
        if mark is None or mark.generation != self._generation:
            return
        key = (mark.reply_id, mark.clause)
        if key not in [(clause.voice.reply_id, clause.number) for clause in self._unheard]:
            return
        self._marks_seen += 1
        while True:  # marks come in order: this one proves the clauses before it, too
            clause = self._unheard.pop(0)
            self._clause_heard(clause, is_estimated=False)
            if (clause.voice.reply_id, clause.number) == key:
                return

    def close(self) -> None:
        """Forget all audio once every task of the call has ended. Voices and speaker know each
        other; this parts them."""
        for voice in self._voices.values():
            voice.drop()
        self._voices.clear()
        self._order.clear()
        self._unheard.clear()
        self._retained.forget()

    # --- the sending task ---------------------------------------------------------------------

    async def run(self) -> None:
        """Send until cancelled, or until the line is gone (which its reader reports)."""
        try:
            while True:
                self._wake.clear()
                delay_s = await self._step()
                if delay_s is None or delay_s > 0:
                    await self._sleep(delay_s)
        except ConnectionError:
            return

    async def _step(self) -> float | None:
        """Send one thing; return how long to wait for the next, None for until woken."""
        if self._clear_due:
            self._clear_due = False
            await self._transport.send_clear()
            return 0.0
        now = self._now()
        mark_in_s = self._estimate(now)
        voice = self._order[0] if self._order else None
        clause = voice.current if voice is not None else None
        if voice is not None and clause is None and voice.is_ended:
            self._order.pop(0)
            self._finish_if_heard(voice)
            return 0.0
        if voice is None or clause is None or voice.is_on_hold:
            return mark_in_s
        self._measure(clause, now)
        if not clause.frames:
            if not clause.is_ended:
                return mark_in_s
            voice.clauses.popleft()
            await self._end(clause, now)
            return 0.0
        room_s = self._line.lead_s - self._playback.buffered_s(now)
        piece_s = min(PIECE_S, self._line.lead_s, len(clause.frames) * FRAME_S)
        if room_s < piece_s - 1e-6:
            piece_in_s = piece_s - room_s
            return piece_in_s if mark_in_s is None else min(piece_in_s, mark_in_s)
        mulaw = voice.take_frames(clause, int((room_s + 1e-6) / FRAME_S))
        self._begin(clause, mulaw, now)
        await self._transport.send_media(mulaw)
        return 0.0

    def _begin(self, clause: Clause, mulaw: bytes, now: float) -> None:
        """Account for the clause's next audio."""
        voice = clause.voice
        duration_s = len(mulaw) / LINE_RATE_HZ
        heard_at = self._playback.write(duration_s, now)
        self.played.write(mulaw, heard_at)
        self._retained.note(clause, mulaw, heard_at, now)
        gap_s = self._playback.last_gap_s
        if gap_s > MIN_UNDERRUN_S and voice.is_audible:
            self._post(PlaybackUnderran(now, voice.reply_id, gap_s))
        voice.is_audible = True
        if not clause.is_started:
            self._report_start(clause, now, heard_at)
        clause.sent_s += duration_s

    def _report_start(self, clause: Clause, now: float, heard_at: float) -> None:
        clause.is_started = True
        voice = clause.voice
        self._post(
            ClauseStarted(
                now,
                voice.reply_id,
                clause.number,
                clause.text,
                heard_at,
                voice.is_reply,
                from_s=max(0.0, round(clause.sent_s, 6)),
            )
        )

    def _measure(self, clause: Clause, now: float) -> None:
        """Report how long a clause lasts as soon as that is known of one that was started."""
        if clause.is_started and clause.is_ended and clause.is_whole and not clause.is_measured:
            clause.is_measured = True
            duration_s = clause.sent_s + len(clause.frames) * FRAME_S
            number, words = clause.number, clause.words
            self._post(ClauseMeasured(now, clause.voice.reply_id, number, duration_s, words))

    async def _end(self, clause: Clause, now: float) -> None:
        """The clause has been sent: send its mark and wait for the echo."""
        if not clause.is_started:  # no sound at all; the order of events stays the same
            self._report_start(clause, now, max(now, self._playback.ends_at))
        clause.heard_by = max(now, self._playback.ends_at)
        generation = self._generation
        self._unheard.append(clause)
        number, reply_id = clause.number, clause.voice.reply_id
        await self._transport.send_mark(encode_mark_name(MarkName(reply_id, number, generation)))
        # Taken back while the mark was being written, it has not been sent after all.
        if clause.is_whole and generation == self._generation:
            self._post(ClauseSent(self._now(), reply_id, number, clause.sent_s))

    def _estimate(self, now: float) -> float | None:
        """Count overdue clauses as heard; return when the next is due, None for never."""
        while self._unheard:
            due_in_s = self._unheard[0].heard_by + self._grace_s() - now
            if due_in_s > 1e-6:
                return due_in_s
            self._marks_missed += 1
            self._clause_heard(self._unheard.pop(0), is_estimated=True)
        return None

    def _grace_s(self) -> float:
        echoes_none = self._marks_seen == 0 and self._marks_missed >= UNECHOED_MARKS
        return 0.0 if echoes_none else self._line.mark_grace_s

    def _clause_heard(self, clause: Clause, *, is_estimated: bool) -> None:
        voice = clause.voice
        if clause.is_whole:
            self._post(ClauseHeard(self._now(), voice.reply_id, clause.number, is_estimated))
        self._finish_if_heard(voice)

    def _finish_if_heard(self, voice: Voice) -> None:
        """Report the end of a reply once its last clause was heard; once only."""
        is_waiting = any(clause.voice is voice for clause in self._unheard)
        if voice.is_dropped or not voice.is_sent or is_waiting:
            return
        if self._voices.pop(voice.reply_id, None) is not None and voice.clause_count:
            self._post(PlaybackFinished(self._now(), voice.reply_id))

    def _on_audio(self) -> None:
        self._wake.set()

    async def _sleep(self, delay_s: float | None) -> None:
        try:
            async with asyncio.timeout(delay_s):
                await self._wake.wait()
        except TimeoutError:
            return


def _most_ahead_s(voice: Voice) -> float:
    return AUDIO_AHEAD_S if voice.is_committed else HELD_AHEAD_S
