"""What Twilio was given to say, as the events of its playback. I/O: one timer.

What was said counts as heard when Twilio asks again, when the model of playback says so, or when
the caller begins to speak, whichever comes first. Where the caller can interrupt, clauses that
would have begun later were not heard.
"""

import asyncio
from collections.abc import Callable

from voxd.call.turns.script import Part, TurnScript
from voxd.events import ClauseHeard, ClauseStarted, Event, PlaybackFinished, ReplyWasted
from voxd.twilio.turns import Spoken

WHOLLY = float("inf")
"""Everything that was given is heard."""


class TurnMouth:
    """One call's."""

    def __init__(self, script: TurnScript, post: Callable[[Event], None]) -> None:
        self._script = script
        self._post = post
        self._heard: asyncio.TimerHandle | None = None
        self._page: list[Spoken] = []

    def take(self) -> bool:
        """Put what can be said now on the next answer's page; whether anything is on it."""
        self._page += self._script.take(_now())
        self._begin_clauses(_now())
        return self.has_page

    def turn_page(self) -> tuple[Spoken, ...]:
        """What the answer says."""
        page, self._page = tuple(self._page), []
        return page

    def watch(self) -> None:
        """What was given counts as heard when the model of playback says so."""
        self._cancel()
        loop = asyncio.get_running_loop()
        self._heard = loop.call_later(self.remaining_s, self.finish, WHOLLY)

    def stop(self) -> None:
        """Twilio says nothing at the moment, whatever the model believes."""
        self._script.plays_until = min(self._script.plays_until, _now())

    @property
    def has_page(self) -> bool:
        """Something is on the next answer's page."""
        return bool(self._page)

    @property
    def remaining_s(self) -> float:
        """How long what was given goes on to sound, by the model."""
        return max(0.0, self._script.plays_until - _now())

    def finish(self, until: float = WHOLLY) -> bool:
        """What was given is over; of it the clauses that began by `until` were heard.

        Returns:
            Whether a reply or phrase has come to its end by this.
        """
        self._cancel()
        self._begin_clauses(until)
        ended = self._script.end_taken()
        for part in ended:
            for number in range(part.started):
                self._post(ClauseHeard(_now(), part.reply_id, number, is_estimated=True))
            self._post(PlaybackFinished(_now(), part.reply_id))
        return bool(ended)

    def drop(self, part: Part) -> None:
        """Say no more of it. What a reply of which nothing was said has cost is reported."""
        self._script.remove(part)
        part.voice.drop()
        if part.voice.is_reply and not part.voice.is_audible:
            self._post(ReplyWasted(_now(), part.reply_id, part.voice.cost.tokens, 0))

    def close(self) -> None:
        """The call is over."""
        self._cancel()

    def _begin_clauses(self, until: float) -> None:
        for begun in self._script.begin(until):
            part, clause = begun.part, begun.clause
            self._post(
                ClauseStarted(
                    _now(),
                    part.reply_id,
                    clause.number,
                    clause.text,
                    begun.heard_at,
                    part.voice.is_reply,
                )
            )

    def _cancel(self) -> None:
        if self._heard is not None:
            self._heard.cancel()
            self._heard = None


def _now() -> float:
    return asyncio.get_running_loop().time()
