"""Replies through the real SDK on a loopback server: clauses, contexts, faults."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest

from tests.engines.tts.cartesia_setup import REQUEST, hear, on_loopback, until
from tests.servers.cartesia_script import Fault, Script, Trouble
from tests.servers.tone_speech import tone_speech
from voxd.contracts import PLAIN, Delivery
from voxd.errors import Category, EngineError, Phase

REPLY = ("Sure,", "we are open from nine to five.", "Shall I book a table?")


async def test_the_bytes_of_the_line_arrive_untouched_clause_by_clause() -> None:
    async with on_loopback() as (engine, server):
        await engine.warm()
        async with engine.open_speech(REQUEST) as stream:
            for text in REPLY:
                is_last = text == REPLY[-1]
                spoken = text if is_last else text + " "
                assert await hear(stream, text, is_last=is_last) == tone_speech(spoken)
        assert "".join(server.transcripts) == " ".join(REPLY)
        assert server.complaints == [] and server.connections == 1


async def test_a_reply_is_one_context_and_the_next_reply_another_on_the_same_connection() -> None:
    async with on_loopback() as (engine, server):
        for _ in range(2):
            async with engine.open_speech(REQUEST) as stream:
                for text in REPLY:
                    await hear(stream, text, is_last=text == REPLY[-1])
        contexts = [item.context_id for item in server.heard if item.transcript]
        assert len(set(contexts[:3])) == len(set(contexts[3:])) == 1
        assert len(set(contexts)) == 2 and server.connections == 1
        assert all(item.transcript is not None for item in server.heard)  # no cancel


async def test_audio_is_given_on_before_the_clause_is_complete() -> None:
    async with on_loopback(Script(speed=1.0)) as (engine, server):
        async with engine.open_speech(REQUEST) as stream:
            async with contextlib.aclosing(stream.speak("A long sentence.", is_last=True)) as it:  # type: ignore[type-var]
                assert await anext(it)
                assert not any(item.kind == "done" for item in server.sent)


FAULTS = [
    (Fault(Trouble.ERROR, status=500), Category.SERVER),
    (Fault(Trouble.ERROR, status=429, code="concurrency_limited"), Category.OVERLOADED),
    (Fault(Trouble.ERROR, status=402, code="quota_exceeded"), Category.QUOTA),
    (Fault(Trouble.ERROR, status=400, code="model_sunsetted"), Category.AUTH),
    (Fault(Trouble.ERROR_WITHOUT_CONTEXT, status=500), Category.SERVER),
    (Fault(Trouble.STALL), Category.TIMEOUT),
    (Fault(Trouble.CLOSE, status=1001), Category.CONNECTIVITY),
    (Fault(Trouble.CLOSE, status=1011), Category.SERVER),
    (Fault(Trouble.DROP), Category.CONNECTIVITY),
    (Fault(Trouble.GARBAGE), Category.SERVER),
    (Fault(Trouble.GARBAGE, garbage='{"type": "chunk"}'), Category.SERVER),
    (Fault(Trouble.BAD_AUDIO), Category.SERVER),
]


@pytest.mark.parametrize(("fault", "category"), FAULTS)
@pytest.mark.parametrize("after", [0, 2])
async def test_a_fault_ends_the_clause_with_its_category_and_the_next_reply_is_well(
    fault: Fault, category: Category, after: int
) -> None:
    script = Script(fault=replace(fault, after=after), speed=0)
    async with on_loopback(script, first_audio_s=0.1, next_audio_s=0.1) as (engine, server):
        async with engine.open_speech(REQUEST) as stream:
            mulaw = b""
            with pytest.raises(EngineError) as caught:
                async for piece in stream.speak("Something went wrong in here.", is_last=True):
                    mulaw += piece
        assert caught.value.category is category
        assert caught.value.phase is (Phase.STREAM if after else Phase.FIRST_RESULT)
        assert len(mulaw) == after * 800
        assert len(server.transcripts) == 1  # said once: trying again is for others to decide
        script.fault = None
        async with engine.open_speech(REQUEST) as stream:
            assert await hear(stream, "Well again.", is_last=True) == tone_speech("Well again.")
        assert engine.pool.contexts == 0 and engine.status().active == 0


async def test_a_message_of_an_unknown_kind_changes_nothing() -> None:
    async with on_loopback(Script(fault=Fault(Trouble.UNKNOWN_TYPE))) as (engine, _):
        async with engine.open_speech(REQUEST) as stream:
            assert await hear(stream, "Hello.", is_last=True) == tone_speech("Hello.")


async def test_an_error_without_context_fails_every_reply_and_none_waits() -> None:
    script = Script(first_audio_s=0.05)
    async with on_loopback(script, first_audio_s=30) as (engine, _):
        async with engine.open_speech(REQUEST) as one, engine.open_speech(REQUEST) as two:
            script.fault = Fault(Trouble.ERROR_WITHOUT_CONTEXT)
            async with asyncio.timeout(5):
                both = await asyncio.gather(
                    hear(one, "One."), hear(two, "Two."), return_exceptions=True
                )
        assert [type(item) for item in both] == [EngineError, EngineError]


async def test_a_context_that_expired_between_clauses_is_replaced() -> None:
    async with on_loopback(Script(speed=0)) as (engine, server):
        async with engine.open_speech(REQUEST) as stream:
            await hear(stream, REPLY[0])
            stream._context._moved_at -= 1.0  # type: ignore[attr-defined]  # a second passes
            assert await hear(stream, REPLY[1]) == tone_speech(REPLY[1] + " ")
        contexts = [item.context_id for item in server.heard if item.transcript]
        assert len(set(contexts)) == 2 and server.connections == 1 and not server.complaints


async def test_a_clause_that_an_expired_context_refuses_is_said_in_a_new_one() -> None:
    """The server's second was over sooner than ours."""
    async with on_loopback(Script(speed=0, context_life_s=0.0)) as (engine, server):
        async with engine.open_speech(REQUEST) as stream:
            await hear(stream, REPLY[0])
            assert await hear(stream, REPLY[1]) == tone_speech(REPLY[1] + " ")
        assert server.complaints == ["the context is over"] * 2  # clause and flush
        assert server.connections == 1


