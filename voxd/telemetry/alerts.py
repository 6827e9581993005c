"""Tells the operator's own service of latency violations. I/O: one POST over HTTP each.

Calls never wait for it: an alert goes into a bounded queue, one task sends them in order. A service
that is slow or gone costs alerts, which are counted. Sent are figures and names from the config,
never words or telephone numbers; the answer is not read but for its status.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
import orjson

from voxd.config import Config, read_secret
from voxd.errors import ConfigError, Problem
from voxd.posting import open_session, post
from voxd.telemetry.incidents import Alert, Incidents
from voxd.telemetry.latency import TurnTimings
from voxd.telemetry.outcome import CallFacts, Switch

logger = logging.getLogger(__name__)

SECRET = "VOXD_ALERTS_SECRET"
QUEUE = 64
"""Bound of the alerts that wait; one more is dropped and counted. Rate limits keep it empty unless
the service is gone, and then the oldest news are the ones that say when it began."""
RETRIES_S = (1.0, 5.0)
"""Pauses before an alert that did not arrive is sent again, under the same key."""


def check_alerts(config: Config) -> tuple[Problem, ...]:
    """What keeps alerts from being sent: nothing, or the secret that is not set."""
    if not config.alerts.url or read_secret(SECRET):
        return ()
    message = f"the service must know who tells it: set the secret {SECRET}"
    return (Problem("alerts.url", message),)


def describe_alerts(config: Config) -> list[str]:
    """Who is told of violations, one sentence a line."""
    host = urlsplit(config.alerts.url).hostname
    return [f"Latency violations are told to {host}."] if host else []


class Alerter:
    """An observer of running calls: decides which turns deserve an alert, and sends those."""

    def __init__(
        self,
        config: Config,
        secret: str,
        session: aiohttp.ClientSession,
        now: Callable[[], float],
    ) -> None:
        """
        Args:
            now: seconds, the loop's clock.
        """
        self._alerts = config.alerts
        self._secret = secret
        self._session = session
        self._now = now
        self._incidents = Incidents(config.alerts.repeat_s)
        self._queue: asyncio.Queue[tuple[str, Alert]] = asyncio.Queue(QUEUE)
        self._key = f"{time.time_ns():x}"
        self._made = 0
        self.counts: Counter[str] = Counter()
        """How many alerts were `sent`, `failed` (given up) or `dropped` (the queue was full)."""

    @property
    def open_incidents(self) -> int:
        """Tiers and engines that a violation was told of and no recovery."""
        return len(self._incidents)

    def turn_heard(self, facts: CallFacts, turn: TurnTimings) -> None:
        """Put what is to be told into the queue."""
        for alert in self._incidents.note(facts, turn, self._now()):
            self._made += 1
            try:
                self._queue.put_nowait((f"{self._key}-{self._made}", alert))
            except asyncio.QueueFull:
                self.counts["dropped"] += 1

    def engine_switched(self, facts: CallFacts, switch: Switch) -> None:
        """What a failover costs shows in the turn."""

    async def run(self) -> None:
        """Send what is in the queue, until cancelled."""
        while True:
            key, alert = await self._queue.get()
            try:
                arrived = await self._send(key, alert)
            except Exception:  # border: a background loop
                logger.exception("alert was not sent")
                arrived = False
            self.counts["sent" if arrived else "failed"] += 1
            extra = {"kind": str(alert.kind), "tier": alert.tier, "engine": alert.engine}
            if not arrived:
                logger.warning("alert did not arrive", extra=extra)

    async def _send(self, key: str, alert: Alert) -> bool:
        """Post one alert; False when every try failed or it was refused."""
        said = {"event": alert.kind, **asdict(alert), "at": datetime.now(UTC).isoformat()}
        del said["kind"]
        body = orjson.dumps(said)
        for pause_s in (0.0, *RETRIES_S):
            await asyncio.sleep(pause_s)
            status = await self._post(key, body)
            # Whoever understood it and refuses it will not think otherwise in five seconds.
            if status is not None and status < 500 and status != 429:
                return 200 <= status < 300
        return False

    async def _post(self, key: str, body: bytes) -> int | None:
        """One request; its status, None without an answer in time."""
        try:
            async with asyncio.timeout(self._alerts.deadline_s):
                request = post(self._session, self._alerts.url, self._secret, body, key)
                async with request as response:
                    return response.status
        except (TimeoutError, aiohttp.ClientError):
            return None


@asynccontextmanager
async def open_alerts(config: Config) -> AsyncIterator[Alerter | None]:
    """The alerter of the config's service; None without one. Its `run` is the caller's to run.

    Raises:
        ConfigError: its secret is not set.
    """
    problems = check_alerts(config)
    if problems:
        raise ConfigError("the configuration", problems)
    if not config.alerts.url:
        yield None
        return
    connector = aiohttp.TCPConnector(limit=1)
    async with open_session(connector) as session:
        now = asyncio.get_running_loop().time
        yield Alerter(config, read_secret(SECRET), session, now)
