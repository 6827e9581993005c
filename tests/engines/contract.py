"""What every engine must do, by kind: the claims that `test_contract` puts to each one.

The names of the functions are the claims. They know the engines by `voxd.contracts` alone; how
each one is opened, and how what is behind it can be made to die, is in `setups`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest

from tests.engines.setups import KEY, SPOKEN, Setup, Subject, leaving_nothing, until
from voxd.audio.g711 import decode_mulaw
from voxd.commands import Message
from voxd.contracts import (
    FRAME_BYTES,
    FRAME_S,
    LINE_RATE_HZ,
    MULAW_SILENCE,
    EngineState,
    Priority,
    ReplyRequest,
    SpeechRequest,
    Transcript,
    TranscriptStream,
    Usage,
)
from voxd.engines.registry import ENTRIES
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind

SAMPLES = Path(__file__).parents[1] / "samples" / "speech"
SILENCE = bytes([MULAW_SILENCE]) * FRAME_BYTES
FIRST, SECOND = list(SPOKEN)[:2]
NEXT_UTTERANCE_S = 1.0
"""Silence after which a loopback ear takes speech for the next utterance."""
LONG = "We are open from nine to five on every day of the week but Sunday, and on most holidays."
SHORT = "Yes."
SURROGATE = "half a character: \ud83d"
"""Cannot be written as UTF-8; a tokenizer cut in the wrong place makes such a thing."""

Claim = Callable[[Subject], Awaitable[None]]
AfreshClaim = Callable[[Setup], Awaitable[None]]


# --- using an engine as a call does -----------------------------------------------------------


class Caller:
    """Speaks recordings into a stream, faster than real time, and reads what it tells."""

    def __init__(self, stream: TranscriptStream) -> None:
        self.stream = stream
        self.now = asyncio.get_running_loop().time()
        self._transcripts = aiter(stream)

    def be_heard(self, mulaw: bytes) -> None:
        for start in range(0, len(mulaw), FRAME_BYTES):
            piece = mulaw[start : start + FRAME_BYTES]
            self.now += len(piece) / LINE_RATE_HZ
            self.stream.push(piece, self.now)

    def rest(self, seconds: float) -> None:
        self.be_heard(SILENCE * round(seconds / FRAME_S))

    def say(self, recording: str) -> float:
        """Say it, rest for a short pause and want the words; return when the speech ended."""
        self.stream.speech_started(self.now)
        self.be_heard((SAMPLES / f"{recording}.ulaw").read_bytes())
        end = self.now
        self.rest(0.1)
        self.stream.flush(end)
        return end

    async def words(self, speech_end: float) -> str:
        """What was said up to there, in small letters; the line goes on meanwhile."""
        reading = asyncio.get_running_loop().create_task(self._covering(speech_end))
        while not (await asyncio.wait([reading], timeout=FRAME_S))[0]:
            self.rest(FRAME_S)
        return (await reading).text.lower()

    async def _covering(self, speech_end: float) -> Transcript:
        while True:
            transcript = await anext(self._transcripts)
            if transcript.through >= speech_end - 1e-6:
                return transcript


@contextlib.asynccontextmanager
async def calling(subject: Subject, call_id: str = "call") -> AsyncIterator[Caller]:
    async with subject.engine.open_stream(call_id, "en") as stream:
        yield Caller(stream)


def ends(recording: str) -> str:
    """The last words of a recording, which no ear gets wrong."""
    return " ".join(SPOKEN[recording].lower().rstrip(".?").split()[-3:])


def asking(call_id: str = "call", *messages: Message, max_tokens: int = 20) -> ReplyRequest:
    default = (
        Message("system", "You are the receptionist of a small business."),
        Message("user", "Please tell me at length what you can do for me."),
    )
    return ReplyRequest(call_id, 1, messages or default, max_tokens, 0.0)


def speaking(call_id: str = "call", **changes: str) -> SpeechRequest:
    return SpeechRequest(
        **{"call_id": call_id, "reply_id": 1, "language": "en", "voice": ""} | changes
    )  # type: ignore[arg-type]


async def use(subject: Subject) -> None:
    """One request of a caller's, to its end."""
    match ENTRIES[subject.name].kind:
        case Kind.STT:
            async with calling(subject) as caller:
                assert ends(FIRST) in await caller.words(caller.say(FIRST))
        case Kind.LLM:
            items = [item async for item in subject.engine.stream_reply(asking())]
            assert isinstance(items[-1], Usage)
            await subject.engine.release("call")
        case Kind.TTS:
            async with subject.engine.open_speech(speaking()) as stream:
                assert [piece async for piece in stream.speak(SHORT, is_last=True)]


