import pytest

from voxd.caller.daemon import decode_turns, match_turns
from voxd.caller.report import DaemonTurn, TurnReport, TurnStatus


def turn(number: int, speech_end_s: float) -> TurnReport:
    return TurnReport(number, "a", TurnStatus.ANSWERED, speech_end_s=speech_end_s)


def daemon(speech_end: float | None, heard_ms: float | None = 700.0) -> DaemonTurn:
    return DaemonTurn(speech_end=speech_end, voice_to_voice_ms=heard_ms)


def test_turns_are_read_and_unknown_or_odd_fields_left_out() -> None:
    body = {"turns": [{"llm_ttft_ms": 50, "reply": 7, "transcript": "hi", "x": 1}], "state": "ok"}
    assert decode_turns(body) == [DaemonTurn(llm_ttft_ms=50, transcript="hi")]


@pytest.mark.parametrize("body", [None, [], {}, {"turns": 1}, {"turns": [1]}])
def test_anything_else_is_refused(body: object) -> None:
    with pytest.raises(ValueError):
        decode_turns(body)


def test_turns_are_matched_by_when_speech_ended() -> None:
    turns = [turn(1, 3.0), turn(2, 9.0), turn(3, 15.0)]
    split, first, third = daemon(1001.5), daemon(1003.1), daemon(1014.8)
    match_turns(turns, [split, first, third], 1000.0)
    assert [t.daemon for t in turns] == [first, None, third]
    assert [t.is_confirmed for t in turns] == [True, False, True]


def test_answer_that_the_daemon_did_not_make_is_not_confirmed() -> None:
    turns = [turn(1, 3.0)]
    match_turns(turns, [daemon(1003.0, None)], 1000.0)
    assert turns[0].is_confirmed is False


def test_without_a_common_clock_order_counts_when_the_numbers_agree() -> None:
    turns = [turn(1, 3.0), turn(2, 9.0)]
    match_turns(turns, [daemon(5.0), daemon(None)], 1000.0)
    assert all(t.daemon is not None and t.is_confirmed for t in turns)
    doubtful = [turn(1, 3.0), turn(2, 9.0)]
    match_turns(doubtful, [daemon(5.0)], 1000.0)
    assert [t.is_confirmed for t in doubtful] == [None, None]
