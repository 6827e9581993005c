"""A daemon for each kind of place where records go, and other eyes on that place."""

import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from benches.daemon import Daemon, run_daemon
from benches.providers import ENVIRONMENT
from tests.provided import say
from tests.records.databases import fetch, postgresql_place, sqlite_place
from tests.servers.postgresql import PostgresServer, postgres_server
from tests.servers.supabase import KEY, SupabaseServer, supabase_beside
from voxd.caller.plan import CallPlan
from voxd.records.place import Place

PROVIDED = "+15550110"
"""The number that `World.plan` dials."""
Keys = Mapping[str, Any]
"""Of config.toml."""


@dataclass
class World:
    """A daemon, and other eyes on where its records go."""

    daemon: Daemon
    rows: Callable[[str], Any]
    """CallSid -> its turns, as they are stored."""
    end: Callable[[str], Any]
    """CallSid -> why it ended and how many turns it had, as it is stored."""
    path: Path = Path()
    postgres: PostgresServer | None = None
    supabase: SupabaseServer | None = None

    def plan(self, *said: str) -> CallPlan:
        """A call that providers serve."""
        turns = tuple(map(say, said))
        return CallPlan(turns, url=self.daemon.voice_url, to_number=PROVIDED)

    def metrics(self) -> dict[str, float]:
        """Every sample that is about records or latency, summed over its labels."""
        with urllib.request.urlopen(f"{self.daemon.base_url}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.name.removeprefix("voxd_")
                if name.startswith("records"):
                    name = f"{name} {sample.labels.get('result', '')}".strip()
                found[name] = found.get(name, 0.0) + sample.value
        return found


@contextmanager
def sqlite_world(folder: Path, keys: Keys) -> Iterator[World]:
    place = sqlite_place(folder / "voxd.db")
    with run_daemon(folder, keys, environment=ENVIRONMENT) as daemon:
        yield World(daemon, *looks(place), path=place.path)


@contextmanager
def postgresql_world(folder: Path, keys: Keys) -> Iterator[World]:
    with postgres_server() as postgres:
        secrets = {**ENVIRONMENT, "VOXD_DATABASE_URL": postgres.url}
        place = postgresql_place(postgres.url)
        with run_daemon(folder, keys, environment=secrets) as daemon:
            yield World(daemon, *looks(place), postgres=postgres)


@contextmanager
def supabase_world(folder: Path, keys: Keys) -> Iterator[World]:
    with supabase_beside() as supabase:
        there = {**keys, "records.database": supabase.url}
        secrets = {**ENVIRONMENT, "SUPABASE_SERVICE_KEY": KEY}

        async def look(call: str) -> list[dict[str, Any]]:
            return [row for key, row in sorted(supabase.rows.items()) if key[0] == call]

        async def end(call: str) -> tuple[str, int]:
            (told,) = {
                (row["meta"]["call"]["reason"], row["meta"]["call"]["turn_count"])
                for row in await look(call)
            }
            return told

        with run_daemon(folder, there, environment=secrets) as daemon:
            yield World(daemon, look, end, supabase=supabase)


def looks(place: Place) -> tuple[Callable[[str], Any], Callable[[str], Any]]:
    """`rows` and `end` of a world with an SQL database."""

    async def look(call: str) -> list[dict[str, Any]]:
        query = "select * from turns where session_id = '{}' order by turn_number"
        return await fetch(place, query.format(call))

    async def end(call: str) -> tuple[str, int]:
        query = "select reason, turn_count from calls where call_id = '{}'"
        (row,) = await fetch(place, query.format(call))
        return row["reason"], row["turn_count"]

    return look, end


WORLDS = {"sqlite": sqlite_world, "postgresql": postgresql_world, "supabase": supabase_world}