async def test_a_connection_that_died_between_clauses_costs_no_clause() -> None:
    async with on_loopback() as (engine, server):
        async with engine.open_speech(REQUEST) as stream:
            await hear(stream, REPLY[0])
            server.drop_all()
            await until(lambda: server.connections == 2)  # noticed and replaced unasked
            assert await hear(stream, REPLY[1]) == tone_speech(REPLY[1] + " ")
        assert server.connections == 2


async def test_a_dropped_clause_is_cancelled_and_its_late_audio_goes_nowhere() -> None:
    async with on_loopback(Script(speed=2.0)) as (engine, server):
        async with engine.open_speech(REQUEST) as stream:
            pieces = stream.speak("This is a rather long sentence to stop.", is_last=False)
            assert await anext(pieces)
            await pieces.aclose()  # type: ignore[attr-defined]
            # The running input goes on to its end, as at the original.
            assert await hear(stream, "No.", is_last=True) == tone_speech("No.")
        await until(lambda: engine.pool.sockets[0].stale > 0)
        cancelled = [item.context_id for item in server.heard if item.transcript is None]
        assert cancelled == [server.heard[0].context_id] and not server.complaints
        assert server.connections == 1 and engine.pool.contexts == 0


async def test_leaving_a_reply_unfinished_cancels_its_context() -> None:
    async with on_loopback() as (engine, server):
        async with engine.open_speech(REQUEST) as stream:
            await hear(stream, REPLY[0], is_last=False)
        await until(lambda: server.heard[-1].transcript is None)
        assert engine.pool.contexts == 0 and not server.complaints


async def test_a_cancelled_task_leaves_nothing_behind() -> None:
    async with on_loopback(Script(fault=Fault(Trouble.STALL))) as (engine, server):

        async def reply() -> None:
            async with engine.open_speech(REQUEST) as stream:
                await hear(stream, "Never said.")

        task = asyncio.get_running_loop().create_task(reply())
        await until(lambda: bool(server.transcripts))
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert engine.pool.contexts == 0 and engine.status().active == 0


async def test_a_clause_without_sound_is_no_failure() -> None:
    async with on_loopback(Script(fault=Fault(Trouble.NO_AUDIO))) as (engine, _):
        async with engine.open_speech(REQUEST) as stream:
            assert await hear(stream, "...", is_last=False) == b""
            assert await hear(stream, "...", is_last=True) == b""


async def test_word_times_run_through_the_reply_and_over_a_change_of_context() -> None:
    async with on_loopback(Script(speed=0)) as (engine, _):
        async with engine.open_speech(REQUEST) as stream:
            first = await hear(stream, REPLY[0])
            stream._context._moved_at -= 1.0  # type: ignore[attr-defined]  # a second passes
            await hear(stream, REPLY[1])
            times = stream.word_times  # type: ignore[attr-defined]
        assert " ".join(time.word for time in times) == " ".join(REPLY[:2])
        assert times[1].start_s == pytest.approx(len(first) / 8000)
        assert all(a.end_s <= b.start_s + 0.002 for a, b in zip(times, times[1:], strict=False))


async def test_settings_and_voice_reach_the_server() -> None:
    settings: dict[str, Any] = {
        "model": "sonic-3.5",
        "speed": 1.2,
        "volume": 0.8,
        "emotion": "calm",
    }
    async with on_loopback(word_times=False, **settings) as (engine, server):
        request = replace(REQUEST, language="es", voice="other")
        async with engine.open_speech(request) as stream:
            await hear(stream, "Hola.", is_last=True)
            fields = stream._fields  # type: ignore[attr-defined]
        assert not server.complaints
        assert fields["model_id"] == "sonic-3.5" and fields["voice"]["id"] == "other"
        assert fields["language"] == "es" and fields["add_timestamps"] is False
        generation = {"speed": 1.2, "volume": 0.8, "emotion": "calm"}
        assert [item.generation for item in server.heard] == [generation]


async def test_another_delivery_gets_a_context_of_its_own() -> None:
    sad = Delivery("sad", speed=0.9)
    async with on_loopback(Script(speed=0)) as (engine, server):
        async with engine.open_speech(REQUEST) as stream:
            for text, delivery in (("One.", PLAIN), ("Two.", sad), ("Three.", sad)):
                assert await hear(stream, text, delivery=delivery) == tone_speech(text + " ")
            await hear(stream, "Four.", is_last=True)
        spoken = [item for item in server.heard if item.transcript]
        assert [item.generation for item in spoken] == [
            {},
            {"speed": 0.9, "emotion": "sad"},
            {"speed": 0.9, "emotion": "sad"},
            {},
        ]
        contexts = [item.context_id for item in spoken]
        assert contexts[1] == contexts[2] and len(set(contexts)) == 3
        assert server.connections == 1 and not server.complaints
        assert engine.pool.contexts == 0


async def test_a_laugh_is_a_tag_at_the_service_and_no_word() -> None:
    async with on_loopback(Script(speed=0)) as (engine, server):
        async with engine.open_speech(REQUEST) as stream:
            await hear(stream, "Good one.", is_last=True, delivery=Delivery(has_laughter=True))
            words = [time.word for time in stream.word_times]  # type: ignore[attr-defined]
        assert server.transcripts == ["[laughter] Good one."]
        assert words == ["Good", "one."] and not server.complaints
