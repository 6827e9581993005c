from datetime import datetime, timedelta, timezone

from tests.records.outcomes import FULL, STARTED_AT, make_outcome
from voxd.records.legs import name_legs
from voxd.records.making import make_record
from voxd.records.record import CallRecord

LATER = STARTED_AT + timedelta(minutes=5)
LATER_NAME = "CA1/20261123T100500"


def leg(started_at: datetime = STARTED_AT, call_id: str = "CA1") -> CallRecord:
    return make_record(make_outcome(call_id, 2, started_at=started_at), FULL, 25.0)


def names(records: list[CallRecord]) -> list[str]:
    return [record.call["call_id"] for record in records]


def test_calls_that_come_once_keep_their_names() -> None:
    records = [leg(), leg(call_id="CA2")]
    assert name_legs(records, {}) == records


def test_a_call_that_comes_back_has_a_name_of_its_own_and_so_have_its_turns() -> None:
    first, second = name_legs([leg(), leg(LATER)], {})
    assert names([first, second]) == ["CA1", LATER_NAME]
    assert {turn["session_id"] for turn in second.turns} == {LATER_NAME}


def test_what_is_stored_already_counts_as_well() -> None:
    assert names(name_legs([leg(LATER)], {"CA1": STARTED_AT})) == [LATER_NAME]


def test_a_call_that_is_written_again_has_the_name_that_it_had() -> None:
    known = {"CA1": STARTED_AT, LATER_NAME: LATER}
    assert names(name_legs([leg(), leg(LATER), leg(LATER)], known)) == [
        *("CA1", LATER_NAME, LATER_NAME),
    ]


def test_a_moment_is_the_same_in_every_zone() -> None:
    elsewhere = STARTED_AT.astimezone(timezone(timedelta(hours=2)))
    assert names(name_legs([leg()], {"CA1": elsewhere})) == ["CA1"]


def test_a_record_without_a_moment_is_left_to_its_store() -> None:
    odd = leg()
    odd.call["started_at"] = "yesterday"
    assert name_legs([odd], {"CA1": STARTED_AT}) == [odd]
