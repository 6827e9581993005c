from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy.dialects import postgresql, sqlite

from voxd.records.record import CALL_COLUMNS, TURN_COLUMNS
from voxd.records.tables import UtcTime, calls, turns

MADRID = timezone(timedelta(hours=1))


def test_columns_are_those_of_the_records() -> None:
    assert set(calls.columns.keys()) == {"id", *CALL_COLUMNS}
    assert set(turns.columns.keys()) == {"id", *TURN_COLUMNS}


def test_moments_of_any_zone_come_back_as_the_same_moment() -> None:
    moment = datetime(2026, 11, 23, 11, 0, tzinfo=MADRID)
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        stored = UtcTime().process_bind_param(moment, dialect)
        found = UtcTime().process_result_value(stored, dialect)
        assert found == moment and found is not None and found.tzinfo is UTC
