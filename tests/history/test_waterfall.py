from tests.records.outcomes import FULL, make_outcome
from voxd.history.waterfall import turn_spans
from voxd.records.making import make_record

(TURN,) = make_record(make_outcome(turns=1), FULL, 15.0).turns


def test_bars_stand_where_the_caller_draws_them() -> None:
    spans = {name: (start, end) for name, start, end, _ in turn_spans(TURN)}
    assert spans["endpoint"] == (0, 400)
    assert spans["stt_latency"] == (0, 250)
    assert spans["llm_ttft"] == (400, 460)
    assert spans["voice_to_voice"] == (0, 900)


def test_what_did_not_happen_has_no_bar() -> None:
    silent = {**TURN, "tts_ttfa_ms": None, "meta": {"endpoint_ms": 400.0}}
    assert [name for name, *_ in turn_spans(silent)] == ["endpoint", "stt_latency", "llm_ttft"]
