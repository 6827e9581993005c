import asyncio
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.fakes.call import Stage, make_config, make_runtime
from tests.fakes.language_model import FakeLanguageModel
from voxd.chains import TURNS_NEED
from voxd.config import Config
from voxd.contracts import EngineState, EngineStatus
from voxd.errors import AdmissionRefused, Category, EngineError, Phase
from voxd.events import EndReason, Kind
from voxd.runtime import Runtime
from voxd.server import admission
from voxd.server.admission import Admission, Need
from voxd.stack import CallStack
from voxd.telemetry.journal import Journal

LOCAL = "+15550100"


class Call:
    journal = Journal("CA")
    next_step = None

    def request_shutdown(self) -> None:
        raise AssertionError("nobody asked for this")


def runtime_with(max_calls: int = 2, **engines: object) -> Runtime:
    config = make_config(server={"max_calls": max_calls})
    config = config.model_copy(update={"engines": engines})
    return make_runtime(Stage(config=config))


def refusal(room: Admission, call_sid: str) -> str:
    with pytest.raises(AdmissionRefused) as caught:
        room.reserve(call_sid)
    return caught.value.reason


async def test_a_reservation_is_used_once_and_by_its_own_call() -> None:
    room = Admission(runtime_with())
    reservation = room.reserve("CA1")
    assert room.consume(reservation.token, "CA2") is None
    assert room.consume("guessed", "CA1") is None
    assert room.consume(reservation.token, "CA1") == reservation
    assert room.consume(reservation.token, "CA1") is None


async def test_reservations_and_calls_together_stay_within_max_calls() -> None:
    runtime = runtime_with(max_calls=2)
    room = Admission(runtime)
    first = room.reserve("CA1")
    room.reserve("CA2")
    assert refusal(room, "CA3") == "max_calls"
    assert room.consume(first.token, "CA1")
    runtime.calls.add("CA1", Call())
    assert refusal(room, "CA3") == "max_calls"
    await runtime.calls.finish("CA1", EndReason.CALLER_HUNG_UP)
    room.reserve("CA3")


async def test_a_hundred_calls_at_once_get_no_more_than_there_is_room_for() -> None:
    room = Admission(runtime_with(max_calls=7))

    async def ask(number: int) -> bool:
        await asyncio.sleep(0)
        try:
            room.reserve(f"CA{number}")
        except AdmissionRefused:
            return False
        return True

    answers = await asyncio.gather(*(ask(number) for number in range(100)))
    assert sum(answers) == 7
    assert room.reserved == 7


async def test_a_webhook_that_is_repeated_takes_no_second_place() -> None:
    room = Admission(runtime_with(max_calls=1))
    first = room.reserve("CA1")
    second = room.reserve("CA1")
    assert second.token == first.token
    assert room.reserved == 1
    assert room.consume(first.token, "CA1") == second
    assert room.consume(second.token, "CA1") is None


async def test_a_reservation_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "RESERVED_S", 0.0)
    room = Admission(runtime_with(max_calls=1))
    first = room.reserve("CA1")
    second = room.reserve("CA2")
    assert room.consume(first.token, "CA1") is None
    assert room.consume(second.token, "CA2") is None
    assert room.reserved == 0


async def test_the_model_holds_only_so_many_conversations() -> None:
    runtime = runtime_with(max_calls=8, **{"fake-llm": SimpleNamespace(sequences=1)})
    room = Admission(runtime)
    room.reserve("CA1")
    assert refusal(room, "CA2") == "local_sequences"


def local(room: Admission) -> Config:
    return room._runtime.config.dialled(LOCAL)


def runtime_with_cloud(sequences: int, kept: int) -> Runtime:
    """Calls begin at a provider; the other number's on this machine."""
    cloud = FakeLanguageModel(name="cloud-llm")
    cloud.capabilities = replace(cloud.capabilities, is_local=False)
    base = make_config().tiers["test"].model_dump()
    config = make_config(
        tier={"llm": ["cloud-llm", "fake-llm"]},
        tiers={"local": base},
        numbers={LOCAL: {"tier": "local"}},
        local={"shadow_calls": kept},
    )
    engines = {"fake-llm": SimpleNamespace(sequences=sequences)}
    config = config.model_copy(update={"engines": engines})
    return make_runtime(Stage(config=config, more=[cloud]))


async def test_a_call_that_begins_at_a_provider_needs_no_local_conversation() -> None:
    room = Admission(runtime_with_cloud(sequences=1, kept=0))
    for number in range(5):
        room.reserve(f"CA{number}")
    room.reserve("CA8", local(room))
    with pytest.raises(AdmissionRefused, match="local_sequences"):
        room.reserve("CA9", local(room))


