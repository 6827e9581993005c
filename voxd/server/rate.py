"""How often may somebody do something? A token bucket; pure."""


class TokenBucket:
    """Lets `rate_per_s` things a second pass in the long run, and `burst` at once.

    Args:
        now: seconds of any clock that never goes back; the one that `take` is asked with.
    """

    def __init__(self, rate_per_s: float, burst: float, now: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Whether one more may pass now; it is counted if so."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate_per_s)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
