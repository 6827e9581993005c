"""100,000 messages of a peer that has gone mad: refused or understood, nothing else."""

import base64
import json
import random
from collections import Counter
from typing import Any

from voxd.errors import LineError
from voxd.twilio.media import Connected, Dtmf, Mark, Media, MediaProtocol, Start

MESSAGES = 100_000
PAYLOAD = base64.b64encode(bytes(range(160))).decode()
EVENTS = ("connected", "start", "media", "dtmf", "mark", "clear", "")
KEYS = (
    *("event", "sequenceNumber", "streamSid", "media", "track", "chunk", "timestamp", "payload"),
    *("dtmf", "digit", "mark", "name", "start", "callSid", "mediaFormat", "customParameters", "x"),
)
SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 10**30, -(10**400), 1e308, 0.1, "", "0", "-1", "1e9", "NaN"),
    *("9" * 40, "media", "MZ0001", "\x00", "\U0001f600", "ÿ" * 30, PAYLOAD, "=", "inbound"),
    *(float("nan"), float("inf"), -float("inf")),
)


def valid(rng: random.Random, number: int) -> dict[str, Any]:
    """A message as Twilio sends it; `stop` ends a stream and is left out."""
    event = rng.choice(("media", "media", "dtmf", "mark"))
    body: dict[str, Any] = {
        "media": {
            "track": "inbound",
            "chunk": str(number),
            "timestamp": str(number * 20),
            "payload": PAYLOAD,
        },
        "dtmf": {"track": "inbound_track", "digit": "5"},
        "mark": {"name": "r1.c0.g0"},
    }[event]
    return {"event": event, "sequenceNumber": str(number), "streamSid": "MZ0001", event: body}


def anything(rng: random.Random, depth: int = 0) -> Any:
    """Any JSON value (and some that JSON does not have)."""
    kind = rng.random()
    if depth > 4 or kind < 0.5:
        return rng.choice(SCALARS)
    if kind < 0.7:
        return [anything(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(KEYS): anything(rng, depth + 1) for _ in range(rng.randrange(5))}


def mutated(rng: random.Random, number: int) -> str:
    """A valid message with something changed in its values or in its text."""
    message = valid(rng, number)
    if rng.random() < 0.6:
        # Without a number it is judged by its content, or most would end at being repeated.
        del message["sequenceNumber"]
    for _ in range(rng.randrange(1, 3)):
        target = rng.choice([message, *(v for v in message.values() if isinstance(v, dict))])
        key = rng.choice([*target, rng.choice(KEYS)])
        if rng.random() < 0.3:
            target.pop(key, None)
        else:
            target[key] = anything(rng)
    text = json.dumps(message, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.3:
        at = rng.randrange(len(text))
        text = text[:at] + chr(rng.randrange(1, 0xD800)) * rng.randrange(3) + text[at + 1 :]
    return text


def large(rng: random.Random) -> str:
    """Up to 64 KiB of UTF-8: of nesting, of digits, of text, of one enormous field."""
    size = rng.randrange(1000, 65_000)
    kind = rng.randrange(6)
    if kind == 0:
        piece = rng.choice(("[", '{"event":', '{"media":{"media":'))
        return piece * (size // len(piece))
    if kind == 1:
        return '{"event":"media","a":' + "[" * (size // 2) + "]" * (size // 2) + "}"
    if kind == 2:
        return '{"event":"mark","sequenceNumber":' + "9" * size + "}"
    if kind == 3:
        return "".join(chr(rng.randrange(0xD800)) for _ in range(100)) * (size // 300)
    huge: dict[str, Any] = {"media": {"timestamp": "20", "payload": "A" * (size // 4 * 4)}}
    if kind == 5:
        huge = {"mark": {"name": "é" * (size // 2)}}
    return json.dumps({"event": next(iter(huge)), "streamSid": "MZ0001"} | huge, ensure_ascii=False)


def fuzzed(rng: random.Random, number: int) -> str:
    kind = rng.random()
    if kind < 0.003:
        return large(rng)
    if kind < 0.6:
        return mutated(rng, number)
    if kind < 0.85:
        return json.dumps({"event": rng.choice(EVENTS)} | {rng.choice(KEYS): anything(rng)})
    if kind < 0.95:
        return json.dumps(anything(rng))
    return "".join(chr(rng.randrange(0xD800)) for _ in range(rng.randrange(80)))


def test_a_hundred_thousand_fuzzed_messages_do_not_end_a_stream() -> None:
    rng = random.Random(20261122)
    protocol, number, refused = MediaProtocol(), 1, Counter[str]()
    protocol.decode('{"event":"connected"}')
    protocol.decode(
        '{"event":"start","sequenceNumber":"1","streamSid":"MZ0001","start":{"callSid":"CA0001"}}'
    )
    for index in range(MESSAGES):
        text = fuzzed(rng, number + rng.randrange(3))
        # What a socket lets pass; Python encodes no lone surrogate.
        assert len(text.encode()) <= 64 * 1024
        try:
            message = protocol.decode(text)
        except LineError as error:
            refused[str(error)] += 1
        else:
            assert isinstance(message, Media | Dtmf | Mark)
        if index % 500 == 0:
            # However it was shaken: half a second of valid messages later it hears again.
            for _ in range(30):
                number += 1
                try:
                    last = protocol.decode(json.dumps(valid(rng, number)))
                except LineError as error:
                    last = None
                    assert str(error) in ("repeated", "out_of_order")
            assert last is not None
    # All that a started stream can refuse was reached, but for what only `stop` leads to.
    assert set(refused) == {
        *("not_json", "not_object", "unknown_event", "repeated", "wrong_stream", "out_of_order"),
        *("bad_sequence", "bad_media", "bad_timestamp", "bad_payload", "wrong_track"),
        *("bad_dtmf", "bad_mark"),
    }


def test_fuzzed_messages_before_the_start_raise_nothing_else() -> None:
    rng = random.Random(7)
    for _ in range(200):
        protocol = MediaProtocol()
        for _ in range(20):
            try:
                message = protocol.decode(fuzzed(rng, 2))
            except LineError:
                continue
            assert isinstance(message, Connected | Start | Media | Dtmf | Mark)