async def begin(subject: Subject, begun: asyncio.Event) -> None:
    """A request of a caller's that is never read to its end; `begun` once it is under way."""
    match ENTRIES[subject.name].kind:
        case Kind.STT:
            async with calling(subject) as caller:
                end = caller.say(FIRST)
                begun.set()
                await caller.words(end)
                await asyncio.Event().wait()
        case Kind.LLM:
            async for _ in subject.engine.stream_reply(asking()):
                begun.set()
        case Kind.TTS:
            async with subject.engine.open_speech(speaking()) as stream:
                async for _ in stream.speak(LONG, is_last=True):
                    begun.set()


async def with_work_under_way(subject: Subject, then: Callable[[], object]) -> None:
    """Begin a request, do something, and see it off: its end or an `EngineError`."""
    begun = asyncio.Event()
    work = asyncio.get_running_loop().create_task(begin(subject, begun))
    await begun.wait()
    then()
    if ENTRIES[subject.name].kind is not Kind.STT:
        with contextlib.suppress(EngineError):
            await work
    work.cancel()
    result = (await asyncio.gather(work, return_exceptions=True))[0]
    assert result is None or isinstance(result, EngineError | asyncio.CancelledError)


# --- every engine -----------------------------------------------------------------------------


async def it_is_what_the_registry_says(subject: Subject) -> None:
    entry, engine = ENTRIES[subject.name], subject.engine
    declared = engine.capabilities
    assert engine.name == subject.name
    assert (declared.kind, declared.is_local) == (entry.kind, entry.is_local)
    assert 0 < declared.expected_latency_s < 5
    assert all(isinstance(tag, str) and tag.islower() for tag in declared.languages)
    wanted = {Kind.STT: ["open_stream"], Kind.TTS: ["open_speech"]}
    for method in wanted.get(entry.kind, ["stream_reply", "prepare", "release"]):
        assert callable(getattr(engine, method))


async def warm_may_be_asked_again_and_costs_nothing(subject: Subject) -> None:
    await subject.engine.warm()
    paid = subject.paid()
    async with leaving_nothing(subject):
        await subject.engine.warm()
        await asyncio.gather(*(subject.engine.warm() for _ in range(3)))
    assert subject.paid() == paid
    assert subject.engine.status().state is EngineState.HEALTHY


async def its_status_can_be_shown_to_anybody(subject: Subject) -> None:
    await use(subject)
    await until(lambda: subject.engine.status().active == 0)
    status = subject.engine.status()
    assert (status.name, status.kind) == (subject.name, ENTRIES[subject.name].kind)
    assert status.state is EngineState.HEALTHY
    assert status.queued == status.restarts == 0
    assert status.latency_p50_s is not None and status.latency_p95_s is not None
    assert 0 < status.latency_p50_s <= status.latency_p95_s
    shown = orjson.dumps(status)
    assert KEY.encode() not in shown and SPOKEN[FIRST].encode() not in shown


async def a_probe_tells_its_seconds_and_leaves_nothing(subject: Subject) -> None:
    await use(subject)
    async with leaving_nothing(subject):
        async with asyncio.timeout(30):
            assert 0 < await subject.engine.probe() < 30


async def a_cancelled_consumer_leaves_nothing(subject: Subject) -> None:
    await use(subject)
    async with leaving_nothing(subject):
        begun = asyncio.Event()
        work = asyncio.get_running_loop().create_task(begin(subject, begun))
        await begun.wait()
        assert subject.busy() > 0
        work.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(work, return_exceptions=True)
        assert work.cancelled()
    await use(subject)


async def it_serves_again_after_what_is_behind_it_died(subject: Subject) -> None:
    await use(subject)
    await with_work_under_way(subject, subject.die)
    async with asyncio.timeout(60):
        while True:
            try:
                await use(subject)
                break
            except EngineError:
                await asyncio.sleep(0.05)
    await until(lambda: subject.busy() == 0)


# --- every engine, opened for the claim -------------------------------------------------------


async def it_can_be_closed_in_mid_work_and_opened_again(setup: Setup) -> None:
    tasks = asyncio.all_tasks()
    for _ in range(2):
        async with setup(KEY) as subject:
            await subject.engine.warm()
            begun = asyncio.Event()
            work = asyncio.get_running_loop().create_task(begin(subject, begun))
            await begun.wait()
        work.cancel()
        result = (await asyncio.gather(work, return_exceptions=True))[0]
        assert result is None or isinstance(result, EngineError | asyncio.CancelledError)
        await until(lambda: asyncio.all_tasks() == tasks)


async def a_key_that_is_wrong_or_missing_is_told_by_warm_and_not_shown(setup: Setup) -> None:
    for key in ("sk-wrong-0815", ""):
        async with setup(key) as subject:
            if ENTRIES[subject.name].is_local:
                return
            with pytest.raises(EngineError) as caught:
                await subject.engine.warm()
            assert caught.value.category is Category.AUTH
            assert caught.value.phase is Phase.CONNECT
            assert "sk-wrong" not in f"{caught.value!r} {caught.value.__cause__!r}"
            assert subject.engine.status().state is EngineState.EJECTED
            assert subject.paid() == 0


