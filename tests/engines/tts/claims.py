"""What every text-to-speech engine must do, beside what all engines must."""

import asyncio
import contextlib
from collections.abc import Mapping

import numpy as np

from tests.engines.setups import Subject, leaving_nothing
from tests.engines.using import LONG, SHORT, SURROGATE, speaking, use
from voxd.audio.g711 import decode_mulaw
from voxd.contracts import LINE_RATE_HZ, PLAIN, Delivery
from voxd.errors import EngineError


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


async def every_delivery_is_spoken_and_nothing_of_it_is_read_out(subject: Subject) -> None:
    deliveries = [
        PLAIN,
        Delivery("sad", 0.9, 0.8),
        Delivery("excited", 1.1, 1.2, has_laughter=True),
        Delivery(speed=1.5, volume=2.0),
        Delivery(speed=0.6, volume=0.5),
        PLAIN,
    ]
    lengths = []
    async with subject.engine.open_speech(speaking()) as stream:
        for number, delivery in enumerate(deliveries, 1):
            is_last = number == len(deliveries)
            pieces = stream.speak(LONG, is_last=is_last, delivery=delivery)
            lengths.append(len(b"".join([piece async for piece in pieces])) / LINE_RATE_HZ)
    longest = lengths[0] / 0.6 + 0.5
    assert all(lengths[0] / 1.5 - 0.5 < length < longest for length in lengths)


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
                async with contextlib.aclosing(stream.speak(text, is_last=True)) as clause:
                    async for _ in clause:
                        break  # of a text that would take minutes as well
    await use(subject)


CLAIMS = (
    a_clause_is_speech_in_the_lines_own_format,
    clauses_come_in_their_order,
    a_clause_can_be_left_early,
    every_delivery_is_spoken_and_nothing_of_it_is_read_out,
    replies_are_spoken_side_by_side,
    what_cannot_be_said_is_an_engine_error_at_most,
)
