"""Calls as they are found in a database: written by the real store, read by the real reader."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.records.databases import sqlite_place
from tests.records.outcomes import FULL, STARTED_AT, make_outcome, with_trouble
from voxd.records.making import make_record
from voxd.records.place import Place
from voxd.records.sql import open_sql_store
from voxd.settings.records import Price
from voxd.telemetry.outcome import CallOutcome

PRICED = FULL.model_copy(update={"prices": {"mouth": Price(million_characters=1000.0)}})


def three_calls() -> list[CallOutcome]:
    """Of two tiers, an hour apart; the last had trouble, and no answer in its last turn."""
    first = make_outcome("CA1one", 2, tier="free", agent="", target_s=3.0)
    second = make_outcome("CA2two", 1, started_at=STARTED_AT + timedelta(hours=1), target_s=0.5)
    third = with_trouble(
        make_outcome("CA2three", 3, started_at=STARTED_AT + timedelta(hours=2), tenant="luna")
    )
    *answered, last = third.turns
    silent = replace(last, voice_to_voice_ms=None, reply="", tts_ttfa_ms=None, tts_engine="")
    return [first, second, replace(third, turns=(*answered, silent))]


async def store(folder: Path, outcomes: Sequence[CallOutcome]) -> Place:
    place = sqlite_place(folder / "voxd.db")
    async with open_sql_store(place) as opened:
        records = [make_record(it, PRICED, it.duration_s) for it in outcomes]
        await opened.write(records)
    return place