async def test_an_outage_of_the_cloud_finds_local_conversations_kept_for_it() -> None:
    runtime = runtime_with_cloud(sequences=4, kept=2)
    room = Admission(runtime)
    room.reserve("CA1", local(room))
    reservation = room.reserve("CA2", local(room))
    with pytest.raises(AdmissionRefused, match="local_sequences"):
        room.reserve("CA3", local(room))
    assert room.consume(reservation.token, "CA2")  # its call never began: the place is free
    room.reserve("CA3", local(room))


async def test_new_calls_go_around_a_provider_that_is_down() -> None:
    runtime = runtime_with_cloud(sequences=4, kept=0)
    for _ in range(3):
        error = EngineError("cloud-llm", Category.CONNECTIVITY, Phase.CONNECT, "scripted")
        runtime.board.record_error(error)
    stack = Admission(runtime).reserve("CA1").stack
    assert stack.chains[Kind.LLM].names == ("fake-llm",)


async def test_a_reservation_opens_the_calls_stream_once_however_often_the_webhook_comes() -> None:
    stage = Stage()
    room = Admission(stage.runtime)
    room.reserve("CA1")
    await asyncio.sleep(0.01)
    assert len(stage.stt.open_streams) == 1
    second = room.reserve("CA1")
    await asyncio.sleep(0.01)
    assert stage.stt.opened == 1
    assert len(stage.stt.open_streams) == 1
    second.stack.close()
    await stage.runtime.early.aclose()


async def test_a_late_loop_takes_no_further_call() -> None:
    runtime = runtime_with()
    for _ in range(300):
        runtime.loop_lag.add(0.2)
    assert refusal(Admission(runtime), "CA1") == "loop_lag"


async def test_one_hiccup_of_the_loop_refuses_nobody() -> None:
    runtime = runtime_with()
    for lag_s in [0.001] * 300 + [0.5]:
        runtime.loop_lag.add(lag_s)
    Admission(runtime).reserve("CA1")


async def test_a_long_local_queue_takes_no_further_call() -> None:
    runtime = make_runtime(Stage(), local_wait_s=lambda: 2.0)
    assert refusal(Admission(runtime), "CA1") == "local_wait"


async def test_an_engine_that_is_gone_refuses_calls() -> None:
    runtime = runtime_with()
    status = EngineStatus("fake-tts", Kind.TTS, EngineState.EJECTED)
    runtime.engines["fake-tts"].status = lambda: status  # type: ignore[method-assign]
    assert refusal(Admission(runtime), "CA1") == "no_tts"


async def test_a_call_that_runs_gets_no_second_stack() -> None:
    stage = Stage()
    room = Admission(stage.runtime)
    stage.runtime.calls.add("CA1", Call())
    assert refusal(room, "CA1") == admission.IS_ACTIVE
    assert (room.reserved, len(stage.runtime.early)) == (0, 0)


async def test_a_repeated_webhook_keeps_the_place_for_as_long_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Admission(runtime_with(max_calls=1))
    monkeypatch.setattr(admission, "RESERVED_S", 0.0)
    first = room.reserve("CA1")
    monkeypatch.setattr(admission, "RESERVED_S", 60.0)
    second = room.reserve("CA2")  # the first one is over
    again = room.reserve("CA2")
    assert again.token == second.token and again.expires_at > first.expires_at + 59
    assert room.consume(again.token, "CA2") == again


def turns(room: Admission, call_sid: str) -> CallStack:
    """A call that goes by turns from now on."""
    runtime = room._runtime
    stack = CallStack(runtime, call_sid, runtime.config, TURNS_NEED)
    room.admit_turns(stack)
    runtime.calls.add(call_sid, Call())
    return stack


async def test_turns_need_a_place_at_the_model_and_no_stream() -> None:
    runtime = runtime_with(max_calls=1, **{"fake-llm": SimpleNamespace(sequences=2)})
    room = Admission(runtime)
    turns(room, "CA1")
    room.reserve("CA2")  # the only stream
    with pytest.raises(AdmissionRefused, match="local_sequences"):
        turns(room, "CA3")
    await runtime.calls.finish("CA1", EndReason.CALLER_HUNG_UP)
    turns(room, "CA3")
    with pytest.raises(AdmissionRefused, match=admission.IS_ACTIVE):
        turns(room, "CA3")


