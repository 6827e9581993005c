"""Finished calls to either side, made up."""

from benches.peer.order import Said
from benches.peer.verdict import Call, Result, list_turns, sum_up_system
from voxd.caller.report import CallReport, Outcome, TurnReport, TurnStatus


def turn(ms: float | None, *, is_premature: bool = False, name: str = "vm-sorry") -> TurnReport:
    """A turn that was answered after so long, or not at all."""
    status = TurnStatus.UNANSWERED if ms is None else TurnStatus.ANSWERED
    report = TurnReport(1, name, status)
    report.voice_to_voice_ms, report.is_premature = ms, is_premature
    return report


def call(system: str, *turns: TurnReport, pause_ms: float = 0.0, sid: str = "CA1") -> Call:
    """A call with these turns."""
    report = CallReport(sid, outcome=Outcome.CONNECTED, turns=list(turns))
    return Call(system, Said(pause_ms, ()), report)


def result(*calls: Call) -> Result:
    """The result of these calls."""
    systems = list(dict.fromkeys(each.system for each in calls))
    return Result(
        version="1.14.0",
        cores=2,
        systems=tuple(
            sum_up_system(name, [each for each in calls if each.system == name]) for name in systems
        ),
        settings={name: "as shipped" for name in systems},
        rows=tuple(list_turns(calls)),
    )
