"""Takes finished calls and sees that their records are kept. An observer of calls.

`call_finished` belongs to the loop of the calls and only puts the outcome into a queue. All else
happens in `run`, on the loop of a thread of its own (`voxd.records.opening`): files are written
there without further ado.

Records reach the store in the order of the calls' ends: while older ones wait on disk, new ones go
to disk as well. When the disk takes none, they go past those that wait there, or stay in memory,
and behind them the queue fills.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from voxd.records.intake import Intake
from voxd.records.link import DEADLINE, OpenStore, StoreLink
from voxd.records.making import make_record
from voxd.records.record import CallRecord, decode_record, encode_record
from voxd.records.spill import Spill, SpillFull
from voxd.records.store import RecordRefused, StoreAway
from voxd.settings.records import Records
from voxd.telemetry.outcome import CallOutcome

logger = logging.getLogger(__name__)

BATCH_CALLS = 50
"""Calls that are written at once; fewer while the store is too slow for so many. Bound as well of
those that stay in memory when neither store nor disk takes them."""
PATIENCE = 4
"""Attempts at the oldest records on disk, before it is asked whether the store or one of them is at
fault: some 7 s."""
KEPT_NAMES = 1000
"""Bound of the CallSids that are remembered: a call that comes back does so within minutes."""
PURGE_S = 3600.0
"""How often it is looked for calls that are too old to be kept."""


class RecordWriter:
    """One place for records and what waits for it. All counts are of calls."""

    def __init__(self, settings: Records, open_store: OpenStore, spill: Spill | None) -> None:
        """
        Args:
            open_store: reaches the store; asked again after it failed.
            spill: None: what the store does not take at once is lost.
        """
        self._settings = settings
        self._spill = spill
        self._intake = Intake()
        self._link = StoreLink(open_store, lambda: self.depth)
        self._batch = BATCH_CALLS
        self._held: list[CallRecord] = []
        """What neither store nor disk has taken; asked for before anything else."""
        self._in_hand = 0
        """New ones that are just being written."""
        self._is_disk_well = True
        self._failures = 0
        """Of the oldest records on disk, since any of them was settled."""
        self._purge_at = 0.0
        self._ended: dict[str, int] = {}
        """How often the last calls have ended, by CallSid; the one that ended last comes last."""
        self._lock = threading.Lock()
        """Over what both threads count."""
        self.written = 0
        """Calls that the store has taken."""
        self.spilled = 0
        """Calls that went to disk first."""
        self.dropped = 0
        """Calls that nobody took."""

    @property
    def depth(self) -> int:
        """Calls that wait: in memory, those that a store is slow to take included, and on disk."""
        spilled = self._spill.waiting if self._spill is not None else 0
        return len(self._intake) + len(self._held) + self._in_hand + spilled

    @property
    def is_well(self) -> bool:
        """The store took what it was given last."""
        return self._link.is_well

    def call_finished(self, outcome: CallOutcome) -> None:
        """Take a call, on the loop of the calls; never blocks, never raises."""
        refused = self._intake.put(outcome, _now())
        if refused is not None:
            self._drop(1, refused)

    def stop(self) -> None:
        """Have `run` keep what waits, and return; from any thread."""
        self._intake.close()

    # --- on its own loop ----------------------------------------------------------------------

    async def run(self) -> None:
        """Keep records until `stop`. Raises nothing but `CancelledError`."""
        self._purge_at = _now()
        with self._intake.taking(self._link.hurry):
            while not self._intake.is_closed or len(self._intake) or self._held:
                due = 0.0 if self._has_spilled or self._held else self._purge_at
                limit_s = max(due, self._link.retry_at) - _now()
                await self._intake.wait(limit_s, has_room=not self._held)
                try:
                    await self._work()
                except Exception:  # border: a background loop
                    logger.exception("records are not kept")
                    self._link.fail("bug")
        await self._link.close()

    async def _work(self) -> None:
        """What is due, one thing after the other."""
        if batch := self._take():
            await self._keep(batch)
        while self._has_spilled and self._may_ask and await self._replay():
            if batch := self._take():
                await self._keep(batch)
        if not self._has_spilled and self._may_ask and _now() >= self._purge_at:
            await self._purge()

    @property
    def _has_spilled(self) -> bool:
        return self._spill is not None and not self._spill.is_empty

    @property
    def _may_ask(self) -> bool:
        """The store is due, and there is time for what is not urgent."""
        return not self._intake.is_closed and _now() >= self._link.retry_at

    def _take(self) -> list[CallRecord]:
        records, self._held = self._held, []
        taken = [] if records else self._intake.take(self._batch)
        for outcome, clock in taken:
            try:
                records.append(make_record(self._named(outcome), self._settings, clock))
            except Exception:  # border: a background loop
                logger.exception("record was not made")
                self._drop(1, "bug")
        self._in_hand = len(records)
        return records

    def _named(self, outcome: CallOutcome) -> CallOutcome:
        """Under a name of its own: a call that its operator's TwiML sent back to us ends twice."""
        name = outcome.call_id
        times = self._ended[name] = self._ended.pop(name, 0) + 1
        while len(self._ended) > KEPT_NAMES:
            del self._ended[next(iter(self._ended))]
        return outcome if times == 1 else replace(outcome, call_id=f"{name}/{times}")

    async def _keep(self, records: Sequence[CallRecord]) -> None:
        """Give new records to the store, or to the disk while older ones wait there; or hold them.

        When the disk refuses at the very end, the store is asked by all means.
        """
        is_due = self._spill is None or _now() >= self._link.retry_at
        try:
            if (self._has_spilled or not is_due) and self._put_by(records):
                return
            may_write = is_due or self._intake.is_closed
            left = await self._write(records) if may_write else records
            if not left or self._put_by(left):
                return
            if self._intake.is_closed:
                self._drop(len(left), "disk_refuses")
            else:
                self._held = list(left)
        except Exception:  # border: a background loop
            logger.exception("records are not kept")
            self._drop(len(records), "bug")
        finally:
            self._in_hand = 0

    def _put_by(self, records: Sequence[CallRecord]) -> bool:
        """Settle records without the store, for now; returns whether that worked."""
        if self._spill is None:
            self._drop(len(records), "no_spill")
            return True
        try:
            self._spill.append([encode_record(record) for record in records])
        except (OSError, SpillFull) as error:
            if self._is_disk_well:  # once is enough
                extra = {"reason": type(error).__name__}
                logger.warning("records cannot be put on disk", extra=extra)
            self._is_disk_well = False
            return False
        self._is_disk_well = True
        self.spilled += len(records)
        return True

    async def _replay(self) -> bool:
        """Give the oldest of the disk to the store; returns whether that worked."""
        assert self._spill is not None
        try:
            is_stuck = self._failures >= PATIENCE
            lines = self._spill.first(max(2, self._batch) if is_stuck else self._batch)
            found = [_decode(line) for line in lines]
            records = [record for record in found if record is not None]
            write = self._unblock if is_stuck else self._write
            left = await write(records) if records else []
            settled = found.index(left[0]) if left else len(found)
            if settled:
                self._spill.drop(lines[:settled])
        except OSError as error:
            self._link.fail(type(error).__name__)
            return False
        self._failures = self._failures + 1 if left and not settled else 0
        if damaged := found[:settled].count(None):
            self._drop(damaged, "damaged_file")
        if lost := self._spill.take_lost():
            self._drop(lost, "file_removed")
        return not left

    async def _unblock(self, records: Sequence[CallRecord]) -> Sequence[CallRecord]:
        """As `_write`, for when the oldest record may be what the store fails at.

        It is if the store takes another, and then again not this one, which is dropped.
        """
        if not await self._write(records[:1]):
            return records[1:]
        others = [*records[1:], *self._newest()]
        if not others or not await self._takes(others[self._failures % len(others)]):
            return records
        if await self._write(records[:1]):
            self._drop(1, "store_fails_at_it")
        return records[1:]

    def _newest(self) -> list[CallRecord]:
        """Some records of the last file, if that is not the first."""
        assert self._spill is not None
        found = [_decode(line) for line in self._spill.newest(BATCH_CALLS)]
        return [record for record in found if record is not None]

    async def _takes(self, record: CallRecord) -> bool:
        """Whether the store takes this; it will be written again when its turn comes."""
        try:
            await self._link.ask(lambda store: store.write([record]))
        except (StoreAway, RecordRefused):
            return False
        return True

    async def _write(self, records: Sequence[CallRecord]) -> Sequence[CallRecord]:
        """Give records to the store; returns those that it does not take now, the last ones.

        One that it will never take is dropped. What takes too long is tried with half as many.
        """
        try:
            await self._link.ask(lambda store: store.write(records))
        except StoreAway as error:
            if error.reason == DEADLINE:
                self._batch = max(1, self._batch // 2)
            return records
        except RecordRefused as error:
            if len(records) == 1:
                self._drop(1, error.reason)
                return ()
            for place, record in enumerate(records):  # the others are good
                if await self._write([record]):
                    return records[place:]
            return ()
        self.written += len(records)
        self._batch = min(BATCH_CALLS, self._batch + 1)
        return ()

    async def _purge(self) -> None:
        """Forget calls that are too old, a part at a time; others are written in between.

        The store is opened here at the latest, so that what is wrong with it shows at once.
        """
        days = self._settings.retention_days
        before = datetime.now(UTC) - timedelta(days=days)
        try:
            purged = await self._link.ask(lambda it: it.purge(before) if days else _nothing())
        except StoreAway:
            return
        self._purge_at = _now() + (0.0 if purged else PURGE_S)

    def _drop(self, calls: int, reason: str) -> None:
        with self._lock:
            self.dropped += calls
        extra = {"calls": calls, "reason": reason, "dropped": self.dropped}
        logger.error("records of calls are lost", extra=extra)


def _decode(line: bytes) -> CallRecord | None:
    try:
        return decode_record(line)
    except ValueError:
        return None


async def _nothing() -> int:
    return 0


def _now() -> float:
    return asyncio.get_running_loop().time()