async def test_turns_are_refused_when_no_model_answers() -> None:
    runtime = runtime_with()
    status = EngineStatus("fake-llm", Kind.LLM, EngineState.EJECTED)
    runtime.engines["fake-llm"].status = lambda: status  # type: ignore[method-assign]
    with pytest.raises(AdmissionRefused, match="no_llm"):
        turns(Admission(runtime), "CA1")


async def test_calls_that_will_come_count_as_if_they_were_there() -> None:
    runtime = runtime_with(max_calls=3, **{"fake-llm": SimpleNamespace(sequences=2)})
    room, config = Admission(runtime), runtime.config.dialled("")
    need = room.check_room(config)
    assert need == Need(is_stream=True, is_local=True)
    room.check_room(config, [need])
    with pytest.raises(AdmissionRefused, match="local_sequences"):
        room.check_room(config, [need, need])
    elsewhere = Need(is_stream=True, is_local=False)
    room.check_room(config, [elsewhere, elsewhere])
    with pytest.raises(AdmissionRefused, match="max_calls"):
        room.check_room(config, [elsewhere] * 3)
    assert (room.reserved, room.streams, len(runtime.early)) == (0, 0, 0)


async def test_turns_that_will_come_need_a_place_at_the_model_alone() -> None:
    tables = {"tier": {"transport": "twiml"}, "server": {"public_url": "https://x", "max_calls": 1}}
    config = make_config(**tables)
    config = config.model_copy(update={"engines": {"fake-llm": SimpleNamespace(sequences=2)}})
    room = Admission(make_runtime(Stage(config=config)))
    need = room.check_room(config, [Need(is_stream=True, is_local=False)] * 5)
    assert need == Need(is_stream=False, is_local=True)
    room.check_room(config, [need])
    with pytest.raises(AdmissionRefused, match="local_sequences"):
        room.check_room(config, [need, need])


@pytest.mark.parametrize("seed", range(10))
async def test_no_order_of_webhooks_streams_and_ends_takes_more_than_there_is(seed: int) -> None:
    """Streams, turns and repeated webhooks of 12 calls, where 4 streams and 5 places are."""
    chance = random.Random(seed)
    runtime = runtime_with(max_calls=4, **{"fake-llm": SimpleNamespace(sequences=5)})
    room = Admission(runtime)
    tokens: dict[str, str] = {}
    streams: set[str] = set()
    in_turns: set[str] = set()
    for _ in range(300):
        call = f"CA{chance.randrange(12)}"
        is_active, is_held = call in streams | in_turns, call in tokens
        places = len(tokens) + len(streams) + len(in_turns)
        match chance.choice(["webhook", "stream", "turns", "end", "end"]):
            case "webhook":
                has_room = len(tokens) + len(streams) < 4 and places < 5
                if not is_active and (is_held or has_room):
                    token = room.reserve(call).token
                    assert tokens.setdefault(call, token) == token
                else:
                    refusal(room, call)
            case "stream":
                admitted = room.consume(tokens.get(call, "guessed"), call)
                assert (admitted is not None) == is_held
                if admitted is not None:
                    tokens.pop(call)
                    streams.add(call)
                    runtime.calls.add(call, Call())
            case "turns" if not is_held:
                if is_active or places >= 5:
                    with pytest.raises(AdmissionRefused):
                        turns(room, call)
                else:
                    turns(room, call)
                    in_turns.add(call)
            case "end" if is_active:
                streams.discard(call)
                in_turns.discard(call)
                await runtime.calls.finish(call, EndReason.CALLER_HUNG_UP)
        assert room.streams == len(tokens) + len(streams) <= 4
    await runtime.early.aclose()


async def test_what_is_promised_lasts_until_it_is_used_or_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Admission(runtime_with())
    assert not room.promised_s and not room.is_reserved("CA1")
    token = room.reserve("CA1").token
    assert 0 < room.promised_s <= admission.RESERVED_S
    assert room.is_reserved("CA1") and not room.is_reserved("CA2")
    room.consume(token, "CA1")
    assert not room.promised_s and not room.is_reserved("CA1")
    monkeypatch.setattr(admission, "RESERVED_S", 0.0)
    room.reserve("CA2")
    assert not room.promised_s and not room.is_reserved("CA2")


async def test_promises_that_are_withdrawn_give_back_what_was_begun() -> None:
    runtime = runtime_with()
    room = Admission(runtime)
    token = room.reserve("CA1").token
    room.withdraw()
    assert room.consume(token, "CA1") is None
    assert (room.reserved, room.promised_s) == (0, 0.0)
