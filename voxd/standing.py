"""How the daemon stands, in one line for `systemctl status`. Part of `voxd.app`."""

import asyncio
from collections.abc import Iterator

from voxd.contracts import EngineState
from voxd.notify import Notifier
from voxd.runtime import Runtime, Stage
from voxd.server.state import ServerState

STATUS_S = 2.0
"""So often somebody looks; told is only what has changed."""


async def keep_told(state: ServerState, notifier: Notifier) -> None:
    """Tell systemd how the daemon stands, for as long as this runs."""
    told = ""
    while True:
        line = describe(state)
        if line != told:
            notifier.status(line)
            told = line
        await asyncio.sleep(STATUS_S)


def describe(state: ServerState) -> str:
    """Such as `serving 3 calls (1 in turns); groq ejected, 6 other engines healthy`."""
    if state.runtime is None:
        return str(state.stage)
    calls, in_turns = len(state.runtime.calls), len(state.turn_calls)
    word = "serving" if state.stage is Stage.READY else str(state.stage)
    counted = f"{calls} call" if calls == 1 else f"{calls} calls"
    turns = f" ({in_turns} in turns)" if in_turns else ""
    return f"{word} {counted}{turns}; {', '.join(_describe_engines(state.runtime))}"


def _describe_engines(runtime: Runtime) -> Iterator[str]:
    """Each that is not well, those that calls must do without, and how many are well."""
    states = {name: runtime.board.verdict(name).state for name in runtime.engines}
    ill = {name: state for name, state in states.items() if state is not EngineState.HEALTHY}
    tiers = runtime.config.tiers_in_use()
    wanted = {name for tier in tiers for name in (*tier.stt, *tier.llm, *tier.tts, *tier.turn)}
    yield from (f"{name} {state}" for name, state in ill.items())
    yield from (f"{name} not used" for name in runtime.board.refused if name in wanted - {*states})
    well = len(states) - len(ill)
    yield f"{well}{' other' if ill else ''} engine{'' if well == 1 else 's'} healthy"
