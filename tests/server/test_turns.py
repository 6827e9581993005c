"""Calls in turns over HTTP, driven as Twilio drives them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.fakes.call import GREETING, make_config
from tests.fakes.language_model import STALL, Script, said
from tests.server.harness import Server, serving
from tests.server.twilio_turns import PUBLIC, TOKEN, TwilioTurns, read
from voxd.call.turns import answering
from voxd.config import Config
from voxd.errors import Category, EngineError, Phase
from voxd.events import EndReason, ToolCall

QUICK = said("Yes we are.", first_s=0.01, token_s=0.001)


def turns_config(**tables: Any) -> Config:
    tier = {"transport": "twiml", "interruptions": False, **tables.pop("tier", {})}
    server = {"public_url": PUBLIC, **tables.pop("server", {})}
    return make_config(tier=tier, server=server, **tables)


@asynccontextmanager
async def calling(*scripts: Script, config: Config | None = None) -> AsyncIterator[TwilioTurns]:
    async with serving(auth_token=TOKEN, config=config or turns_config()) as server:
        server.stage.llm.scripts = scripts or (QUICK,)
        yield TwilioTurns(server)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what the server does by itself."""
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.005)


def calls_of(server: Server) -> int:
    return len(server.state.turn_calls)


async def test_five_turns_as_twilio_drives_them() -> None:
    async with calling() as twilio:
        greeting = await twilio.dial()
        assert (greeting.verbs, greeting.said) == (["Gather"], GREETING)
        for turn in range(5):
            assert await twilio.begin_to_say(f"Is it number {turn}") == 204
            answer = await twilio.say(f"Is it number {turn}?")
            assert (answer.verbs, answer.said) == (["Gather"], "Yes we are.")
        asked = [request.messages[-1].content for request in twilio.server.stage.llm.requests]
        assert asked == [f"Is it number {turn}?" for turn in range(5)]
        turns = twilio.server.runtime.calls.turns("CA1")
        assert turns is not None and [turn.turn for turn in turns] == [1, 2, 3, 4, 5]
        assert all(turn.voice_to_voice_ms is not None for turn in turns)


async def test_twilio_is_told_how_to_listen_and_to_speak() -> None:
    twiml = {"hints": ["voxd"], "silence_s": 4, "speech_model": "deepgram_nova-3"}
    async with calling(config=turns_config(twiml=twiml)) as twilio:
        gather = (await twilio.dial()).gather
        assert gather["action"] == f"{PUBLIC}/twilio/gather?step=1"
        assert gather["partialResultCallback"] == f"{PUBLIC}/twilio/partial?step=1"
        assert (gather["timeout"], gather["speechTimeout"]) == ("4", "1")
        assert (gather["hints"], gather["speechModel"]) == ("voxd", "deepgram_nova-3")
        _, text = await twilio.post("/twilio/voice")
        assert 'voice="Polly.Joanna-Neural"' in text


async def test_an_agents_own_voice_speaks_in_its_manner() -> None:
    agent = {"voices": {"polly": "Polly.Amy-Neural"}, "speed": 0.9}
    async with calling(config=turns_config(agent=agent)) as twilio:
        _, text = await twilio.post("/twilio/voice")
        assert '<Say voice="Polly.Amy-Neural"><prosody rate="90%">' in text


async def test_a_spanish_call_is_heard_and_answered_in_spanish() -> None:
    config = turns_config(numbers={"+15550199": {"language": "es"}})
    async with calling(config=config) as twilio:
        assert (await twilio.dial()).gather["language"] == "es-MX"


async def test_a_call_in_turns_opens_no_ear_and_no_voice() -> None:
    async with calling() as twilio:
        await twilio.dial()
        await twilio.say("Hello?")
        assert twilio.server.stage.stt.opened == 0 and twilio.server.stage.tts.texts == []


async def test_a_late_reply_is_fetched_behind_a_filler() -> None:
    config = turns_config(
        tier={"filler_after_s": 3.0},
        phrases={"en": {"fillers": ["One moment, please."]}},
        twiml={"answer_s": 0.3},
    )
    async with calling(said("Yes we are.", first_s=0.5), config=config) as twilio:
        await twilio.dial()
        answer = await twilio.say("Are you open?")
        assert answer.said == "One moment, please. Yes we are."
        assert twilio.followed >= 1 and answer.verbs == ["Gather"]


