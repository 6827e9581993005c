import io

from rich.console import Console

from voxd.caller.report import CallReport, DaemonTurn, Hole, Outcome, TurnReport, TurnStatus
from voxd.caller.show import show_call, show_summary, waterfall_spans
from voxd.caller.summary import summarize

DAEMON = DaemonTurn(
    endpoint_ms=400,
    stt_latency_ms=200,
    llm_ttft_ms=60,
    llm_clause_ms=150,
    tts_ttfa_ms=100,
    voice_to_voice_ms=700,
    transcript="[bold]which folder",
    reply="The blue one.",
)


def answered(daemon: DaemonTurn | None) -> TurnReport:
    return TurnReport(1, "a", TurnStatus.ANSWERED, voice_to_voice_ms=720, daemon=daemon)


def printed(report: CallReport) -> str:
    output = io.StringIO()
    show_call(Console(file=output, width=120), report)
    return output.getvalue()


def test_model_is_drawn_after_turn_and_transcript() -> None:
    spans = {name: (start, end) for name, start, end, _ in waterfall_spans(answered(DAEMON))}
    assert spans["endpoint"] == (0, 400)
    assert spans["llm_clause"] == (400, 550)
    assert spans["tts_ttfa"] == (550, 650)
    assert spans["at the ear"] == (0, 720)


def test_model_that_ran_ahead_is_drawn_from_the_transcript() -> None:
    ahead = DaemonTurn(
        endpoint_ms=400,
        stt_latency_ms=100,
        llm_clause_ms=200,
        tts_ttfa_ms=90,
        voice_to_voice_ms=420,
    )
    spans = {name: (start, end) for name, start, end, _ in waterfall_spans(answered(ahead))}
    assert spans["llm_clause"] == (100, 300)


def test_ear_stands_alone_without_the_daemons_times() -> None:
    assert [span[0] for span in waterfall_spans(answered(None))] == ["at the ear"]
    assert waterfall_spans(TurnReport(1, "a", TurnStatus.UNANSWERED)) == []


def test_call_is_printed_with_words_bars_holes_and_warnings() -> None:
    report = CallReport("CA1", outcome=Outcome.CONNECTED, turns=[answered(DAEMON)])
    report.holes.append(Hole(4.5, 120.0))
    report.warn("31951: unknown event '[red]'")
    text = printed(report)
    for part in (
        "[bold]which folder",
        "The blue one.",
        "720 ms voice to voice",
        "120 ms",
        "[red]'",
    ):
        assert part in text
    assert text.count("█") > 50


def test_refusal_and_failure_are_one_sentence() -> None:
    refused = CallReport("CA1", outcome=Outcome.REFUSED, problem="All lines are busy.")
    assert printed(refused) == "refused: All lines are busy.\n"
    failed = CallReport("CA1", outcome=Outcome.UNREACHABLE, problem="nobody answers")
    assert printed(failed) == "unreachable: nobody answers\n"


def test_many_calls_are_a_table_with_percentiles() -> None:
    report = CallReport("CA1", outcome=Outcome.CONNECTED, turns=[answered(None)])
    output = io.StringIO()
    show_summary(Console(file=output, width=120), [report] * 2, summarize([report] * 2))
    assert "p95 720" in output.getvalue()
    assert "2 of 2 turns answered" in output.getvalue()
