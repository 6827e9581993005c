"""How the daemon is: for probes in public and without detail, for operators in private.

Private is what `Guard.check_private` lets pass: this machine, or whoever has our token.
"""

import asyncio
from dataclasses import asdict
from typing import Any

import orjson
from aiohttp import web

from voxd import __version__
from voxd.config import Tier
from voxd.contracts import Engine
from voxd.engines.health_board import HealthBoard
from voxd.runtime import Runtime, Stage
from voxd.server.state import STATE, ServerState


async def answer_live(request: web.Request) -> web.Response:
    """`GET /health/live`: the event loop turns."""
    return web.Response(text="live\n")


async def answer_ready(request: web.Request) -> web.Response:
    """`GET /health/ready`: 200 while calls are taken; 503 until warm and while draining."""
    stage = request.app[STATE].stage
    return web.Response(text=f"{stage}\n", status=200 if stage is Stage.READY else 503)


async def answer_health(request: web.Request) -> web.Response:
    """`GET /health`: every engine, the loop's lag and the calls, as JSON. Private."""
    state = request.app[STATE]
    state.guard.check_private(request, may_be_local=True)
    return _json(_describe(state))


async def answer_call(request: web.Request) -> web.Response:
    """`GET /calls/{CallSid}`: the turns of a running or finished call. Private.

    The words are part of it: they are in memory only, and nobody can ask but this machine and
    whoever has our token.
    """
    state = request.app[STATE]
    state.guard.check_private(request)
    call_sid = request.match_info["call_sid"]
    turns = state.runtime.calls.turns(call_sid) if state.runtime else None
    if state.runtime is None or turns is None:
        raise web.HTTPNotFound(text="no such call\n")
    return _json(
        {
            "call_id": call_sid,
            "tenant": state.runtime.calls.tenant(call_sid),
            "is_active": state.runtime.calls.is_active(call_sid),
            "end_reason": state.runtime.calls.end_reason(call_sid),
            "turns": [turn.to_json() for turn in turns],
        }
    )


def _describe(state: ServerState) -> dict[str, Any]:
    described: dict[str, Any] = {
        "version": __version__,
        "stage": state.stage,
        "tasks": len(asyncio.all_tasks()),  # grows with calls and goes back, or something leaks
    }
    if state.runtime is not None:
        described |= _describe_runtime(state.runtime)
    if state.admission is not None:
        described["reserved"] = state.admission.reserved
    described["calls_in_turns"] = len(state.turn_calls)
    lookup = state.directory.status()
    if lookup is not None:
        described["lookup"] = asdict(lookup)
    return described


def _describe_runtime(runtime: Runtime) -> dict[str, Any]:
    lag = runtime.loop_lag
    return {
        "tier": runtime.config.call.tier,
        "calls": len(runtime.calls),
        "max_calls": runtime.config.server.max_calls,
        "local_wait_s": round(runtime.local_wait_s(), 3),
        "loop_lag_s": {
            "p50": round(lag.percentile(0.50), 4),
            "p99": round(lag.percentile(0.99), 4),
            "worst": round(lag.worst_s, 4),
        },
        "latency": {
            kind: {name: asdict(summary) for name, summary in named.items()}
            for kind, named in runtime.latency.summaries().items()
        },
        "engines": [_describe_engine(runtime.board, engine) for engine in runtime.engines.values()],
        "refused_engines": dict(runtime.board.refused),
        "tiers": {
            name: _describe_tier(runtime, tier) for name, tier in runtime.config.tiers.items()
        },
        "switches": [
            {"left": left, "taken": taken, "count": count}
            for (left, taken), count in runtime.board.switches.items()
        ],
    }


def _describe_engine(board: HealthBoard, engine: Engine) -> dict[str, Any]:
    """What the engine says of itself, and above it what calls and probes have found out."""
    verdict = board.verdict(engine.name)
    status = engine.status()
    return asdict(status) | {
        "state": verdict.state,
        "reason": verdict.reason,
        "own_state": status.state,
        "median_s": round(board.health(engine.name).median_s, 4),
        "idle_s": round(board.idle_s(engine.name), 1),
        "hedges_won": board.hedges_won[engine.name],
        "hedges_wasted": board.hedges_wasted[engine.name],
    }


def _describe_tier(runtime: Runtime, tier: Tier) -> dict[str, Any]:
    """The chain of each kind as a call that began now would get it, with the reasons."""
    language = runtime.config.agent.language
    chains = {"stt": tier.stt, "llm": tier.llm, "tts": tier.tts, "turn": tier.turn}
    return {
        kind: [asdict(judgement) for judgement in runtime.board.chain(names, language).judgements]
        for kind, names in chains.items()
    }


def _json(content: dict[str, Any]) -> web.Response:
    body = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return web.Response(body=body, content_type="application/json")
