import asyncio
from types import SimpleNamespace

import pytest

from tests.fakes.call import Stage, make_config
from tests.server.harness import make_runtime
from voxd.contracts import EngineState, EngineStatus
from voxd.errors import AdmissionRefused
from voxd.events import EndReason, Kind
from voxd.runtime import Runtime
from voxd.server import admission
from voxd.server.admission import Admission
from voxd.telemetry.journal import Journal


class Call:
    journal = Journal("CA")

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
    assert room.consume(first.token, "CA1") is None
    assert room.consume(second.token, "CA1") == second


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
    base = runtime_with()
    runtime = Runtime(base.config, base.engines, base.speech_cache, local_wait_s=lambda: 2.0)
    assert refusal(Admission(runtime), "CA1") == "local_wait"


async def test_an_engine_that_is_gone_refuses_calls() -> None:
    runtime = runtime_with()
    status = EngineStatus("fake-tts", Kind.TTS, EngineState.EJECTED)
    runtime.engines["fake-tts"].status = lambda: status  # type: ignore[method-assign]
    assert refusal(Admission(runtime), "CA1") == "no_tts"
