import pytest

from tests.records.outcomes import FULL, make_outcome, with_trouble
from voxd.records.making import make_record
from voxd.records.record import CALL_COLUMNS, decode_record, encode_record

RECORD = make_record(with_trouble(make_outcome()), FULL, 25.0)


def test_a_line_gives_its_record_back() -> None:
    line = encode_record(RECORD)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert decode_record(line) == RECORD


def test_a_record_of_another_version_keeps_what_this_one_knows() -> None:
    found = decode_record(b'{"call": {"call_id": "CA1", "mood": 1}, "turns": []}')
    assert found.call == {**dict.fromkeys(CALL_COLUMNS), "call_id": "CA1"}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        encode_record(RECORD)[:-20],
        b"[]",
        b'{"call": {}, "turns": []}',
        b'{"call": {"call_id": "CA1"}, "turns": [1]}',
        b'{"call": {"call_id": "CA1"}, "turns": [{"turn_number": 1}]}',
        b"\xff\xfe",
    ],
)
def test_half_a_line_and_nonsense_are_no_record(line: bytes) -> None:
    with pytest.raises(ValueError):
        decode_record(line)


def test_rows_are_the_call_and_its_turns() -> None:
    assert RECORD.rows == 3
