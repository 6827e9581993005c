"""Who answers which call: the file, the service, its old answers; in virtual time."""

import asyncio
import re
import tracemalloc
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

import pytest

from tests.fakes.call import make_config
from voxd.config import Config, Number
from voxd.lookup import directory
from voxd.lookup.answer import NoAnswer
from voxd.lookup.directory import Directory, LookupStatus

CALLED, CALLER = "+15550199", "+15550100"
AGENT = {"greeting": "{tenant}: hello {caller}, {name}.", "prompt": "It is {date} {time}."}


@dataclass
class Service:
    """A look-up client that answers by script."""

    answer: Number | NoAnswer = field(default_factory=Number)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    takes_s: float = 0.0

    async def fetch(self, called: str, caller: str, call_sid: str) -> Number:
        self.asked.append((called, caller, call_sid))
        await asyncio.sleep(self.takes_s)
        if isinstance(self.answer, NoAnswer):
            raise self.answer
        return self.answer


def config(**tables: Any) -> Config:
    tables.setdefault("numbers", {CALLED: {"tenant": "file", "variables": {"name": "neighbour"}}})
    return make_config(
        agent=AGENT,
        agents={"night": {"greeting": "Night, {name}."}},
        variables={"name": "friend"},
        lookup={"ttl_s": 60, "stale_s": 600, **tables.pop("lookup", {})},
        **tables,
    )


async def greeting(directory: Directory, call_sid: str = "CA1") -> str:
    seen = await directory.route(call_sid, CALLED, CALLER)
    return seen.phrases.greeting


async def test_without_a_service_the_file_decides() -> None:
    seen = await Directory(config()).route("CA1", CALLED, CALLER)
    assert seen.call.tenant == "file"
    assert seen.phrases.greeting == f"file: hello {CALLER}, neighbour."
    assert re.fullmatch(r"It is \d{4}-\d\d-\d\d \d\d:\d\d\.", seen.agent.prompt)


async def test_day_and_time_are_those_of_the_agents_place() -> None:
    prompts = []
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart
        own = make_config(agent={"prompt": "{date}", "time_zone": zone})
        prompts.append((await Directory(own).route("CA1", CALLED, CALLER)).agent.prompt)
    assert prompts[0] > prompts[1]


async def test_the_service_changes_what_it_says_and_nothing_else() -> None:
    service = Service(Number(agent="night"))
    assert await greeting(Directory(config(), service)) == "Night, neighbour."
    service = Service(Number(variables={"name": "Ana"}))
    assert await greeting(Directory(config(), service)) == f"file: hello {CALLER}, Ana."
    assert service.asked == [(CALLED, CALLER, "CA1")]


async def test_a_fresh_answer_is_not_asked_for_again() -> None:
    service = Service(Number(tenant="sol"))
    phone_book = Directory(config(), service)
    await greeting(phone_book, "CA1")
    service.answer = Number(tenant="luna")
    await asyncio.sleep(50)
    assert (await greeting(phone_book, "CA2")).startswith("sol:")
    await asyncio.sleep(20)
    assert (await greeting(phone_book, "CA3")).startswith("luna:")
    assert len(service.asked) == 2


async def test_a_stale_answer_is_better_than_none() -> None:
    service = Service(Number(tenant="sol"))
    phone_book = Directory(config(), service)
    await greeting(phone_book, "CA1")
    service.answer = NoAnswer("deadline")
    await asyncio.sleep(100)
    assert (await greeting(phone_book, "CA2")).startswith("sol:")
    await asyncio.sleep(600)
    assert (await greeting(phone_book, "CA3")).startswith("file:")


async def test_the_next_calls_do_not_pay_for_what_one_has_found_out() -> None:
    service = Service(NoAnswer("deadline"), takes_s=0.5)
    phone_book = Directory(config(), service)
    loop = asyncio.get_running_loop()
    assert (await greeting(phone_book, "CA1")).startswith("file:")
    begun_at = loop.time()
    await greeting(phone_book, "CA2")
    assert (loop.time() - begun_at, len(service.asked)) == (0.0, 1)
    await asyncio.sleep(directory.PAUSE_S)
    await greeting(phone_book, "CA3")
    assert len(service.asked) == 2
    await asyncio.sleep(directory.PAUSE_S)  # the pause has doubled
    await greeting(phone_book, "CA4")
    assert len(service.asked) == 2
    service.answer = Number(tenant="sol")
    await asyncio.sleep(directory.PAUSE_S)
    assert (await greeting(phone_book, "CA5")).startswith("sol:")


async def test_calls_that_fail_together_count_once() -> None:
    service = Service(NoAnswer("deadline"), takes_s=0.5)
    phone_book = Directory(config(), service)
    async with asyncio.TaskGroup() as tasks:
        for number in range(10):
            tasks.create_task(greeting(phone_book, f"CA{number}"))
    assert len(service.asked) == 10
    await asyncio.sleep(directory.PAUSE_S)
    await greeting(phone_book, "CA10")
    assert len(service.asked) == 11


async def test_a_call_keeps_what_it_got() -> None:
    service = Service(Number(tenant="sol"))
    phone_book = Directory(config(lookup={"ttl_s": 0}), service)
    first = await phone_book.route("CA1", CALLED, CALLER)
    service.answer = Number(tenant="luna")
    await asyncio.sleep(10)
    assert await phone_book.route("CA1", CALLED, CALLER) == first
    assert phone_book.recall("CA1") == first
    assert phone_book.recall("CA9", CALLED).call.tenant == "file"


