"""What travels on the stream, and when it ends."""

from dataclasses import replace

from tests.caller.agent import Agent
from tests.caller.placing import PLAN, TURN, call
from voxd.caller.plan import Hangup, HangupMoment, Stall
from voxd.caller.report import TurnStatus


async def test_messages_come_in_twilios_order_with_numbers_as_strings() -> None:
    agent = Agent()
    report = await call(agent, replace(PLAN, digits="7"))
    events = [message["event"] for message in agent.received]
    assert events[:3] == ["connected", "start", "media"]
    assert events[-1] == "stop"
    numbers = [message["sequenceNumber"] for message in agent.received[1:]]
    assert numbers == [str(n + 1) for n in range(len(numbers))]
    media = [message["media"] for message in agent.events("media")]
    assert [m["chunk"] for m in media] == [str(n + 1) for n in range(len(media))]
    assert [m["timestamp"] for m in media] == [str(20 * (n + 1)) for n in range(len(media))]
    assert agent.events("start")[0]["start"]["customParameters"] == {"token": "t1"}
    assert agent.events("start")[0]["start"]["callSid"] == report.call_sid
    assert agent.events("dtmf")[0]["dtmf"] == {"track": "inbound_track", "digit": "7"}


async def test_marks_come_back_in_order_after_their_audio() -> None:
    agent = Agent()
    report = await call(agent, replace(PLAN, turns=(TURN, TURN)))
    assert [m["mark"]["name"] for m in agent.events("mark")] == ["greeting", "reply1", "reply2"]
    assert report.traffic.marks_echoed == report.traffic.marks_received == 3
    before = agent.received.index(agent.events("mark")[0])
    heard = [m for m in agent.received[:before] if m["event"] == "media"]
    assert len(heard) >= 8  # the greeting lasts 200 ms; the mark waited for it


async def test_client_without_marks_returns_none() -> None:
    agent = Agent()
    report = await call(agent, replace(PLAN, echoes_marks=False))
    assert agent.events("mark") == []
    assert report.traffic.marks_received == 2
    assert report.is_good


async def test_interruption_stops_the_agent_and_returns_its_marks() -> None:
    agent = Agent(reply_ms=3000, stops_when_interrupted=True)
    plan = replace(PLAN, turns=(TURN, TURN), interrupt_after_s=0.2, turn_timeout_s=2.0)
    report = await call(agent, replace(plan, hangup=Hangup(2, HangupMoment.MID_REPLY)))
    second = report.turns[1]
    assert report.traffic.clears_received == 1
    assert second.interruption_ms is not None and second.interruption_ms < 2000
    assert second.status is TurnStatus.ANSWERED
    assert [m["mark"]["name"] for m in agent.events("mark")] == ["greeting", "reply1"]


async def test_bad_messages_are_ignored_listed_and_fail_the_call() -> None:
    raw = [
        "{",
        '{"event":"media","streamSid":"MZother","media":{"payload":"//8="}}',
        '{"event":"media","streamSid":"{sid}","media":{"payload":"?"}}',
        '{"event":"mark","streamSid":"{sid}","mark":{"name":"x"},"sequenceNumber":"1"}',
        "{",
    ]
    report = await call(Agent(raw=raw))
    assert report.turns[0].status is TurnStatus.ANSWERED
    assert report.warning_count == 5
    assert report.warnings == [
        "31951: not JSON",
        "31951: media: wrong streamSid",
        "31951: media: payload is not base64",
        "31951: mark: unexpected field 'sequenceNumber'",
    ]
    assert not report.is_good


async def test_stalled_line_skips_time_but_no_chunk() -> None:
    agent = Agent()
    report = await call(agent, replace(PLAN, stall=Stall(0.1, 0.2)))
    media = [message["media"] for message in agent.events("media")]
    stamps = [int(m["timestamp"]) for m in media]
    assert [m["chunk"] for m in media] == [str(n + 1) for n in range(len(media))]
    assert stamps[4:6] == [100, 320]
    assert report.traffic.frames_lost == 10


async def test_server_that_hangs_up_ends_the_call() -> None:
    agent = Agent(closes_after=1)
    report = await call(agent, replace(PLAN, turns=(TURN, TURN), gap_s=0.6))
    assert report.ended_by == "server"
    assert agent.forms[1][1]["CallStatus"] == "in-progress"
    assert report.turns[1].status in (TurnStatus.NOT_SPOKEN, TurnStatus.UNANSWERED)
    assert not report.is_good


async def test_hanging_up_in_mid_word_is_good_and_sends_stop() -> None:
    agent = Agent()
    report = await call(agent, replace(PLAN, hangup=Hangup(1, HangupMoment.MID_WORD)))
    assert [turn.status for turn in report.turns] == [TurnStatus.CUT]
    assert report.is_good
    assert agent.received[-1]["event"] == "stop"
