"""`voxd call`: arguments to plans, plans to calls, reports to people, files and an exit code.

`cli` wires it with `add_arguments` and `run`. Exit codes: 0 every turn of every call was
answered and the server kept to the protocol; 1 not so, or the server cannot be reached;
2 usage; 3 the only trouble was calls being refused.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from voxd.caller import show, summary, wav
from voxd.caller.arguments import add_arguments, build_plan
from voxd.caller.call import place_calls
from voxd.caller.plan import PlanError
from voxd.caller.report import CallReport

__all__ = ["add_arguments", "run"]


async def run(arguments: argparse.Namespace) -> int:
    """Carry out `voxd call`; return the exit code."""
    errors = Console(stderr=True, highlight=False)
    try:
        plan = build_plan(arguments)
    except (PlanError, wav.WavError) as error:
        errors.print(f"voxd call: {error}", markup=False, soft_wrap=True)
        return summary.EXIT_USAGE
    reports = await place_calls(plan, arguments.calls, arguments.stagger)
    if not arguments.quiet and arguments.json_out != "-":
        _print(Console(highlight=False), reports)
    else:
        for report in reports:
            if not report.is_good:
                show.show_call(errors, report)
    try:
        _write(arguments, reports)
    except (wav.WavError, OSError) as error:
        errors.print(f"voxd call: {error}", markup=False, soft_wrap=True)
        return summary.EXIT_BAD
    return summary.exit_code(reports)


def _print(console: Console, reports: list[CallReport]) -> None:
    if len(reports) == 1:
        show.show_call(console, reports[0])
    else:
        show.show_summary(console, reports, summary.summarize(reports))


def _write(arguments: argparse.Namespace, reports: list[CallReport]) -> None:
    if arguments.wav_out is not None:
        name = _file_names(arguments.wav_out, len(reports))
        for index, report in enumerate(reports):
            if report.recording is not None:
                wav.write_stereo(name(index), report.recording)
    if arguments.json_out is not None:
        body = {
            "summary": asdict(summary.summarize(reports)),
            "calls": [report.to_json() for report in reports],
        }
        text = json.dumps(body, indent=2) + "\n"
        if arguments.json_out == "-":
            sys.stdout.write(text)
        else:
            Path(arguments.json_out).write_text(text, encoding="utf-8")


def _file_names(path: Path, count: int) -> Callable[[int], Path]:
    """Return how the call with an index names its file: plain for one call, numbered for many."""
    if count == 1:
        return lambda _: path
    return lambda index: path.with_name(f"{path.stem}-{index + 1}{path.suffix}")
