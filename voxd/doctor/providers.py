"""Are the keys good, and are the models still served? One small request to each provider. I/O.

The engines are opened and asked as the daemon does it, with a deadline around all of it, because a
doctor that hangs is of no use to anybody.
"""

import asyncio
from collections.abc import AsyncIterator

import aiohttp

from voxd.chains import named_engines
from voxd.config import Config, read_secret
from voxd.contracts import Engine
from voxd.doctor.finding import Finding, bad, good, warn
from voxd.engines.local.compute import open_compute
from voxd.engines.registry import ENTRIES, open_engines
from voxd.errors import Category, EngineError, Phase
from voxd.telephony.calls import ACCOUNT_SID, AUTH_TOKEN, Account, read_account

LIMIT_S = 10.0
"""For one provider, connecting and answering: far beyond any deadline of a call."""
SLOW = 4.0
"""Times the latency that an engine declares; from there on it is worth a look."""
NO_CALL = "CA" + "0" * 32
"""A CallSid that no call has: whoever may ask for it is told that there is no such call."""

_ADVICE = {
    Category.QUOTA: "top up the account, or raise its limits",
    Category.RATE_LIMIT: "wait a minute and try again; if it stays, raise the account's limits",
    Category.CONNECTIVITY: "look at base_url, the network, its firewall and name servers",
    Category.SERVER: "the trouble is the provider's: try again later, calls go to the next engine",
    Category.BAD_REQUEST: "it refuses a setting of {table}: compare with config.toml",
    Category.OVERLOADED: "try again later; calls go to the next engine meanwhile",
    Category.TIMEOUT: "try again; if it stays, look at the network between here and there",
}
_PASSES = frozenset({Category.RATE_LIMIT, Category.OVERLOADED})


async def check_providers(config: Config) -> AsyncIterator[Finding]:
    """One finding for each cloud engine that a tier names."""
    named = named_engines(config)
    wanted = {
        name
        for tier in config.tiers_in_use()
        for name in (*tier.stt, *tier.llm, *tier.tts, *tier.turn)
    }
    for name, reason in named.refused.items():
        if name in wanted:
            told = f"{reason}: calls go to the next engine of their chain"
            yield warn(name, told, "set that secret, or take the engine out of its tiers")
    cloud = [name for name in named.usable if not ENTRIES[name].is_local]
    refused: list[EngineError] = []
    # Without local engines no worker is started.
    async with (
        open_compute(config.local) as compute,
        open_engines(cloud, config, compute, refused.append) as engines,
    ):
        for error in refused:
            yield _judge(error)
        async with asyncio.TaskGroup() as group:
            tries = [group.create_task(_try(engine)) for engine in engines.values()]
        for tried in tries:
            yield tried.result()


async def _try(engine: Engine) -> Finding:
    try:
        async with asyncio.timeout(LIMIT_S):
            await engine.warm()
            latency_s = await engine.probe()
    except TimeoutError:
        told = f"no answer within {LIMIT_S:g} s"
        return _judge(EngineError(engine.name, Category.TIMEOUT, Phase.CONNECT, told))
    except EngineError as error:
        return _judge(error)
    told = f"key and model are good; the first result came after {latency_s:.2f} s"
    if latency_s > SLOW * engine.capabilities.expected_latency_s:
        advice = "try again; if it stays, choose a machine nearer to the provider"
        return warn(engine.name, f"{told}, which is slow", advice, latency_s=latency_s)
    return good(engine.name, told, latency_s=latency_s)


def _judge(error: EngineError) -> Finding:
    name, table = error.engine, f"[engines.{error.engine}]"
    told = str(error).removeprefix(f"{name}: ")
    if error.category is Category.AUTH and "model" in told:
        advice = f"name a model in {table} that the account may use"
    elif error.category is Category.AUTH:
        secret = ENTRIES[name].secret or f"the secret that {table} credential names"
        advice = f"look up the key in the provider's console and set {secret} anew"
    else:
        advice = _ADVICE[error.category].format(table=table)
    tell = warn if error.category in _PASSES else bad
    return tell(name, told, advice, category=error.category)


async def check_account(config: Config) -> AsyncIterator[Finding]:
    """Whether Twilio knows the account whose calls the daemon may order."""
    account = read_account()
    if account is None:
        missing = " and ".join(name for name in (ACCOUNT_SID, AUTH_TOKEN) if not read_secret(name))
        yield good("twilio account", f"places no calls (not set: {missing})")
        return
    try:
        async with asyncio.timeout(LIMIT_S):
            status = await _fetch_no_call(account, config.telephony.api_url)
    except TimeoutError:
        told = f"no answer within {LIMIT_S:g} s"
        yield bad("twilio account", told, _ADVICE[Category.TIMEOUT])
    except aiohttp.ClientError as error:
        told = f"cannot be asked ({type(error).__name__})"
        yield bad("twilio account", told, "look at [telephony] api_url and the network")
    else:
        yield _judge_account(status)


async def _fetch_no_call(account: Account, api_url: str) -> int:
    """The status that Twilio answers with when it is asked for a call that is none."""
    path = f"/2010-04-01/Accounts/{account.sid}/Calls/{NO_CALL}.json"
    auth = aiohttp.encode_basic_auth(account.sid, account.auth_token)
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(
            api_url.rstrip("/") + path, headers={"Authorization": auth}, allow_redirects=False
        ) as response,
    ):
        return response.status


def _judge_account(status: int) -> Finding:
    match status:
        case 200 | 404:
            return good("twilio account", "the account and its token are good")
        case 401 | 403:
            told = f"Twilio refuses the account or its token (HTTP {status})"
            advice = f"compare {ACCOUNT_SID} and {AUTH_TOKEN} with Twilio's console"
            return bad("twilio account", told, advice)
        case _:
            told = f"Twilio answers HTTP {status}"
            return warn("twilio account", told, "try again later, and look at Twilio's status page")
