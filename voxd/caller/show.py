"""What `voxd call` prints: transcript, waterfall, table. For people; `rich` only."""

import math
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from voxd.caller.report import CallReport, DaemonTurn, Outcome, TurnReport, TurnStatus
from voxd.caller.summary import Spread, Summary, answered, spread

BAR_CELLS = 48
"""Width of the waterfall's time axis."""

_STYLES = {
    TurnStatus.ANSWERED: "green",
    TurnStatus.UNANSWERED: "red",
    TurnStatus.CUT: "yellow",
    TurnStatus.NOT_SPOKEN: "red",
}
Span = tuple[str, float, float, str]
"""Name, begin and end in ms after `speech_end`, style."""


def show_call(console: Console, report: CallReport) -> None:
    """Print one call."""
    if report.outcome is Outcome.REFUSED:
        console.print(f"[yellow]refused:[/] {escape(report.problem)}")
        return
    if report.outcome is not Outcome.CONNECTED:
        console.print(f"[red]{report.outcome}:[/] {escape(report.problem)}")
        return
    console.print(f"[bold]call[/] {report.call_sid}, {report.duration_s:.1f} s")
    if report.greeting_s is None:
        console.print("  [red]no greeting was heard[/]")
    else:
        console.print(f"  greeting heard after {report.greeting_s * 1000:.0f} ms")
    for turn in report.turns:
        console.print(_turn(turn))
    for hole in report.holes:
        console.print(
            f"  [red]hole[/] in the agent's audio at {hole.at_s:.2f} s: {hole.length_ms:.0f} ms"
        )
    for warning in report.warnings:
        console.print(f"  [red]protocol warning[/] {escape(warning)}")
    if report.traffic.late_frames:
        console.print(
            f"  [yellow]{report.traffic.late_frames} of this caller's frames left late (up to "
            f"{report.traffic.latest_frame_ms:.0f} ms): this machine was busy[/]"
        )
    ended = f"  ended by the {report.ended_by}"
    if report.after:
        ended += f"; after the stream: {escape('; '.join(report.after))}"
    console.print(ended)
    done, due = answered([report])
    console.print(f"  {done} of {due} turns answered, {len(report.holes)} holes")


def _turn(turn: TurnReport) -> RenderableType:
    lines: list[RenderableType] = [Text.from_markup(_headline(turn))]
    daemon = turn.daemon
    if daemon is not None and daemon.transcript:
        lines.append(Text(f"    heard  {daemon.transcript}", "cyan"))
    if daemon is not None and daemon.reply:
        lines.append(Text(f"    said   {daemon.reply}", "cyan"))
    if spans := waterfall_spans(turn):
        lines.append(draw_waterfall(spans))
    return Group(*lines)


def _headline(turn: TurnReport) -> str:
    status = f"[{_STYLES[turn.status]}]{turn.status.replace('_', ' ')}[/]"
    parts = [f"  [bold]turn {turn.number}[/] {escape(turn.name)}: {status}"]
    if turn.voice_to_voice_ms is not None:
        parts.append(f"{turn.voice_to_voice_ms:.0f} ms voice to voice")
    if turn.is_premature:
        parts.append("[red]premature reply[/]")
    if turn.interruption_ms is not None:
        parts.append(f"agent silent {turn.interruption_ms:.0f} ms after the interruption")
    if turn.daemon is not None and turn.daemon.underrun_s:
        parts.append(f"the daemon ran out of audio for {turn.daemon.underrun_s * 1000:.0f} ms")
    if turn.is_confirmed is False:
        parts.append("[red]the daemon knows of no reply to it (an apology, a reprompt?)[/]")
    return ", ".join(parts)


