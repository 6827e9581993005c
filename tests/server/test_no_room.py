"""What callers get who find no room: each resort of the tier, in its order, over real HTTP."""

from typing import Any
from xml.etree import ElementTree

import pytest

from tests.fakes.call import make_config
from tests.server.harness import serving

TRANSFER = {"transfer": {"number": "+15550123", "caller_id": "+15550199", "ring_s": 15}}
REDIRECT = {"redirect_url": "https://example.com/overflow?x=1&y=2"}


async def refused(no_room: list[str], **agent: Any) -> list[ElementTree.Element]:
    """The verbs for a second call where there is room for one."""
    config = make_config(tier={"no_room": no_room}, agent=agent, server={"max_calls": 1})
    async with serving(config=config) as server:
        await server.reserve("CA1")
        status, body = await server.post("/twilio/voice", {"CallSid": "CA2", "From": "+15550100"})
        assert status == 200
        assert server.state.refused_calls == {"max_calls": 1}
        return list(ElementTree.fromstring(body))


async def test_a_sentence_says_that_the_lines_are_busy() -> None:
    say, hang_up = await refused(["sentence"])
    assert "all our lines are busy" in str(say.text)
    assert hang_up.tag == "Hangup"


async def test_another_number_is_rung() -> None:
    (dial,) = await refused(["transfer", "sentence"], **TRANSFER)
    number = dial.find("Number")
    assert number is not None
    assert (dial.tag, number.text) == ("Dial", "+15550123")
    assert (dial.attrib["timeout"], dial.attrib["callerId"]) == ("15", "+15550199")
    assert "/twilio/after" in dial.attrib["action"]


async def test_somebody_elses_twiml_goes_on() -> None:
    (redirect,) = await refused(["redirect"], **REDIRECT)
    assert (redirect.tag, redirect.text) == ("Redirect", REDIRECT["redirect_url"])


async def test_a_message_is_taken() -> None:
    tags = [verb.tag for verb in await refused(["voicemail"])]
    assert tags == ["Say", "Say", "Record", "Hangup"]


@pytest.mark.parametrize("no_room", [[], ["transfer"], ["redirect", "transfer", "sentence"]])
async def test_what_the_agent_has_not_got_is_passed_over(no_room: list[str]) -> None:
    say, _ = await refused(no_room)
    assert "busy" in str(say.text)


async def test_the_first_resort_that_is_there_comes_first() -> None:
    (verb,) = await refused(["transfer", "redirect", "sentence"], **REDIRECT)
    assert verb.tag == "Redirect"
    first, _ = await refused(["sentence", "transfer"], **TRANSFER)
    assert first.tag == "Say"


async def test_turns_need_no_stream_but_a_place_at_the_model() -> None:
    config = make_config(
        tier={"no_room": ["turns", "sentence"]}, server={"max_calls": 1}, twiml={"max_calls": 2}
    )
    async with serving(config=config) as server:
        await server.reserve("CA1")
        for call_sid in ("CA2", "CA3", "CA2"):  # the last one is a repeated webhook
            body = (await server.post("/twilio/voice", {"CallSid": call_sid}))[1]
            assert "<Gather" in body and "<Stream" not in body
        assert len(server.state.turn_calls) == 2
        assert server.state.refused_calls == {}  # all of them are served
        assert "busy" in (await server.post("/twilio/voice", {"CallSid": "CA4"}))[1]
        assert server.state.refused_calls == {"max_calls": 1}
        await server.state.turn_calls.aclose()


async def test_calls_in_turns_take_no_streams_place() -> None:
    config = make_config(
        tier={"no_room": ["turns"]}, server={"max_calls": 1}, twiml={"max_calls": 5}
    )
    async with serving(config=config) as server, server.call("CA1") as socket:
        assert "<Gather" in (await server.post("/twilio/voice", {"CallSid": "CA2"}))[1]
        await socket.close()
        while server.runtime.calls.is_active("CA1"):
            await server.get("/health/live")
        assert "<Stream" in (await server.post("/twilio/voice", {"CallSid": "CA3"}))[1]
        await server.state.turn_calls.aclose()
