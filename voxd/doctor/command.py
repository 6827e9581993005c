"""`voxd doctor`: every check in order, told as it is found. Called by `cli`."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from voxd.check import find_problems
from voxd.config import Config, load_config, locate_problems
from voxd.doctor.address import check_address, check_certificate, is_live, local_url
from voxd.doctor.capacity import Capacity, Unmeasurable, measure_capacity
from voxd.doctor.database import check_database
from voxd.doctor.finding import Finding, bad, exit_code, good, sum_up, warn
from voxd.doctor.machine import check_clock, check_machine
from voxd.doctor.providers import check_account, check_providers
from voxd.doctor.weights import check_weights
from voxd.engines.registry import settings_types
from voxd.errors import ConfigError, VoxdError
from voxd.server.keys import DoorKeys, read_keys

CHECKS: tuple[Callable[[Config], AsyncIterator[Finding]], ...] = (
    check_certificate,
    check_address,
    check_providers,
    check_account,
    check_weights,
    check_machine,
    check_clock,
    check_database,
)

Say = Callable[[str], None]
"""Takes text for people."""


def run_doctor(path: Path, say: Say, *, as_json: bool, is_quick: bool) -> int:
    """Carry out the command; returns the exit code.

    Args:
        say: prints.
        as_json: one document at the end instead of lines as they come.
        is_quick: without the benchmark.
    """
    # What the engines log on the way is told in the findings.
    logging.getLogger("voxd").addHandler(logging.NullHandler())
    tell = _silent if as_json else say
    findings = asyncio.run(_examine(path, read_keys(), tell, is_quick=is_quick))
    if as_json:
        document = {
            "exit_code": exit_code(findings),
            "findings": [finding.to_json() for finding in findings],
        }
        say(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        say(sum_up(findings))
    return exit_code(findings)


async def _examine(path: Path, keys: DoorKeys, tell: Say, *, is_quick: bool) -> list[Finding]:
    findings: list[Finding] = []
    async for finding in _find(path, keys, tell, is_quick=is_quick):
        findings.append(finding)
        tell(str(finding))
    return findings


async def _find(path: Path, keys: DoorKeys, tell: Say, *, is_quick: bool) -> AsyncIterator[Finding]:
    try:
        config = await asyncio.to_thread(load_config, path, settings_types())
    except ConfigError as error:
        for problem in error.problems:
            yield bad("config", str(problem), f"mend {path}; nothing else was tried")
        return
    problems = locate_problems(find_problems(config, keys), path)
    for problem in problems:
        yield bad("config", str(problem), f"voxd does not start so; mend {path}")
    if not problems:
        yield good("config", f"{path} can be served")
    for check in CHECKS:
        async for finding in _guarded(check, config):
            yield finding
    if is_quick or problems:
        return
    yield await _try_capacity(config, tell)


async def _guarded(
    check: Callable[[Config], AsyncIterator[Finding]], config: Config
) -> AsyncIterator[Finding]:
    """A check; one that cannot be carried out does not keep the others from it."""
    subject = check.__name__.removeprefix("check_")
    try:
        async for finding in check(config):
            yield finding
    except (VoxdError, OSError) as error:
        yield bad(subject, f"cannot be tried: {error}", "see to that first")


async def _try_capacity(config: Config, tell: Say) -> Finding:
    if await is_live(local_url(config)):
        advice = "end it and ask again, at a quiet hour"
        return warn("capacity", "not measured: voxd runs here, its callers would suffer", advice)
    tell(f"{'':24}(calls ring here for some 25 s)")
    try:
        return judge_capacity(await measure_capacity(config))
    except Unmeasurable as error:
        return good("capacity", str(error))
    except (VoxdError, OSError) as error:
        return bad("capacity", f"not measured: {error}", "see to that first")


def judge_capacity(found: Capacity) -> Finding:
    """What the benchmark says, in a line."""
    last, held = found.rounds[-1], found.held
    figures: dict[str, float | int | str] = {
        "calls": held.callers if held else 0,
        "p95_s": last.p95_s or 0.0,
        "target_s": found.target_s,
        "shadows": found.shadows,
        "answers": last.answered,
    }
    if held is None:
        told = f"{last.callers} local call(s) at once: {last.answered} of {last.due} answered"
        if last.p95_s is not None:
            told += f", p95 {last.p95_s * 1000:.0f} ms (target {found.target_s * 1000:.0f})"
        advice = "a faster machine, a smaller model, or tiers without local engines"
        return bad("capacity", told, advice, **figures)
    told = (
        f"this machine holds {held.callers} local calls at p95 {(held.p95_s or 0) * 1000:.0f} ms"
        f" (of {held.answered} answers, target {found.target_s * 1000:.0f} ms)"
        f" and {found.shadows} shadow sequences"
    )
    first = found.rounds[0]
    if first is not held:
        advice = f"{first.callers} were too many: set [engines.llamacpp] sequences = {held.callers}"
        return warn("capacity", told, advice, **figures)
    return good("capacity", told, **figures)


def _silent(_: str) -> None:
    """For JSON: nothing before the document."""
