"""What `voxd history`, `voxd show` and `voxd stats` print. For people; `rich` only."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from voxd.caller.show import draw_waterfall
from voxd.history.stats import DEFAULT_AGENT, Figures, Stats
from voxd.history.waterfall import turn_spans

Row = Mapping[str, Any]
ID_CHARS = 10
"""Of a call's id in a table; `voxd show` takes as much."""
_PACES = {"met": "green", "slow": "yellow", "violation": "red"}


def show_history(console: Console, calls: Sequence[Row]) -> None:
    """Print a line for each call."""
    if not calls:
        console.print("no calls")
        return
    table = Table(title=f"the last {len(calls)} calls" if len(calls) > 1 else "one call")
    for column in ("when", "call", "tier", "agent"):
        table.add_column(column, no_wrap=column in ("when", "call"))
    for column in ("length", "turns", "v2v p50", "target", "viol"):
        table.add_column(column, justify="right")
    table.add_column("end")
    for call in calls:
        violations = call["violations"] or 0
        table.add_row(
            call["started_at"].astimezone().strftime("%Y-%m-%d %H:%M"),
            escape(call["call_id"][:ID_CHARS]),
            escape(call["tier"] or ""),
            escape(call["agent"] or DEFAULT_AGENT),
            _length(call["duration_s"]),
            str(call["turn_count"]),
            _ms(call["voice_to_voice_ms"]),
            _ms(call["target_ms"]),
            f"[red]{violations}[/]" if violations else "0",
            escape(_words(call["reason"])),
        )
    console.print(table)


def show_call(console: Console, call: Row, turns: Sequence[Row]) -> None:
    """Print one call, turn by turn."""
    meta = call["meta"]
    console.print(f"[bold]call[/] {escape(call['call_id'])}, {_length(call['duration_s'])}")
    whose = [f"tier {call['tier']}", f"agent {call['agent'] or DEFAULT_AGENT}"]
    whose += [f"tenant {call['tenant']}"] if call["tenant"] else []
    whose += [f"language {call['language']}", f"{call['direction']} by {call['transport']}"]
    when = call["started_at"].astimezone().strftime("%Y-%m-%d %H:%M:%S")
    console.print(f"  {when}, {escape(', '.join(whose))}")
    if call["caller"] or call["called"]:
        console.print(f"  from {escape(call['caller'] or '?')} to {escape(call['called'] or '?')}")
    for turn in turns:
        console.print(_turn(turn, call))
    for failover in meta.get("failovers") or ():
        if not failover["turn"]:
            console.print(f"  [yellow]{escape(_failover(failover))}[/]")
    if meta.get("journal_dropped"):
        console.print("  [yellow]a long call: its first turns were not kept[/]")
    console.print(f"  ended: {escape(_words(call['reason']))}")
    heard = _ms(call["voice_to_voice_ms"])
    console.print(
        f"  {call['turn_count']} turns, p50 {heard} ms voice to voice (target "
        f"{_ms(call['target_ms'])}), {call['violations']} violations{_cost(meta)}"
    )


def _turn(turn: Row, call: Row) -> RenderableType:
    meta = turn["meta"]
    lines: list[RenderableType] = [Text.from_markup(_headline(turn, call))]
    if meta.get("transcript"):
        lines.append(Text(f"    heard  {meta['transcript']}", "cyan"))
    if turn["content"]:
        lines.append(Text(f"    said   {turn['content']}", "cyan"))
    if spans := turn_spans(turn):
        lines.append(draw_waterfall(spans))
    engines = [turn[f"{stage}_provider"] for stage in ("stt", "llm", "tts")]
    if any(engines):
        tokens = f"{meta.get('prompt_tokens', 0)} + {meta.get('completion_tokens', 0)} tokens"
        by = " > ".join(engine or "-" for engine in engines)
        spoken = f"{meta.get('characters', 0)} characters"
        lines.append(Text(f"    {by}, {tokens}, {spoken}{_cost(meta)}", "dim"))
    lines += [Text(f"    {_failover(it)}", "yellow") for it in meta.get("failovers") or ()]
    return Group(*lines)


def _headline(turn: Row, call: Row) -> str:
    meta = turn["meta"]
    pace, heard_ms = meta.get("pace"), meta.get("voice_to_voice_ms")
    parts = [f"  [bold]turn {turn['turn_number']}[/]"]
    if heard_ms is None:
        parts.append("[red]unanswered[/]")
    else:
        style = _PACES.get(pace, "white")
        parts.append(f"[{style}]{heard_ms:.0f} ms voice to voice[/]")
        if pace not in (None, "met"):
            named = "LATENCY VIOLATION" if pace == "violation" else "slow"
            parts.append(f"[{style}]{named}[/] (target {_ms(call['target_ms'])})")
    if meta.get("is_premature"):
        parts.append("[red]premature reply[/]")
    if meta.get("interrupted"):
        parts.append("interrupted")
    if meta.get("underrun_ms"):
        parts.append(f"ran out of audio for {meta['underrun_ms']:.0f} ms")
    return ", ".join(parts)


def show_stats(console: Console, stats: Stats) -> None:
    """Print the figures of a period."""
    if not stats.calls:
        console.print("no calls")
        return
    console.print(
        f"{stats.calls} calls, {stats.minutes:g} minutes, {stats.turns} turns: "
        f"{stats.unanswered} unanswered, {stats.interrupted} interrupted, "
        f"{stats.premature} premature replies"
    )
    for title, figures in (("tier", stats.tiers), ("agent", stats.agents)):
        if figures:
            console.print(_figures(f"voice to voice by {title}, ms", title, figures))
    if stats.engines:
        console.print(_figures("the engines' own part, ms", "engine", stats.engines))
    for name, counts in (("ended", stats.ends), ("failovers", stats.failovers)):
        if counts:
            told = ", ".join(f"{_words(what)} {count}" for what, count in counts.items())
            console.print(f"{name}: {escape(told)}")
    cost = "" if stats.estimated_cost is None else f", cost {stats.estimated_cost:g} (estimated)"
    console.print(
        f"{stats.tokens} tokens heard, {stats.wasted_tokens} wasted, "
        f"{stats.characters} characters spoken{cost}"
    )


def _figures(title: str, kind: str, figures: Mapping[str, Figures]) -> Table:
    has_target = any(it.target_ms is not None for it in figures.values())
    table = Table(title=title, title_justify="left")
    table.add_column(kind)
    columns = ["turns", "average", "p50", "p90", "p95", "worst"]
    for column in columns + (["target", "within", "viol", "met"] if has_target else []):
        table.add_column(column, justify="right")
    for name, it in figures.items():
        times = (it.average_ms, it.p50_ms, it.p90_ms, it.p95_ms, it.worst_ms)
        row = [escape(name), str(it.turns), *(f"{ms:.0f}" for ms in times)]
        if has_target:
            met = "[green]yes[/]" if it.is_met else "[red]no[/]"
            row += [_ms(it.target_ms), f"{(it.within or 0) * 100:.0f} %", str(it.violations), met]
        table.add_row(*row)
    return table


def _failover(it: Row) -> str:
    return f"{it['stage']}: {it['from']} left for {it['to']} ({_words(it['reason'])})"


def _cost(meta: Row) -> str:
    cost = meta.get("estimated_cost")
    return f", cost {cost['sum']:g} (estimated)" if cost else ""


def _length(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return (
        f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)}:{int(seconds % 60):02} min"
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _words(name: str | None) -> str:
    return (name or "?").replace("_", " ")
