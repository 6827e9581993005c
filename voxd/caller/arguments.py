"""The arguments of `voxd call`, and the plan that they describe. Reads the files they name."""

import argparse
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from voxd.caller import prompts
from voxd.caller.plan import (
    DEFAULT_URL,
    CallPlan,
    Hangup,
    HangupMoment,
    PlanError,
    Stall,
)

STAGGER_S = 0.15
"""Between the first dialling of two calls: nobody's phones ring in the same millisecond."""
_HANGUPS = {
    "hangup_mid_word": HangupMoment.MID_WORD,
    "hangup_after_turn": HangupMoment.AFTER_TURN,
    "hangup_mid_reply": HangupMoment.MID_REPLY,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `voxd call` to its parser."""
    add = parser.add_argument
    add("wav", nargs="*", type=Path, help="what to say, a turn each: PCM WAV of any rate")
    add("--url", default=DEFAULT_URL, help="the voice webhook (default %(default)s)")
    add("--calls", type=count, default=1, metavar="N", help="place N calls at once")
    add(
        "--stagger",
        type=seconds,
        default=STAGGER_S,
        metavar="S",
        help="seconds between two calls' dialling (default %(default)s)",
    )
    add(
        "--gap",
        type=seconds,
        default=0.8,
        metavar="S",
        help="speak when the agent has been quiet this long (default %(default)s)",
    )
    add(
        "--turn-timeout",
        type=seconds,
        default=12.0,
        metavar="S",
        help="a turn is unanswered after this long (default %(default)s)",
    )
    add(
        "--interrupt-after",
        type=milliseconds,
        metavar="MS",
        help="begin the next turn MS milliseconds into each answer",
    )
    add("--digits", type=digits, default="", help="keys to press after the greeting")
    add("--hangup-after-turn", type=count, metavar="N", help="hang up when turn N is spoken")
    add("--hangup-mid-word", type=count, metavar="N", help="hang up in the middle of turn N")
    add(
        "--hangup-mid-reply",
        type=count,
        metavar="N",
        help="hang up half a second into the answer to turn N",
    )
    add("--no-marks", action="store_true", help="never return a mark, as some clients do")
    add(
        "--stall",
        type=stall,
        metavar="AT:SECONDS",
        help="send nothing for a while, from AT seconds into the stream",
    )
    add(
        "--noise-dbfs",
        type=float,
        default=-62.0,
        metavar="DB",
        help="level of the line's noise (default %(default)s)",
    )
    add("--seed", type=int, default=1, help="of the line's noise (default %(default)s)")
    add(
        "--labels",
        type=Path,
        metavar="TSV",
        help="when speech ends in each file: name, tab, seconds (default: by its energy)",
    )
    add(
        "--auth-token-env",
        metavar="NAME",
        help="sign as Twilio does, with the auth token in this environment variable",
    )
    add(
        "--wav",
        dest="wav_out",
        type=Path,
        metavar="FILE",
        help="write the call: caller left, agent as heard right (N calls: FILE-1, FILE-2 ...)",
    )
    add("--json", dest="json_out", metavar="FILE", help="write all numbers; - for standard output")
    add("--quiet", action="store_true", help="print only what went wrong")


# argparse names these functions in its messages: "invalid seconds value: 'x'".


def seconds(text: str) -> float:
    """A length of time, up to a day."""
    value = float(text)
    if not 0 <= value < 86400:
        raise ValueError
    return value


def milliseconds(text: str) -> float:
    """A length of time in milliseconds; returns seconds."""
    return seconds(text) / 1000


def count(text: str) -> int:
    """A number from 1."""
    value = int(text)
    if not 1 <= value <= 10000:
        raise ValueError
    return value


def digits(text: str) -> str:
    """Keys of a telephone."""
    if not re.fullmatch(r"[0-9*#A-D]*", text):
        raise argparse.ArgumentTypeError("keys are 0-9 * # A-D")
    return text


def stall(text: str) -> Stall:
    """`AT:SECONDS`."""
    at, _, length = text.partition(":")
    return Stall(seconds(at), seconds(length))


def build_plan(arguments: argparse.Namespace) -> CallPlan:
    """Return the plan that the arguments describe.

    Raises:
        PlanError: they do not describe one.
        WavError: a file cannot be played.
    """
    labels = prompts.read_labels(arguments.labels) if arguments.labels else {}
    turns = prompts.read_turns(arguments.wav or prompts.find_questions(), labels)
    if urlsplit(arguments.url).scheme not in ("http", "https"):
        raise PlanError(f"--url {arguments.url}: expected http://... or https://...")
    token = None
    if arguments.auth_token_env is not None:
        token = os.environ.get(arguments.auth_token_env)
        if not token:
            raise PlanError(f"--auth-token-env: {arguments.auth_token_env} is not set")
    return CallPlan(
        turns,
        url=arguments.url,
        gap_s=arguments.gap,
        turn_timeout_s=arguments.turn_timeout,
        noise_dbfs=arguments.noise_dbfs,
        seed=arguments.seed,
        interrupt_after_s=arguments.interrupt_after,
        digits=arguments.digits,
        hangup=_hangup(arguments, len(turns)),
        echoes_marks=not arguments.no_marks,
        stall=arguments.stall,
        auth_token=token,
    )


def _hangup(arguments: argparse.Namespace, turns: int) -> Hangup | None:
    chosen = [
        Hangup(getattr(arguments, name), moment)
        for name, moment in _HANGUPS.items()
        if getattr(arguments, name) is not None
    ]
    if len(chosen) > 1:
        raise PlanError("one call hangs up once: give one --hangup-... only")
    if chosen and chosen[0].turn > turns:
        raise PlanError(f"cannot hang up in turn {chosen[0].turn}: there are {turns}")
    return chosen[0] if chosen else None
