"""The result of `peer` for people."""

import textwrap
from collections.abc import Callable

from benches.peer.verdict import RATIO, Result, SystemResult

LABEL, COLUMN = 26, 17
WIDTH = 100

Cell = Callable[[SystemResult], str]


def show(result: Result) -> None:
    """Print the result."""
    for line in draw(result):
        print(line)


def draw(result: Result) -> list[str]:
    """The lines of the result."""
    lengths = [pause.pause_ms for pause in result.systems[0].pauses]
    rows: list[tuple[str, Cell]] = [
        ("voice_to_voice p50", lambda s: _ms(s.p50_ms)),
        ("voice_to_voice p90", lambda s: _ms(s.p90_ms)),
        ("voice_to_voice worst", lambda s: _ms(s.worst_ms)),
        ("turns answered", lambda s: f"{s.heard.answered} of {s.heard.due}"),
        ("holes", lambda s: str(s.heard.holes + s.pause_holes)),
        ("premature, no pause", lambda s: _share(s.heard.premature, s.heard.due)),
        *((f"premature, {length:.0f} ms pause", _at(length)) for length in lengths),
        ("premature, all pauses", lambda s: _share(s.premature, s.paused)),
        ("late frames", lambda s: str(s.heard.late_frames)),
    ]
    lines = [
        f"voxd beside pipecat {result.version}: same caller, recordings and weights, alternating, "
        f"{result.cores} cores",
        "",
        " " * LABEL + "".join(f"{system.name:>{COLUMN}}" for system in result.systems),
    ]
    for label, cell in rows:
        lines.append(f"{label:<{LABEL}}" + "".join(f"{cell(s):>{COLUMN}}" for s in result.systems))
    for system in result.systems:
        if system.parts_ms:
            parts = ", ".join(f"{key} {ms:.0f}" for key, ms in system.parts_ms.items())
            lines += [
                "",
                *_wrap(f"{system.name} says that its time goes to (medians, ms): {parts}"),
            ]
    lines.append("")
    for name, told in result.settings.items():
        lines += _wrap(f"{name}: {told}")
    spoken = list(dict.fromkeys(row.recording for row in result.rows))
    lines += _wrap(f"recordings (asterisk-core-sounds-en): {', '.join(spoken)}")
    if result.ratio is not None:
        lines += ["", f"voxd answers {result.ratio:.2f} x sooner at p50 (promised {RATIO})"]
    return lines


def _at(length: float) -> Cell:
    def cell(system: SystemResult) -> str:
        [pause] = [pause for pause in system.pauses if pause.pause_ms == length]
        return _share(pause.premature, pause.turns)

    return cell


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} ms"


def _share(count: int, total: int) -> str:
    return f"{count} of {total} ({count / total:.0%})" if total else "-"
