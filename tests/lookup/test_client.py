"""The look-up over real HTTP: what is sent, and every way in which an answer may not come."""

import gzip
from typing import Any

import pytest

from tests.fakes.call import make_config
from tests.servers.lookup import LookupServer
from voxd.config import Config, Number
from voxd.errors import ConfigError
from voxd.lookup.answer import MAX_BYTES, NoAnswer
from voxd.lookup.client import check_lookup, open_lookup

CALLED, CALLER = "+15550199", "+15550100"


def config(service: LookupServer, **lookup: Any) -> Config:
    lookup = {"url": service.url, "deadline_s": 5.0, **lookup}
    return make_config(lookup=lookup, variables={"name": "friend"})


async def fetch(config: Config) -> Number:
    async with open_lookup(config) as client:
        assert client is not None
        return await client.fetch(CALLED, CALLER, "CA1")


async def reason_of(config: Config) -> str:
    with pytest.raises(NoAnswer) as caught:
        await fetch(config)
    return caught.value.reason


async def test_only_the_two_numbers_and_the_call_sid_are_sent_and_signed(
    service: LookupServer,
) -> None:
    service.answer = {"tenant": "sol", "variables": {"name": "Ana"}}
    number = await fetch(config(service))
    assert (number.tenant, number.variables) == ("sol", {"name": "Ana"})
    assert service.asked == [{"called": CALLED, "caller": CALLER, "call_sid": "CA1"}]


async def test_a_number_that_the_service_does_not_know_is_an_answer(service: LookupServer) -> None:
    service.status = 404
    assert await fetch(config(service)) == Number()


@pytest.mark.parametrize("status", [204, 301, 302, 307, 400, 401, 403, 429, 500, 503])
async def test_another_status_is_none_and_nobody_is_followed(
    service: LookupServer, status: int
) -> None:
    service.status = status
    service.headers = {"Location": service.url}
    assert await reason_of(config(service)) == "status"
    assert len(service.asked) == 1


async def test_a_service_that_hangs_is_left_at_the_deadline(service: LookupServer) -> None:
    service.hangs = True
    assert await reason_of(config(service, deadline_s=0.05)) == "deadline"


async def test_a_service_that_is_gone_is_no_answer(service: LookupServer) -> None:
    service.port = 1
    assert await reason_of(config(service)) == "connection"


async def test_an_endless_answer_is_not_read(service: LookupServer) -> None:
    service.answer = b" " * (MAX_BYTES + 1)
    assert await reason_of(config(service)) == "too_long"


async def test_a_small_answer_cannot_unpack_to_a_large_one(service: LookupServer) -> None:
    service.answer = gzip.compress(b"[" * 10_000_000)
    service.headers = {"Content-Encoding": "gzip"}
    assert await reason_of(config(service)) == "no_json"


async def test_nonsense_is_no_answer(service: LookupServer) -> None:
    service.answer = {"tier": "gold"}
    assert await reason_of(config(service)) == "unknown"


async def test_without_a_secret_nothing_is_asked(
    service: LookupServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VOXD_LOOKUP_SECRET")
    (problem,) = check_lookup(config(service))
    assert problem.key == "lookup.url" and "VOXD_LOOKUP_SECRET" in problem.message
    with pytest.raises(ConfigError):
        await fetch(config(service))


async def test_without_an_address_there_is_no_client() -> None:
    assert check_lookup(make_config()) == ()
    async with open_lookup(make_config()) as client:
        assert client is None


async def test_for_another_config_another_service_is_asked_by_the_same_means(
    service: LookupServer,
) -> None:
    service.answer = {"tenant": "sol"}
    first = config(service)
    async with open_lookup(first) as client:
        assert client is not None
        nowhere = first.lookup.model_copy(update={"url": "http://127.0.0.1:1/"})
        lost = client.for_config(first.model_copy(update={"lookup": nowhere}))
        with pytest.raises(NoAnswer):
            await lost.fetch(CALLED, CALLER, "CA1")
        assert (await lost.for_config(first).fetch(CALLED, CALLER, "CA1")).tenant == "sol"