async def test_a_long_reply_is_fetched_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "WHOLE_S", 0.05)
    async with calling((0.01, "We are open. ", 0.2, "Come in.")) as twilio:
        await twilio.dial()
        answer = await twilio.say("Are you open?")
        assert answer.said == "We are open. Come in."
        assert twilio.followed == 1


async def test_silence_is_asked_about_and_ends_the_call_politely() -> None:
    config = turns_config(call={"reprompts": 1})
    async with calling(config=config) as twilio:
        await twilio.dial()
        assert (await twilio.be_silent()).said == config.phrases.reprompt
        goodbye = await twilio.be_silent()
        assert (goodbye.verbs, goodbye.said) == (["Say", "Hangup"], config.phrases.goodbye)
        await until(lambda: calls_of(twilio.server) == 0)
        reason = twilio.server.runtime.calls.end_reason("CA1")
        assert reason is EndReason.AGENT_HUNG_UP
        assert not twilio.server.stage.llm.sequences


async def test_keys_reach_the_model() -> None:
    async with calling() as twilio:
        await twilio.dial()
        assert (await twilio.press("12")).said == "Yes we are."
        asked = twilio.server.stage.llm.requests[-1].messages[-1].content
        assert asked == "(I pressed 1 2 on the keypad.)"


async def test_requests_that_twilio_repeats_get_the_same_answer() -> None:
    async with calling() as twilio:
        _, first = await twilio.post("/twilio/voice")
        _, again = await twilio.post("/twilio/voice")
        assert first == again
        twilio.last = read(first)
        url = twilio.last.gather["action"]
        answers = await asyncio.gather(
            *(twilio.post(url, {"SpeechResult": "Are you open?"}) for _ in range(3))
        )
        assert len(set(answers)) == 1
        assert len(twilio.server.stage.llm.requests) == 1
        assert calls_of(twilio.server) == 1


async def test_the_last_answer_is_repeated_when_the_call_is_over() -> None:
    async with calling(config=turns_config(call={"reprompts": 0})) as twilio:
        await twilio.dial()
        url = twilio.last.gather["action"]
        _, goodbye = await twilio.post(url)
        await until(lambda: calls_of(twilio.server) == 0)
        assert (await twilio.post(url)) == (200, goodbye)


async def test_an_unknown_call_hears_that_something_went_wrong() -> None:
    async with calling() as twilio:
        status, text = await twilio.post("/twilio/gather?step=4", {"SpeechResult": "Hello?"})
        assert status == 200
        assert "something went wrong" in text and "<Hangup" in text
        assert (await twilio.post("/twilio/partial?step=4"))[0] == 204


@pytest.mark.parametrize("path", ["gather", "more", "partial"])
async def test_strangers_are_kept_out(path: str) -> None:
    async with calling() as twilio:
        await twilio.dial()
        url = f"{PUBLIC}/twilio/{path}?step=1"
        assert (await twilio.post(url, is_signed=False))[0] == 403
        other = twilio.server.sign(f"{PUBLIC}/twilio/{path}?step=2", twilio.fields)
        assert (await twilio.server.post(f"/twilio/{path}?step=1", twilio.fields, other))[0] == 403
        assert twilio.server.stage.llm.requests == []


@pytest.mark.parametrize("query", ["", "?step=", "?step=x", "?step=-1", "?step=1234567"])
async def test_a_request_without_a_step_is_refused(query: str) -> None:
    async with calling() as twilio:
        await twilio.dial()
        assert (await twilio.post(f"/twilio/gather{query}"))[0] == 400


async def test_a_caller_who_hung_up_ends_the_call() -> None:
    async with calling((STALL,)) as twilio:
        await twilio.dial()
        status, text = await twilio.post(
            twilio.last.gather["action"], {"CallStatus": "completed", "SpeechResult": "Bye"}
        )
        assert status == 200 and "<Hangup" in text
        await until(lambda: calls_of(twilio.server) == 0)
        assert twilio.server.runtime.calls.end_reason("CA1") is EndReason.CALLER_HUNG_UP
        assert (await twilio.dial()).verbs == ["Hangup"]  # a webhook that comes again
        assert calls_of(twilio.server) == 0