# --- speech to text ---------------------------------------------------------------------------


async def each_pause_is_answered_with_the_whole_utterance(subject: Subject) -> None:
    async with calling(subject) as caller:
        first_end = caller.say(FIRST)
        assert ends(FIRST) in await caller.words(first_end)
        caller.rest(first_end + NEXT_UTTERANCE_S - caller.now)
        whole = await caller.words(caller.say(SECOND))
        assert ends(FIRST) in whole and whole.rstrip(".").endswith(ends(SECOND))


async def what_was_forgotten_is_not_told_again(subject: Subject) -> None:
    async with calling(subject) as caller:
        first_end = caller.say(FIRST)
        await caller.words(first_end)
        caller.rest(first_end + NEXT_UTTERANCE_S - caller.now)
        caller.stream.forget(caller.now)
        words = await caller.words(caller.say(SECOND))
        assert ends(SECOND) in words and "help" not in words


async def two_callers_are_kept_apart(subject: Subject) -> None:
    async with calling(subject, "one") as one, calling(subject, "two") as two:
        first_end = one.say(FIRST)
        await one.words(first_end)
        one.rest(first_end + NEXT_UTTERANCE_S - one.now)
        one.stream.forget(one.now)
        texts = await asyncio.gather(
            one.words(one.say(SECOND)),
            two.words(two.say(FIRST)),
        )
        assert ends(SECOND) in texts[0] and ends(FIRST) not in texts[0]
        assert ends(FIRST) in texts[1] and ends(SECOND) not in texts[1]


async def nothing_that_is_given_raises_or_waits(subject: Subject) -> None:
    """The methods of a stream are plain functions: to return is all that they can do wrong."""
    async with calling(subject) as caller:
        stream, now = caller.stream, caller.now
        stream.flush(now)
        stream.forget(now + 60)
        for size in (0, 1, 1001, 60 * LINE_RATE_HZ):
            stream.push(b"\x00" * size, now)
        stream.speech_started(now - 1000)
        for _ in range(1000):
            stream.flush(now)
            stream.forget(now - 1000)
    async with calling(subject) as caller:
        caller.say(FIRST)
        subject.die()
        with contextlib.suppress(EngineError):
            await caller.words(caller.say(FIRST))
        caller.rest(1.0)
        caller.stream.forget(caller.say(FIRST))


# --- language models --------------------------------------------------------------------------


async def pieces_come_first_and_one_usage_last(subject: Subject) -> None:
    items = [item async for item in subject.engine.stream_reply(asking())]
    await subject.engine.release("call")
    assert [isinstance(item, Usage) for item in items] == [False] * (len(items) - 1) + [True]
    assert len(items) > 5 and all(items[:-1])
    usage = items[-1]
    assert usage.prompt_tokens > 0 and 0 <= usage.cached_tokens <= usage.prompt_tokens
    assert 0 < usage.completion_tokens <= 20
    assert usage.finish_reason in ("stop", "length")


async def two_replies_are_written_at_the_same_time(subject: Subject) -> None:
    order = ""

    async def listen(call_id: str) -> None:
        nonlocal order
        async for _ in subject.engine.stream_reply(asking(call_id)):
            order += call_id
        await subject.engine.release(call_id)

    await asyncio.gather(listen("a"), listen("b"))
    assert order.index("a") < order.rindex("b") and order.index("b") < order.rindex("a")


async def a_reply_can_be_left_early(subject: Subject) -> None:
    await use(subject)
    async with leaving_nothing(subject):
        reply = subject.engine.stream_reply(asking())
        assert await anext(reply)
        await reply.aclose()
        await reply.aclose()
        await subject.engine.release("call")
    await use(subject)


async def what_cannot_be_asked_is_an_engine_error_at_most(subject: Subject) -> None:
    odd: list[Sequence[Message]] = [
        [],
        [Message("user", "")],
        [Message("user", SURROGATE)],
        [Message("user", "word " * 3000)],
        [Message("assistant", "Hello!")],
        [Message("narrator", "Once upon a time.")],  # type: ignore[arg-type]
    ]
    for messages in odd:
        request = ReplyRequest("odd", 1, tuple(messages), 8, 0.7)
        with contextlib.suppress(EngineError):
            async for _ in subject.engine.stream_reply(request):
                pass
        with contextlib.suppress(EngineError):
            await subject.engine.prepare("odd", messages, Priority.SPECULATION)
        await subject.engine.release("odd")
    await use(subject)