async def test_day_and_time_stay_those_of_the_calls_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime(2030, 1, next(days), 23, 59, tzinfo=tz)

    days = iter((1, 2, 3))
    monkeypatch.setattr(directory, "datetime", Later)
    phone_book = Directory(make_config(agent={"prompt": "{date}", "time_zone": "UTC"}))
    for call_sid, day in (("CA1", "2030-01-01"), ("CA2", "2030-01-02"), ("CA1", "2030-01-01")):
        assert (await phone_book.route(call_sid, CALLED, CALLER)).agent.prompt == day
        assert phone_book.recall(call_sid).agent.prompt == day


async def test_calls_that_are_remembered_share_one_config() -> None:
    phone_book = Directory(config())
    for number in range(100):
        await phone_book.route(f"CA{number}", CALLED, CALLER)
    tracemalloc.start()
    try:
        for number in range(100, 200):
            await phone_book.route(f"CA{number}", CALLED, CALLER)
        assert tracemalloc.get_traced_memory()[0] < 100 * 1500
    finally:
        tracemalloc.stop()


async def test_a_call_may_be_assigned_to_an_agent() -> None:
    phone_book = Directory(config())
    phone_book.assign("CA1", Number(agent="night", variables={"name": "Ana"}), CALLED, CALLER)
    assert await greeting(phone_book) == "Night, Ana."


async def test_calls_are_remembered_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "KEPT_CALLS", 2)
    phone_book = Directory(config(numbers={}))
    phone_book.assign("CA1", Number(tenant="sol"), CALLED, CALLER)
    for call_sid in ("CA2", "CA3"):
        await phone_book.route(call_sid, CALLED, CALLER)
    assert phone_book.recall("CA1").call.tenant == ""


async def test_a_number_of_any_length_is_bounded() -> None:
    seen = await Directory(config()).route("CA1", "+" * 1000, "x" * 1000)
    assert len(seen.phrases.greeting) < 200


async def test_the_log_has_neither_numbers_nor_address(caplog: pytest.LogCaptureFixture) -> None:
    await greeting(Directory(config(), Service(NoAnswer("invalid", "tier"))))
    (record,) = [record for record in caplog.records if record.message == "look-up failed"]
    assert vars(record)["key"] == "tier"
    assert not any(secret in str(vars(record)) for secret in (CALLED, CALLER))


async def test_operators_are_told_how_the_service_is() -> None:
    assert Directory(config()).status() is None
    service = Service(NoAnswer("deadline"))
    phone_book = Directory(config(), service)
    await greeting(phone_book, "CA1")
    assert phone_book.status() == LookupStatus(0, "deadline", is_paused=True)
    await asyncio.sleep(directory.PAUSE_S)
    service.answer = Number()
    await greeting(phone_book, "CA2")
    assert phone_book.status() == LookupStatus(1, "", is_paused=False)


async def test_a_change_is_for_calls_that_come_from_now_on() -> None:
    service = Service(Number(tenant="sol"))
    phone_book = Directory(config(), service)
    await greeting(phone_book, "CA1")
    other = Service(Number(tenant="luna"))
    phone_book.change(config(lookup={"ttl_s": 9}), other)
    assert (await greeting(phone_book, "CA1")).startswith("sol:")
    assert (await greeting(phone_book, "CA2")).startswith("luna:")  # no answer of before is used
    assert len(service.asked) == len(other.asked) == 1


async def test_answers_outlive_a_change_that_is_not_the_services() -> None:
    """A reload for another reason, while the service is away, costs no caller their routing."""
    service = Service(Number(tenant="sol", agent="night", variables={"name": "Ana"}))
    phone_book = Directory(config(), service)
    await greeting(phone_book, "CA1")
    service.answer = NoAnswer("deadline")
    phone_book.change(config(call={"idle_s": 5.0}), service)
    assert await greeting(phone_book, "CA2") == "Night, Ana."
    assert len(service.asked) == 1  # it is still fresh
    await asyncio.sleep(100)
    assert await greeting(phone_book, "CA3") == "Night, Ana."
    assert len(service.asked) == 2
    without = make_config(lookup={"ttl_s": 60, "stale_s": 600})
    phone_book.change(without, service)  # neither that agent nor that variable
    seen = await phone_book.route("CA4", CALLED, CALLER)
    assert (seen.call.tenant, seen.phrases.greeting) == ("sol", without.phrases.greeting)


async def test_what_a_change_took_away_is_nobodys_any_more() -> None:
    """Asked before the change and answered after it; or ordered before it."""
    service = Service(Number(agent="night", language="de"), takes_s=1.0)
    phone_book = Directory(config(), service)
    waiting = asyncio.get_running_loop().create_task(greeting(phone_book, "CA1"))
    await asyncio.sleep(0.5)
    phone_book.change(make_config(), None)
    assert await waiting == make_config().phrases.greeting
    own = Number(agent="night", tier="gold", language="de", tenant="sol")
    seen = phone_book.assign("CA2", own, CALLED, CALLER)
    assert (seen.call.tenant, seen.call.tier, seen.agent.language) == ("sol", "test", "en")
