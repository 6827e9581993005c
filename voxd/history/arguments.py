"""The arguments of `voxd history`, `voxd show` and `voxd stats`. Imports nothing heavy."""

import argparse
import re
from datetime import UTC, datetime, timedelta
from typing import Any

NAMES = ("history", "show", "stats")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PERIOD = re.compile(r"(\d{1,6})([mhdw])")

_HISTORY = """\
The last calls, newest last: when, which tier and agent, how long, how many turns, the median of
the time from the caller's last word to the first sound of the answer (v2v), turns above 1.5 x the
target (viol), and why the call ended. `voxd show` with the beginning of a call's id tells the rest.
"""
_SHOW = """\
One call: who, when and why it ended; of each turn what was said (as far as the config has it kept),
where the time went, which engines took part and what it probably cost. All times begin with the
caller's last word:

  endpoint         until the turn was judged over
  stt_latency      until the transcript was there that the answer was made from
  llm_ttft         the model, from the request to its first token
  llm_clause       the model, to the first clause that can be spoken
  tts_ttfa         the voice, from that clause to its first sound
  voice_to_voice   until the answer was heard: what counts, and what has a target
"""
_STATS = """\
All calls of a period in figures: voice-to-voice latency by tier and by agent, each engine's own
part of it (transcript, first token, first sound), failovers, ends, costs. A tier's target is met
when the average of its turns is within it; the share of turns within it says how reliably.
"""
_EXAMPLES = """\
examples:
  voxd history                       the last 20 calls
  voxd history --since 24h --tier pro
  voxd show last                     the newest one
  voxd show CA3f21                   the call whose id begins so
  voxd stats --since 30d --json      for programs
"""


def add_commands(commands: Any) -> None:
    """Add the three to an argparse group of subcommands."""
    history = _add(commands, "history", "list the last calls", _HISTORY)
    history.add_argument(
        "--last",
        type=_count,
        default=20,
        metavar="N",
        help="how many at most (default: 20)",
    )
    show = _add(commands, "show", "tell one call, turn by turn", _SHOW)
    show.add_argument("id", metavar="ID", help="a call's id or its beginning; last: the newest")
    stats = _add(commands, "stats", "sum up the calls of a period", _STATS)
    _add_filters(history, since=None, told="all")
    _add_filters(stats, since="7d", told="7d")


def _add(commands: Any, name: str, help_: str, description: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_,
        description=description,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="for programs, not for people")
    return parser


def _add_filters(parser: argparse.ArgumentParser, since: str | None, told: str) -> None:
    parser.add_argument(
        "--since",
        type=parse_since,
        default=since,
        metavar="WHEN",
        help=f"calls of the last 90m, 24h, 7d, 4w, or since 2026-11-01 (default: {told})",
    )
    for name in ("tier", "agent", "tenant"):
        parser.add_argument(f"--{name}", metavar="NAME", help=f"only calls of this {name}")


def parse_since(text: str) -> datetime:
    """A moment, from how long ago it was or from its date (of this machine's time zone).

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    period = _PERIOD.fullmatch(text)
    try:
        if period is not None:
            length = timedelta(**{_UNITS[period[2]]: int(period[1])})
            return datetime.now(UTC) - length
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is neither 7d nor 2026-11-01") from None


def _count(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if not 1 <= count <= 100_000:
        raise argparse.ArgumentTypeError("a number from 1 to 100000")
    return count
