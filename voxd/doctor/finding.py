"""What the doctor found: lines for people, JSON for programs. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How bad it is."""

    GOOD = "good"
    WARN = "warn"
    """Somebody should look at it; calls are answered."""
    BAD = "bad"
    """Calls will meet it."""


EXIT_CODES = {Verdict.GOOD: 0, Verdict.WARN: 1, Verdict.BAD: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    subject: str
    """What was tried, one or two words."""
    verdict: Verdict
    told: str
    """What was seen; never holds a secret."""
    advice: str = ""
    """What to do about it; empty when nothing is to be done."""
    figures: Mapping[str, float | int | str] = field(default_factory=dict)
    """For programs; seconds end in `_s`."""

    def __str__(self) -> str:
        line = f"{self.verdict:<4}  {self.subject:<16}  {self.told}"
        return f"{line}\n{'':24}-> {self.advice}" if self.advice else line

    def to_json(self) -> dict[str, Any]:
        """For `voxd doctor --json`."""
        return {
            "subject": self.subject,
            "verdict": self.verdict,
            "told": self.told,
            "advice": self.advice,
            "figures": dict(self.figures),
        }


def good(subject: str, told: str, **figures: float | int | str) -> Finding:
    """All is well."""
    return Finding(subject, Verdict.GOOD, told, figures=figures)


def warn(subject: str, told: str, advice: str, **figures: float | int | str) -> Finding:
    """Something to look at."""
    return Finding(subject, Verdict.WARN, told, advice, figures)


def bad(subject: str, told: str, advice: str, **figures: float | int | str) -> Finding:
    """Something that calls will meet."""
    return Finding(subject, Verdict.BAD, told, advice, figures)


def exit_code(findings: Iterable[Finding]) -> int:
    """0: all good; 1: something to look at; 2: something bad."""
    return max((EXIT_CODES[finding.verdict] for finding in findings), default=0)


def sum_up(findings: Iterable[Finding]) -> str:
    """The last line."""
    verdicts = [finding.verdict for finding in findings]
    counts = {verdict: verdicts.count(verdict) for verdict in Verdict}
    if not counts[Verdict.BAD] and not counts[Verdict.WARN]:
        return f"All {len(verdicts)} are good."
    return f"{counts[Verdict.BAD]} bad, {counts[Verdict.WARN]} to look at, of {len(verdicts)}."
