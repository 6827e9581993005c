"""The daemon's own times of a call, when it runs on this machine and tells them. I/O.

`GET /calls/{CallSid}` is answered to loopback peers only. Whatever goes wrong here, the call
was measured at the ear; the daemon's times are simply not shown.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from voxd.caller.report import DaemonTurn, TurnReport, TurnStatus
from voxd.caller.twiml import LOOPBACK

ATTEMPTS = 5
"""The call may still be closing in the daemon when its times are asked for."""
RETRY_S = 0.1
ANSWER_S = 2.0
"""How long one answer may take."""
SAME_END_S = 0.75
"""The two ends of one turn may differ by this: by the line's delay, and by a last word that
one side found too quiet. Turns lie further apart."""
_TEXTS = ("transcript", "reply")


async def fetch_daemon_turns(
    http: aiohttp.ClientSession, webhook_url: str, call_sid: str
) -> list[DaemonTurn] | None:
    """Return the daemon's turns in order, or None when it does not tell."""
    parts = urlsplit(webhook_url)
    if parts.hostname not in LOOPBACK:
        return None
    url = f"{parts.scheme}://{parts.netloc}/calls/{call_sid}"
    turns = None
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(RETRY_S)
        try:
            async with asyncio.timeout(ANSWER_S), http.get(url) as response:
                if response.status == 200:
                    body = await response.json(content_type=None)
                    turns = decode_turns(body)
                    if not body.get("is_active"):
                        break
        except (aiohttp.ClientError, TimeoutError, ValueError):
            break
    return turns


def decode_turns(body: Any) -> list[DaemonTurn]:
    """Read `{"turns": [...]}`; fields that are missing, null or of another type become None.

    Raises:
        ValueError: it is something else altogether.
    """
    turns = body.get("turns") if isinstance(body, Mapping) else None
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise ValueError("no list of turns")
    return [_decode_turn(turn) for turn in turns]


def match_turns(turns: list[TurnReport], daemon_turns: list[DaemonTurn], origin: float) -> None:
    """Put the daemon's turns beside the caller's, by when the speech ended.

    The daemon may have split a turn in two or missed one, so order alone does not tell. Where
    its clock is not this process's, order is used, and only when both counted the same.

    Args:
        turns: the caller's; `daemon` and `is_confirmed` are filled in.
        daemon_turns: in order.
        origin: loop time of the stream's first sample.
    """
    spoken = [(turn, turn.speech_end_s) for turn in turns if turn.speech_end_s is not None]
    ends = [(d, d.speech_end - origin) for d in daemon_turns if d.speech_end is not None]
    for turn, speech_end_s in spoken:
        near = [(abs(end - speech_end_s), d) for d, end in ends]
        apart, daemon = min(near, key=lambda pair: pair[0], default=(math.inf, None))
        if apart <= SAME_END_S:
            turn.daemon = daemon
    if not any(turn.daemon for turn, _ in spoken):
        if len(spoken) != len(daemon_turns):
            return
        for (turn, _), daemon in zip(spoken, daemon_turns, strict=True):
            turn.daemon = daemon
    for turn, _ in spoken:
        if turn.status is TurnStatus.ANSWERED:
            turn.is_confirmed = bool(turn.daemon and turn.daemon.voice_to_voice_ms is not None)


def _decode_turn(turn: Mapping[str, Any]) -> DaemonTurn:
    known: dict[str, Any] = {}
    for item in fields(DaemonTurn):
        value = turn.get(item.name)
        kinds = (str,) if item.name in _TEXTS else (int, float)
        known[item.name] = value if isinstance(value, kinds) else None
    return DaemonTurn(**known)
