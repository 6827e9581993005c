"""One call in, the config as that call sees it out. Asks the look-up where there is one."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from voxd.config import Config, Number
from voxd.lookup.answer import NoAnswer
from voxd.lookup.cache import AnswerCache
from voxd.lookup.client import LookupClient

logger = logging.getLogger(__name__)

KEPT_CALLS = 2000
"""Bound of the calls that are remembered for their later webhooks; the oldest goes."""
UNLISTED = Number()
"""What the file says of a number that it does not have."""
PAUSE_S = 1.0
MAX_PAUSE_S = 60.0
"""A service that failed is left alone for so long; the pause doubles up to the longest."""
MAX_NUMBER_CHARS = 64
"""What is longer is no number, address or client that Twilio would send."""


@dataclass(frozen=True, slots=True)
class LookupStatus:
    """How a look-up is, for operators."""

    answers: int
    """Kept ones."""
    failure: str
    """Why the last question got no answer, a constant word; empty when it got one."""
    is_paused: bool
    """It has failed and is left alone for a moment."""


@dataclass(frozen=True, slots=True)
class RoutedCall:
    """What a call is led by: small beside the config that it sees, and enough to make it again."""

    base: Config
    """Shared by all calls until a reload."""
    own: Number
    called: str
    caller: str
    began_at: datetime
    is_outbound: bool

    def see(self) -> Config:
        """The config of this call, its texts filled in; the same each time."""
        routed = self.base.routed(self.own)
        return routed.filled(self._facts(routed), is_outbound=self.is_outbound)

    def _facts(self, config: Config) -> dict[str, str]:
        zone = config.agent.time_zone
        began_at = self.began_at.astimezone(ZoneInfo(zone) if zone else None)
        return {
            "called": self.called,
            "caller": self.caller,
            "date": f"{began_at:%Y-%m-%d}",
            "time": f"{began_at:%H:%M}",
            "tenant": config.call.tenant,
        }


class Directory:
    """Who answers which call."""

    def __init__(self, config: Config, client: LookupClient | None = None) -> None:
        """
        Args:
            client: None: by the file alone.
        """
        self._calls: OrderedDict[str, RoutedCall] = OrderedDict()
        self._config = config
        self._client = client
        self._begin()

    def change(self, config: Config, client: LookupClient | None) -> None:
        """Route calls that come from now on by another config; those known keep what they got.

        Answers are kept, for the service may be away, unless another one is asked from now on, or
        in another way: what they name and the config has not got any more counts as not given.
        """
        is_another = config.lookup != self._config.lookup
        self._config = config
        self._client = client
        if is_another:
            self._begin()

    def _begin(self) -> None:
        """Know nothing yet."""
        lookup = self._config.lookup
        self._cache = AnswerCache(lookup.entries, lookup.ttl_s, lookup.stale_s)
        self._pause_s = PAUSE_S
        self._asks_again_at = 0.0
        self._failure = ""
        """Why the last question got no answer."""

    async def route(self, call_sid: str, called: str, caller: str) -> Config:
        """The config of a call, its texts filled in; takes no longer than the look-up's deadline.

        A call that was routed before keeps what it got.
        """
        known = self._calls.get(call_sid)
        if known is not None:
            return known.see()
        called, caller = called[:MAX_NUMBER_CHARS], caller[:MAX_NUMBER_CHARS]
        own = await self.find_own(called, caller, call_sid)
        return self.assign(call_sid, own, called, caller)

    async def find_own(self, number: str, person: str, call_sid: str = "") -> Number:
        """What file and look-up say of calls between a number of ours and somebody, whoever calls.

        Args:
            call_sid: empty: the call is still to be placed.
        """
        own = self._config.numbers.get(number, UNLISTED)
        return own.changed_by(await self._ask(number, person, call_sid))

    def assign(
        self, call_sid: str, own: Number, called: str, caller: str, *, is_outbound: bool = False
    ) -> Config:
        """Have a call be led as `own` says, from now on; arguments as of `see`."""
        call = self._begin_call(own, called, caller, is_outbound=is_outbound)
        self._calls[call_sid] = call
        self._calls.move_to_end(call_sid)
        while len(self._calls) > KEPT_CALLS:
            self._calls.popitem(last=False)
        return call.see()

    def see(self, own: Number, called: str, caller: str, *, is_outbound: bool = False) -> Config:
        """The config of a call that begins now, its texts filled in.

        Args:
            own: judged by the config of now or of a moment ago; what was taken out of it since,
                counts as not given.
            is_outbound: we call; `caller` is a number of ours.
        """
        return self._begin_call(own, called, caller, is_outbound=is_outbound).see()

    def recall(self, call_sid: str, called: str = "") -> Config:
        """What `route` or `assign` said of a call; of a forgotten one what the file says."""
        known = self._calls.get(call_sid)
        if known is not None:
            return known.see()
        own = self._config.numbers.get(called[:MAX_NUMBER_CHARS], UNLISTED)
        return self.see(own, called, "")

    def status(self) -> LookupStatus | None:
        """How the look-up is; None without one."""
        if self._client is None:
            return None
        is_paused = asyncio.get_running_loop().time() < self._asks_again_at
        return LookupStatus(len(self._cache), self._failure, is_paused)

    def _begin_call(
        self, own: Number, called: str, caller: str, *, is_outbound: bool
    ) -> RoutedCall:
        own = _still_there(own, self._config)
        return RoutedCall(self._config, own, called, caller, datetime.now(UTC), is_outbound)

    async def _ask(self, called: str, caller: str, call_sid: str) -> Number:
        """What the look-up says now, or said once; nothing at all when that is all there is."""
        if self._client is None:
            return UNLISTED
        now, cache = asyncio.get_running_loop().time, self._cache
        known = cache.get((called, caller), now())
        if known is not None and known.is_fresh:
            return known.number
        if now() >= self._asks_again_at:
            try:
                answer = await self._client.fetch(called, caller, call_sid)
            except NoAnswer as error:
                self._pause(error, now())
            else:
                self._pause_s, self._failure = PAUSE_S, ""
                cache.put((called, caller), answer, now())
                return answer
        return known.number if known is not None else UNLISTED

    def _pause(self, error: NoAnswer, now: float) -> None:
        extra = {"reason": error.reason, "key": error.key, "pause_s": self._pause_s}
        logger.warning("look-up failed", extra=extra)
        self._failure = error.reason
        if now >= self._asks_again_at:  # of calls that failed together only the first counts
            self._asks_again_at = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)


def _still_there(own: Number, config: Config) -> Number:
    """A number without the names that the config does not have any more."""
    gone: dict[str, None] = {}
    if own.tier is not None and own.tier not in config.tiers:
        gone["tier"] = None
    if own.agent is not None and own.agent not in config.agents:
        gone["agent"] = None
    if own.language is not None and own.language not in config.phrases_of:
        gone["language"] = None
    return own.model_copy(update=gone) if gone else own
