"""One engine's health, learned from real traffic and probes. Pure; time is an argument.

States: HEALTHY; DEGRADED (slow against its own past, or failing now and then: ranked last);
EJECTED (not used); PROBING (the ejection is over or the engine is doubted, a probe must succeed
before callers come back).

Numbers, chosen so that ten requests are enough to see a change of speed and one is not:

* slow: the median of the last 5 to 10 first results is above twice the baseline median; the
  baseline starts at what the engine declares, then above 2.5 times;
* doubted: after one error the engine is passed over by new calls until something succeeds, so
  that no call pays for what the one before it found out; a probe is asked for at once;
* failing: 2 errors within the last 8 requests degrade, 3 in a row eject;
* ejection: 5 s, doubled with each one in a row up to 5 minutes, forgiven after 10 good minutes
  (the scheme of Envoy's outlier detection, in shape).
"""

from collections import deque
from dataclasses import dataclass

from voxd.contracts import EngineState
from voxd.errors import Category
from voxd.selection.speed import Speed

RECOVERY_PROBES = 3
"""Good probes in a row that end a degradation; one ends an ejection."""
ERROR_WINDOW = 8
DEGRADING_ERRORS = 2
EJECTING_ERRORS = 3
EJECTION_S = 5.0
EJECTION_MAX_S = 300.0
FORGIVE_S = 600.0
RATE_LIMIT_S = 10.0
"""Ejection after a rate limit that names no time."""

DOUBTFUL_REQUESTS = 2
"""Refused requests in a row, each by itself our own fault, that ask for a probe: one is odd, but a
setting or a voice that the provider does not know refuses every caller alike."""

_UNTIL_KEY_CHANGES = frozenset({Category.AUTH, Category.QUOTA})
_OUR_OWN_FAULT = frozenset({Category.BAD_REQUEST})
_NO_DOUBT = frozenset({Category.OVERLOADED})
"""Says that there is much to do, not that something is wrong."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an engine is, and why."""

    state: EngineState
    reason: str
    """A few constant words for `/health` and logs."""


class EngineHealth:
    """The health of one engine with one credential."""

    def __init__(self, expected_latency_s: float) -> None:
        self._speed = Speed(expected_latency_s)
        self._outcomes: deque[bool] = deque(maxlen=ERROR_WINDOW)
        self._errors_in_row = 0
        self._refused_in_row = 0
        self._good_probes = 0
        self._ejected_until = 0.0
        self._ejections = 0
        self._needs_probe = False
        self._is_doubted = False
        self._last_ejection = float("-inf")
        self._reason = ""

    def record_result(self, now: float, latency_s: float) -> None:
        """A caller's request got its first result after this long."""
        self._note_good()
        if now >= self._ejected_until:
            self._end_ejection()  # a caller who had no other engine proved it
        self._speed.note(now, latency_s)

    def record_error(
        self, now: float, category: Category, retry_after_s: float | None = None
    ) -> None:
        """A caller's request failed. One that was itself wrong says nothing of health."""
        if category in _OUR_OWN_FAULT:
            self._refused_in_row += 1
            if self._refused_in_row >= DOUBTFUL_REQUESTS:
                self._doubt(category)
            return
        self._note_bad(now, category, retry_after_s)

    def record_late(self, now: float, waited_s: float) -> None:
        """A caller's request got nothing for this long; then another engine's result was used."""
        self._speed.note(now, waited_s)
        self._doubt("late")

    def record_probe(self, now: float, latency_s: float | None, category: Category | None) -> None:
        """A probe came back: with its time, or with the category of its failure."""
        if category is not None or latency_s is None:
            self._good_probes = 0
            self._note_bad(now, category or Category.CONNECTIVITY, None, is_probe=True)
            return
        if now < self._ejected_until:
            return
        self._note_good()
        self._end_ejection()
        speed = self._speed
        is_good = not speed.is_slow or speed.is_recovered_by(latency_s)
        self._good_probes = self._good_probes + 1 if is_good else 0
        if self._good_probes >= RECOVERY_PROBES:
            self._good_probes = 0
            self._outcomes.clear()
            if speed.is_slow:
                speed.recover()
        elif speed.is_slow:
            speed.accept_new_normal(now)

    def record_failed_start(self, now: float, category: Category) -> None:
        """It could not even be made ready: a probe and not a caller tries it first."""
        self._note_bad(now, category, None)
        if now >= self._ejected_until:
            self._eject(now, EJECTION_S, f"{category}: not ready at start")

    def credential_changed(self) -> None:
        """The key, or what it may do, has changed: what was before is no longer known of.

        A probe and not a caller tries it.
        """
        self._ejected_until = 0.0
        self._ejections = 0
        self._errors_in_row = 0
        self._needs_probe = True
        self._is_doubted = False
        self._outcomes.clear()
        self._reason = "the account may have changed"

    def verdict(self, now: float) -> Verdict:
        """How the engine is at this moment."""
        if now < self._ejected_until:
            return Verdict(EngineState.EJECTED, self._reason)
        if self._needs_probe or self._is_doubted:
            return Verdict(EngineState.PROBING, self._reason)
        if self._speed.is_slow:
            return Verdict(EngineState.DEGRADED, "slower than its own past")
        if self._outcomes.count(False) >= DEGRADING_ERRORS:
            return Verdict(EngineState.DEGRADED, "errors among the last requests")
        return Verdict(EngineState.HEALTHY, "")

    @property
    def is_ejected_for_good(self) -> bool:
        """Refused for its key or what is configured: nothing but a change of these helps."""
        return self._ejected_until == float("inf")

    @property
    def median_s(self) -> float:
        """Median time to the first result in the engine's own past, seconds."""
        return self._speed.median_s

    def _end_ejection(self) -> None:
        """It is well again; the errors before were atoned for by the ejection."""
        if self._needs_probe:
            self._needs_probe = False
            self._outcomes.clear()

    def _doubt(self, why: str) -> None:
        if not self._needs_probe:
            self._is_doubted = True
            self._reason = f"{why}: a probe must show that it was an exception"

    def _note_good(self) -> None:
        self._errors_in_row = 0
        self._refused_in_row = 0
        self._is_doubted = False
        self._outcomes.append(True)

    def _note_bad(
        self,
        now: float,
        category: Category,
        retry_after_s: float | None,
        *,
        is_probe: bool = False,
    ) -> None:
        self._outcomes.append(False)
        self._errors_in_row += 1
        if category in _UNTIL_KEY_CHANGES:
            self._eject(
                now, float("inf"), f"{category}: until the key or the configuration changes"
            )
        elif category is Category.RATE_LIMIT:
            self._eject(now, RATE_LIMIT_S if retry_after_s is None else retry_after_s, category)
        elif self._errors_in_row >= EJECTING_ERRORS or (
            is_probe and (self._needs_probe or self._is_doubted)
        ):
            if now - self._last_ejection > FORGIVE_S:
                self._ejections = 0
            wait_s = min(EJECTION_S * 2**self._ejections, EJECTION_MAX_S)
            self._ejections = min(self._ejections + 1, 16)
            self._eject(now, wait_s, f"{category}: repeated")
        elif category not in _NO_DOUBT:
            self._doubt(category)

    def _eject(self, now: float, for_s: float, reason: str) -> None:
        self._ejected_until = max(self._ejected_until, now + for_s)
        self._last_ejection = now
        self._needs_probe = True
        self._is_doubted = False
        self._reason = reason