async def reading_ahead_is_optional_and_letting_go_harmless(subject: Subject) -> None:
    request = asking("ahead")
    await subject.engine.release("ahead")
    await subject.engine.prepare("ahead", request.messages[:1], Priority.GREETING)
    await subject.engine.prepare("ahead", request.messages, Priority.SPECULATION)
    assert [item async for item in subject.engine.stream_reply(request)]
    for _ in range(2):
        await subject.engine.release("ahead")


# --- text to speech ---------------------------------------------------------------------------


def is_speech(mulaw: bytes, text: str) -> bool:
    """Could this be mu-law of this text? Linear or 16 kHz samples are loud noise or too long."""
    pcm = decode_mulaw(mulaw).astype(np.float64)
    level_dbfs = 20 * np.log10(np.sqrt(np.mean(pcm**2)) / 32768 + 1e-9)
    return bool(-45 < level_dbfs < -12 and 8 < len(text) / (len(mulaw) / LINE_RATE_HZ) < 25)


async def a_clause_is_speech_in_the_lines_own_format(subject: Subject) -> None:
    async with subject.engine.open_speech(speaking()) as stream:
        pieces = [piece async for piece in stream.speak(LONG, is_last=True)]
    assert all(type(piece) is bytes for piece in pieces)
    assert is_speech(b"".join(pieces), LONG)


async def clauses_come_in_their_order(subject: Subject) -> None:
    texts = [SHORT, LONG, SHORT, LONG, SHORT]
    lengths = []
    async with subject.engine.open_speech(speaking()) as stream:
        for number, text in enumerate(texts, 1):
            is_last = number == len(texts)
            pieces = [piece async for piece in stream.speak(text, is_last=is_last)]
            lengths.append(len(b"".join(pieces)))
    assert min(lengths) > 0
    assert [length > LINE_RATE_HZ * 2.5 for length in lengths] == [t == LONG for t in texts]


async def a_clause_can_be_left_early(subject: Subject) -> None:
    await use(subject)
    async with leaving_nothing(subject):
        async with subject.engine.open_speech(speaking()) as stream:
            clause = stream.speak(LONG, is_last=False)
            assert await anext(clause)
            await clause.aclose()
            await clause.aclose()
    await use(subject)


async def replies_are_spoken_side_by_side(subject: Subject) -> None:
    async def hear(text: str) -> bytes:
        async with subject.engine.open_speech(speaking(text)) as stream:
            return b"".join([piece async for piece in stream.speak(text, is_last=True)])

    texts = [LONG, SHORT, LONG.replace("nine", "ten")]
    for text, mulaw in zip(texts, await asyncio.gather(*map(hear, texts)), strict=True):
        assert (len(mulaw) > LINE_RATE_HZ * 2.5) is (text != SHORT)


async def what_cannot_be_said_is_an_engine_error_at_most(subject: Subject) -> None:
    odd: list[tuple[str, Mapping[str, str]]] = [
        ("", {}),
        ("  ", {}),
        ("…!?", {}),
        (SURROGATE, {}),
        ("A line\nand a nul \x00.", {}),
        ("word " * 1000, {}),
        (SHORT, {"language": "tlh"}),
        (SHORT, {"voice": "nobody"}),
    ]
    for text, changes in odd:
        with contextlib.suppress(EngineError):
            async with subject.engine.open_speech(speaking(**changes)) as stream:
                async for _ in stream.speak(text, is_last=True):
                    pass
    await use(subject)


EVERY: tuple[Claim, ...] = (
    it_is_what_the_registry_says,
    warm_may_be_asked_again_and_costs_nothing,
    its_status_can_be_shown_to_anybody,
    a_probe_tells_its_seconds_and_leaves_nothing,
    a_cancelled_consumer_leaves_nothing,
)
BY_KIND: dict[Kind, tuple[Claim, ...]] = {
    Kind.STT: (
        each_pause_is_answered_with_the_whole_utterance,
        what_was_forgotten_is_not_told_again,
        two_callers_are_kept_apart,
        nothing_that_is_given_raises_or_waits,
    ),
    Kind.LLM: (
        pieces_come_first_and_one_usage_last,
        two_replies_are_written_at_the_same_time,
        a_reply_can_be_left_early,
        what_cannot_be_asked_is_an_engine_error_at_most,
        reading_ahead_is_optional_and_letting_go_harmless,
    ),
    Kind.TTS: (
        a_clause_is_speech_in_the_lines_own_format,
        clauses_come_in_their_order,
        a_clause_can_be_left_early,
        replies_are_spoken_side_by_side,
        what_cannot_be_said_is_an_engine_error_at_most,
    ),
}
LAST: tuple[Claim, ...] = (it_serves_again_after_what_is_behind_it_died,)
AFRESH: tuple[AfreshClaim, ...] = (
    it_can_be_closed_in_mid_work_and_opened_again,
    a_key_that_is_wrong_or_missing_is_told_by_warm_and_not_shown,
)
