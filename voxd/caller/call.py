"""One simulated call from dialling to report. I/O; called by `command` and by benches."""

import asyncio
from dataclasses import replace

import aiohttp

from voxd.caller.daemon import fetch_daemon_turns, match_turns
from voxd.caller.measure import draw_recording, find_holes, judge_turns
from voxd.caller.messages import Outbox
from voxd.caller.plan import CallPlan
from voxd.caller.report import CallReport, Outcome
from voxd.caller.signature import HEADER, sign_upgrade
from voxd.caller.stream import MediaStream
from voxd.caller.twiml import StreamAnswer
from voxd.caller.webhook import CallFailed, CallIds, ask_after, ask_voice, make_ids

HANDSHAKE_S = 10.0
"""How long the WebSocket may take to open."""
CLOSE_S = 2.0
"""How long the server may take to answer our close."""
MESSAGE_BYTES = 16 * 1024 * 1024
"""Largest message taken: over half an hour of audio at once is a server gone wrong."""


async def place_call(plan: CallPlan) -> CallReport:
    """Place one call and carry out its plan in real time.

    Returns:
        What came of it, whatever came of it: refusals, unreachable servers and protocol
        faults are outcomes in the report, not exceptions.
    """
    if plan.delay_s > 0:
        await asyncio.sleep(plan.delay_s)
    ids = make_ids()
    report = CallReport(ids.call_sid)
    async with aiohttp.ClientSession() as http:
        try:
            answer = await ask_voice(http, plan, ids)
            await _hold_stream(http, plan, ids, answer, report)
            report.after = await ask_after(http, plan, ids, answer, report.ended_by == "caller")
        except CallFailed as failure:
            _note_failure(report, failure)
        if plan.fetches_daemon_times and report.outcome is Outcome.CONNECTED:
            daemon_turns = await fetch_daemon_turns(http, plan.url, ids.call_sid)
            if daemon_turns is not None:
                report.has_daemon_times, report.daemon_turns = True, daemon_turns
                match_turns(report.turns, daemon_turns, report.origin)
    return report


async def place_calls(plan: CallPlan, count: int, stagger_s: float) -> list[CallReport]:
    """Place `count` calls at once, each with its own CallSid and its own noise."""
    plans = [
        replace(plan, seed=plan.seed + index, delay_s=index * stagger_s) for index in range(count)
    ]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(place_call(each)) for each in plans]
    return [task.result() for task in tasks]


def _note_failure(report: CallReport, failure: CallFailed) -> None:
    if report.outcome is Outcome.CONNECTED:
        # The stream was held; only what came after it went wrong.
        report.warn(str(failure))
        return
    report.outcome, report.problem = failure.outcome, str(failure)


async def _hold_stream(
    http: aiohttp.ClientSession,
    plan: CallPlan,
    ids: CallIds,
    answer: StreamAnswer,
    report: CallReport,
) -> None:
    socket = await _open_socket(http, plan, answer.url)
    outbox = Outbox(ids.stream_sid, ids.account_sid, ids.call_sid, answer.parameters)
    async with socket:
        stream = MediaStream(socket, plan, outbox, ids.stream_sid, report.warn)
        report.outcome, report.stream_sid = Outcome.CONNECTED, ids.stream_sid
        await stream.run()
    _judge(plan, stream, report)


async def _open_socket(
    http: aiohttp.ClientSession, plan: CallPlan, url: str
) -> aiohttp.ClientWebSocketResponse:
    headers = {}
    if plan.auth_token is not None:
        headers[HEADER] = sign_upgrade(plan.auth_token, url)
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            return await http.ws_connect(
                url,
                headers=headers,
                compress=0,
                max_msg_size=MESSAGE_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
            )
    except aiohttp.WSServerHandshakeError as error:
        problem = f"31920: the WebSocket handshake was answered with {error.status}"
    except aiohttp.ClientConnectorError as error:
        problem = f"31902: nobody answers at {url} ({error})"
    except (aiohttp.ClientError, TimeoutError) as error:
        problem = f"31901: no WebSocket at {url} ({type(error).__name__}: {error})"
    raise CallFailed(Outcome.FAILED, problem)


def _judge(plan: CallPlan, stream: MediaStream, report: CallReport) -> None:
    spoken, runs, end = stream.script.spoken, stream.playback.runs, stream.ended_at
    sounds = stream.ear.sounds(end)
    first_word = spoken[0].starts_at if spoken else end
    report.greeting_s = next((s.start for s in sounds if s.start < first_word), None)
    report.turns = judge_turns(plan.turns, spoken, sounds, stream.script.is_done)
    report.holes = find_holes(runs, spoken, report.turns, end)
    report.traffic = stream.traffic
    report.ended_by, report.duration_s, report.origin = stream.ended_by, end, stream.origin
    report.recording = draw_recording(stream.sent, runs, end)
