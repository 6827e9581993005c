import asyncpg

from tests.records.databases import fetch, postgresql_place
from tests.records.outcomes import FULL, make_outcome
from tests.servers.postgresql import PostgresServer
from voxd.records.making import make_record
from voxd.records.sql import open_sql_store


async def test_the_designs_own_table_is_used_where_it_is(postgres: PostgresServer) -> None:
    place = postgresql_place(postgres.url)
    session = await asyncpg.connect(postgres.url)
    await session.execute("drop schema public cascade; create schema public")
    await session.execute(
        """create table turns (
          id               bigint generated always as identity primary key,
          created_at       timestamptz not null default now(),
          session_id       text not null,
          turn_number      integer not null,
          content          text,
          stt_latency_ms   integer,
          llm_ttft_ms      integer,
          tts_ttfa_ms      integer,
          total_latency_ms integer,
          stt_provider     text,
          llm_provider     text,
          tts_provider     text,
          meta             jsonb not null default '{}'::jsonb,
          unique (session_id, turn_number)
        )"""
    )
    await session.execute("insert into turns (session_id, turn_number) values ('before', 1)")
    await session.close()
    async with open_sql_store(place) as store:
        await store.write([make_record(make_outcome(), FULL, 25.0)])
    turns = await fetch(place, "select session_id from turns order by id")
    assert [turn["session_id"] for turn in turns] == ["before", "CA1", "CA1"]