async def test_there_is_room_for_so_many_calls_and_no_more() -> None:
    config = turns_config(twiml={"max_calls": 1})
    async with calling(config=config) as twilio:
        await twilio.dial()
        second = await TwilioTurns(twilio.server, "CA2").dial()
        assert second.said == config.phrases.busy and second.verbs == ["Say", "Hangup"]
        assert calls_of(twilio.server) == 1


async def test_before_it_is_warm_callers_hear_a_sentence() -> None:
    async with serving(auth_token=TOKEN, config=turns_config(), is_ready=False) as server:
        assert "all our lines are busy" in (await TwilioTurns(server).dial()).said


async def test_without_a_public_url_calls_go_by_the_stream() -> None:
    async with serving(config=turns_config(server={"public_url": ""})) as server:
        _, text = await server.post("/twilio/voice", {"CallSid": "CA1"})
        assert "<Stream" in text


async def test_nothing_that_was_said_or_dialled_reaches_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with calling() as twilio:
        await twilio.dial()
        await twilio.begin_to_say("My secret is mauve")
        await twilio.say("My secret is mauve")
        await twilio.post(twilio.last.gather["action"], {"CallStatus": "completed"})
        await until(lambda: calls_of(twilio.server) == 0)
    records = [str(vars(record)) for record in caplog.records if record.name.startswith("voxd")]
    assert records
    for secret in ("mauve", "5550100", "5550199", "Yes we are", TOKEN):
        assert not any(secret in record for record in records)


async def test_a_transfer_is_dialled_after_the_last_word() -> None:
    agent = {"tools": ["transfer_call"], "transfer": {"number": "+15550123"}}
    script = (0.01, "I connect you. ", ToolCall("1", "transfer_call", "{}"))
    async with calling(script, config=turns_config(agent=agent)) as twilio:
        await twilio.dial()
        answer = await twilio.say("A person, please.")
        assert (answer.said, answer.verbs) == ("I connect you.", ["Dial"])
        assert calls_of(twilio.server) == 0


async def test_a_goodbye_is_said_and_the_line_is_given_up() -> None:
    config = turns_config(agent={"tools": ["end_call"]})
    script = (0.01, "Goodbye then. ", ToolCall("1", "end_call", "{}"))
    async with calling(script, config=config) as twilio:
        await twilio.dial()
        answer = await twilio.say("That was all.")
        assert (answer.said, answer.verbs) == ("Goodbye then.", ["Say", "Hangup"])


async def test_when_nothing_answers_the_caller_is_told_once_and_handed_on() -> None:
    agent = {"on_failure": "transfer", "transfer": {"number": "+15550123"}}
    fault = EngineError("fake-llm", Category.SERVER, Phase.FIRST_RESULT, "scripted")
    config = turns_config(agent=agent)
    async with calling((0.01, fault), config=config) as twilio:
        answer = await twilio.dial()
        while answer.gather:
            answer = await twilio.say("Hello?")
        assert answer.verbs[-1] == "Dial"
        assert answer.said == config.last_words


@pytest.mark.parametrize(
    ("stable", "unstable", "expected"),
    [
        ("", "Are you", "Are you"),
        ("Are", "you", "Are you"),
        ("Are you", "Are you open", "Are you open"),
        ("Are you", "", "Are you"),
    ],
)
async def test_words_so_far_may_come_in_two_parts(
    stable: str, unstable: str, expected: str
) -> None:
    async with calling() as twilio:
        await twilio.dial()
        fields = {"StableSpeechResult": stable, "UnstableSpeechResult": unstable}
        url = twilio.last.gather["partialResultCallback"]
        await twilio.post(url, {**fields, "SequenceNumber": "2"})
        await twilio.post(url, {"UnstableSpeechResult": "Is it", "SequenceNumber": "1"})
        model = twilio.server.stage.llm
        await until(lambda: bool(model.requests))
        assert model.requests[0].messages[-1].content == expected
        assert len(model.requests) == 1
