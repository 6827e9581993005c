"""Every registered engine keeps its contract: `contract` has the claims, `setups` the engines.

An engine is opened once for its claims, because a model takes seconds to load; what needs one of
its own opens it.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest
import pytest_asyncio

from tests.engines import contract, using
from tests.engines.contract import BY_KIND, Claim
from tests.engines.setups import KEY, SETUPS, Subject
from voxd.engines.registry import ENTRIES, REGISTRY, Entry
from voxd.events import Kind


def params(wanted: Callable[[Entry], bool]) -> list[Any]:
    """The engines that are set up, of these."""
    return [
        pytest.param(entry.name, marks=[pytest.mark.weights] if entry.is_local else [])
        for entry in REGISTRY
        if entry.name in SETUPS and wanted(entry)
    ]


def open_once(wanted: Callable[[Entry], bool]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("subject", params(wanted), indirect=True, scope="module")


def each(claims: Iterable[Claim]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("claim", claims, ids=lambda claim: claim.__name__)


in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("entry", REGISTRY, ids=lambda entry: entry.name)
def test_every_registered_engine_is_set_up(entry: Entry) -> None:
    assert entry.name in SETUPS, (
        f"the engine {entry.name!r} is registered, but its contract is not tested: write a "
        f"loopback server that speaks its wire (tests/servers/{entry.name}.py; a local engine "
        f"uses its shipped weights) and add the line that opens it to SETUPS in "
        f"tests/engines/setups.py"
    )


def test_no_engine_is_set_up_that_is_not_registered() -> None:
    assert set(SETUPS) <= set(ENTRIES)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    async with SETUPS[request.param](KEY) as subject:
        yield subject


@in_one_loop
@each(contract.EVERY)
@open_once(lambda entry: True)
async def test_every_engine(subject: Subject, claim: Claim) -> None:
    await claim(subject)


@in_one_loop
@each(BY_KIND[Kind.STT])
@open_once(lambda entry: entry.kind is Kind.STT)
async def test_speech_to_text(subject: Subject, claim: Claim) -> None:
    await claim(subject)


@in_one_loop
@each(BY_KIND[Kind.LLM])
@open_once(lambda entry: entry.kind is Kind.LLM)
async def test_language_models(subject: Subject, claim: Claim) -> None:
    await claim(subject)


@in_one_loop
@each(BY_KIND[Kind.TTS])
@open_once(lambda entry: entry.kind is Kind.TTS)
async def test_text_to_speech(subject: Subject, claim: Claim) -> None:
    await claim(subject)


@in_one_loop
@each(BY_KIND[Kind.TURN])
@open_once(lambda entry: entry.kind is Kind.TURN)
async def test_turn_judges(subject: Subject, claim: Claim) -> None:
    await claim(subject)


@in_one_loop
@each(contract.LAST)
@open_once(lambda entry: True)
async def test_every_engine_at_last(subject: Subject, claim: Claim) -> None:
    await claim(subject)


@pytest.mark.parametrize("name", params(lambda entry: True))
async def test_an_engine_can_be_closed_in_mid_work_and_opened_again(name: str) -> None:
    await contract.it_can_be_closed_in_mid_work_and_opened_again(SETUPS[name])


@pytest.mark.parametrize("name", params(lambda entry: not entry.is_local))
async def test_a_proxy_of_the_machine_has_no_part_in_loopback(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
        monkeypatch.setenv(variable.lower(), "http://127.0.0.1:9")
    async with SETUPS[name](KEY) as subject:
        await subject.engine.warm()
        await using.use(subject)


@pytest.mark.parametrize("name", params(lambda entry: not entry.is_local))
async def test_a_key_that_is_wrong_or_missing_is_told_by_warm_and_not_shown(name: str) -> None:
    await contract.a_key_that_is_wrong_or_missing_is_told_by_warm_and_not_shown(SETUPS[name])
