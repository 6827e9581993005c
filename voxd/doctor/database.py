"""Do the records find their place? I/O: asks it what the daemon would ask at its start."""

import asyncio
from collections.abc import AsyncIterator

from voxd.config import Config
from voxd.doctor.finding import Finding, bad, good
from voxd.records.opening import probe_store
from voxd.records.store import StoreAway

LIMIT_S = 10.0
"""A database that takes longer to answer is away, as the writer sees it."""


async def check_database(config: Config) -> AsyncIterator[Finding]:
    """Whether records of calls can be stored; that they cannot costs no call."""
    try:
        async with asyncio.timeout(LIMIT_S):
            place = await probe_store(config)
    except (StoreAway, TimeoutError) as error:
        reason = error.reason if isinstance(error, StoreAway) else f"no answer in {LIMIT_S:g} s"
        advice = "calls go on, and records wait in [records] spill: see to the database"
        yield bad("records", f"cannot be stored: {reason}", advice)
        return
    if place is None:
        yield good("records", "none are kept ([records] database is empty)")
    else:
        yield good("records", f"can be stored: {place}")
