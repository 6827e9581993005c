import json

from voxd.caller.report import CallReport, Hole, Outcome, TurnReport, TurnStatus


def report(*statuses: TurnStatus) -> CallReport:
    turns = [TurnReport(n + 1, "a", status) for n, status in enumerate(statuses)]
    return CallReport("CA1", outcome=Outcome.CONNECTED, turns=turns)


def test_call_is_good_only_when_every_turn_was_answered() -> None:
    assert report(TurnStatus.ANSWERED, TurnStatus.CUT).is_good
    assert not report(TurnStatus.ANSWERED, TurnStatus.UNANSWERED).is_good
    assert not report(TurnStatus.NOT_SPOKEN).is_good


def test_mere_apology_is_not_good() -> None:
    call = report(TurnStatus.ANSWERED)
    call.turns[0].is_confirmed = False
    assert not call.is_good


def test_warning_is_listed_once_but_counted_always() -> None:
    call = report(TurnStatus.ANSWERED)
    for _ in range(3):
        call.warn("31951: not JSON")
    assert (call.warnings, call.warning_count, call.is_good) == (["31951: not JSON"], 3, False)


def test_json_has_every_number_but_no_samples() -> None:
    call = report(TurnStatus.ANSWERED)
    call.holes.append(Hole(1.23456789, 30.0))
    body = json.loads(json.dumps(call.to_json()))
    assert body["is_good"] is True
    assert body["holes"] == [{"at_s": 1.2346, "length_ms": 30.0}]
    assert body["turns"][0]["status"] == "answered"
    assert "recording" not in body