def waterfall_spans(turn: TurnReport) -> list[Span]:
    """Return the bars of a turn, top to bottom; empty when there is nothing to draw.

    The daemon tells lengths, not begins: the model is asked when the turn is over and the
    transcript there, or (when that would end after the reply was heard) at the transcript.
    """
    spans: list[Span] = []
    if turn.daemon is not None:
        spans += daemon_spans(turn.daemon)
    if turn.voice_to_voice_ms is not None:
        spans.append(("at the ear", 0.0, turn.voice_to_voice_ms, "bold green"))
    return spans


def daemon_spans(daemon: DaemonTurn) -> list[Span]:
    """Return the bars of what the daemon tells of a turn, top to bottom."""
    stt_ms = daemon.stt_latency_ms or 0.0
    making_ms = (daemon.llm_clause_ms or daemon.llm_ttft_ms or 0.0) + (daemon.tts_ttfa_ms or 0.0)
    asked_ms = max(stt_ms, daemon.endpoint_ms or 0.0)
    heard_ms = daemon.voice_to_voice_ms
    if heard_ms is not None and asked_ms + making_ms > heard_ms + 1.0:
        asked_ms = stt_ms
    clause_ms = asked_ms + (daemon.llm_clause_ms or daemon.llm_ttft_ms or 0.0)
    bars = (
        ("endpoint", 0.0, daemon.endpoint_ms, "yellow"),
        ("stt_latency", 0.0, daemon.stt_latency_ms, "blue"),
        ("llm_ttft", asked_ms, daemon.llm_ttft_ms, "magenta"),
        ("llm_clause", asked_ms, daemon.llm_clause_ms, "magenta"),
        ("tts_ttfa", clause_ms, daemon.tts_ttfa_ms, "cyan"),
        ("voice_to_voice", 0.0, daemon.voice_to_voice_ms, "green"),
    )
    return [(name, start, start + ms, style) for name, start, ms, style in bars if ms is not None]


def draw_waterfall(spans: Sequence[Span]) -> Table:
    """Return a line for each bar, on one axis."""
    longest = max(max(end for _, _, end, _ in spans), 1.0)
    table = Table.grid(padding=(0, 1))
    for name, start, end, style in spans:
        left = round(max(0.0, start) / longest * BAR_CELLS)
        cells = max(1, math.ceil(max(0.0, end) / longest * BAR_CELLS) - left)
        bar = Text(" " * left + "█" * cells, style)
        table.add_row(f"    {name:<14}", f"{end - start:>6.0f} ms", bar)
    return table


def show_summary(console: Console, reports: Sequence[CallReport], summary: Summary) -> None:
    """Print many calls: a line each, and what they come to."""
    table = Table(title=f"{summary.calls} calls at once")
    for column in ("call", "outcome", "answered", "v2v p50", "v2v max", "holes", "warnings"):
        table.add_column(column, justify="left" if column in ("call", "outcome") else "right")
    for report in reports:
        heard = spread([t.voice_to_voice_ms for t in report.turns if t.voice_to_voice_ms])
        done, due = answered([report])
        table.add_row(
            report.call_sid[:10],
            escape(" ".join(part for part in (str(report.outcome), report.problem) if part)),
            f"{done}/{due}",
            f"{heard.p50:.0f}" if heard else "-",
            f"{heard.largest:.0f}" if heard else "-",
            str(len(report.holes)),
            str(report.warning_count),
        )
    console.print(table)
    _show_spread(console, "voice to voice", summary.voice_to_voice_ms)
    _show_spread(console, "silent after an interruption", summary.interruption_ms)
    done, due = answered(reports)
    console.print(
        f"{done} of {due} turns answered, {summary.premature} premature replies, "
        f"{summary.holes} holes (longest {summary.longest_hole_ms:.0f} ms), "
        f"{summary.warnings} protocol warnings, {summary.late_frames} frames sent late"
    )


def _show_spread(console: Console, name: str, values: Spread | None) -> None:
    if values is not None:
        console.print(
            f"{name}: p50 {values.p50:.0f}, p90 {values.p90:.0f}, p95 {values.p95:.0f}, "
            f"max {values.largest:.0f} ms over {values.count} turns"
        )
