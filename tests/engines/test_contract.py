"""Every registered engine keeps its contract: `contract` has the claims, `setups` the engines.

An engine is opened once for its claims, because a model takes seconds to load; what needs one of
its own opens it.
"""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.engines.contract import AFRESH, BY_KIND, EVERY, LAST, AfreshClaim, Claim
from tests.engines.setups import KEY, SETUPS, Subject
from voxd.engines.registry import ENTRIES, REGISTRY, Entry


def cases(claims_of: Callable[[Entry], tuple[Claim | AfreshClaim, ...]]) -> list[object]:
    """Engine by engine, its claims."""
    return [
        pytest.param(
            entry.name,
            claim,
            id=f"{entry.name}: {claim.__name__}",
            marks=[pytest.mark.weights] if entry.is_local else [],
        )
        for entry in REGISTRY
        if entry.name in SETUPS
        for claim in claims_of(entry)
    ]


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


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("subject", "claim"),
    cases(lambda entry: (*EVERY, *BY_KIND[entry.kind], *LAST)),
    indirect=["subject"],
)
async def test_contract(subject: Subject, claim: Claim) -> None:
    await claim(subject)


@pytest.mark.parametrize(("name", "claim"), cases(lambda entry: AFRESH))
async def test_contract_from_the_start(name: str, claim: AfreshClaim) -> None:
    await claim(SETUPS[name])
