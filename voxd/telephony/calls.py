"""Twilio's REST API about calls: place one, hang up, give a running one new instructions. I/O."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from twilio.base.exceptions import TwilioException

from voxd.config import Config, read_secret
from voxd.errors import Category, TelephonyError
from voxd.twilio.orders import MAX_TWIML_CHARS, CallOrder, CallStatus

ACCOUNT_SID = "TWILIO_ACCOUNT_SID"
AUTH_TOKEN = "TWILIO_AUTH_TOKEN"
CLIENT = "twilio.rest"
"""The package of the client, which whoever knows that it is wanted may import ahead."""
RETRIES_S = (0.2, 0.8)
"""Pauses before an order that may happen twice is tried again; the deadline holds for all tries."""

_GONE = frozenset({20404, 21220})
"""Twilio's codes for a call that is over: not found; not in progress."""
_RETRIED = frozenset({Category.CONNECTIVITY, Category.SERVER, Category.RATE_LIMIT})
_SILENT = logging.Logger("voxd.telephony.wire", logging.CRITICAL + 1)
"""For the package, which logs addresses with the account in them; part of no hierarchy."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose calls they are."""

    sid: str
    """`AC…`."""
    auth_token: str = field(repr=False)


class TwilioCalls:
    """Orders about the calls of one account; made by `open_calls`."""

    def __init__(self, calls: Any, deadline_s: float) -> None:
        """
        Args:
            calls: `twilio.rest.Client.calls`.
            deadline_s: of an order, tries and pauses included.
        """
        self._calls = calls
        self._deadline_s = deadline_s

    async def place(self, order: CallOrder) -> str:
        """Have a call placed; returns its CallSid while it is queued.

        Never tried twice. After a `TIMEOUT` or a broken connection it may have been placed.

        Raises:
            TelephonyError: it was refused, or nobody knows.
        """
        call = await self._order(lambda: self._calls.create_async(**order.parameters()))
        if not isinstance(call.sid, str) or not call.sid:
            raise TelephonyError(Category.SERVER, "the answer names no call")
        return call.sid

    async def hang_up(self, call_sid: str) -> None:
        """End a call, whether it rings or is answered; one that is over is no error.

        Raises:
            TelephonyError: it may go on.
        """
        await self._update(call_sid, {"status": CallStatus.COMPLETED.value}, may_repeat=True)

    async def redirect(self, call_sid: str, *, twiml: str = "", url: str = "") -> None:
        """Give a call in progress new instructions; its media stream stops. One of the two:

        Args:
            twiml: a document of at most `MAX_TWIML_CHARS`.
            url: asked for one, by POST.

        Raises:
            ValueError: the document is too long, or not just one of the two is given.
            TelephonyError: it was refused, the call is over, or nobody knows.
        """
        if bool(twiml) == bool(url) or len(twiml) > MAX_TWIML_CHARS:
            raise ValueError("a short document or an address, one of the two")
        given = {"twiml": twiml} if twiml else {"url": url, "method": "POST"}
        await self._update(call_sid, given, may_repeat=False)

    async def _update(self, call_sid: str, given: dict[str, str], *, may_repeat: bool) -> None:
        try:
            await self._order(
                lambda: self._calls(call_sid).update_async(**given), may_repeat=may_repeat
            )
        except TelephonyError as error:
            if error.code not in _GONE or "status" not in given:
                raise

    async def _order(self, ask: Callable[[], Awaitable[Any]], *, may_repeat: bool = False) -> Any:
        pauses_s = list(RETRIES_S) if may_repeat else []
        try:
            async with asyncio.timeout(self._deadline_s):
                while True:
                    try:
                        return await _once(ask)
                    except TelephonyError as error:
                        if not pauses_s or error.category not in _RETRIED:
                            raise
                    await asyncio.sleep(pauses_s.pop(0))
        except TimeoutError:
            raise TelephonyError(Category.TIMEOUT, "no answer in time") from None


async def _once(ask: Callable[[], Awaitable[Any]]) -> Any:
    """One request; its errors in our words. Their causes are left behind: they quote numbers."""
    try:
        return await ask()
    except TwilioException as error:
        status = getattr(error, "status", 0)
        code = getattr(error, "code", 0)
        number = code if isinstance(code, int) else 0
        raise TelephonyError(_judge(status), f"refused with {status}", code=number) from None
    except aiohttp.ClientError:
        raise TelephonyError(Category.CONNECTIVITY, "the connection failed") from None
    except (ValueError, TypeError, AttributeError, KeyError):  # JSON, but not what was promised
        raise TelephonyError(Category.SERVER, "the answer makes no sense") from None


def _judge(status: object) -> Category:
    match status:
        case 401 | 403:
            return Category.AUTH
        case 402:
            return Category.QUOTA
        case 429:
            return Category.RATE_LIMIT
        case int() if status >= 500:
            return Category.SERVER
        case _:
            return Category.BAD_REQUEST


@asynccontextmanager
async def open_calls(
    account: Account, api_url: str, deadline_s: float
) -> AsyncIterator[TwilioCalls]:
    """A client for one account.

    Args:
        api_url: `https://api.twilio.com`, or a loopback server's address.
        deadline_s: of each order.
    """
    # Only who places calls pays for these imports: some 0.3 s, once, and not within a call.
    from twilio.http.async_http_client import AsyncTwilioHttpClient
    from twilio.rest import Client

    http = AsyncTwilioHttpClient(logger=_SILENT)
    try:
        client = Client(account.sid, account.auth_token, http_client=http)
        client.api.base_url = api_url.rstrip("/")
        yield TwilioCalls(client.calls, deadline_s)
    finally:
        await http.close()


@asynccontextmanager
async def open_telephony(config: Config) -> AsyncIterator[TwilioCalls | None]:
    """The client of the daemon's account; None when its secrets are not set."""
    account = read_account()
    if account is None:
        yield None
        return
    settings = config.telephony
    async with open_calls(account, settings.api_url, settings.deadline_s) as calls:
        yield calls


def read_account() -> Account | None:
    """The account whose calls the daemon may order; None when its secrets are not set."""
    account = Account(read_secret(ACCOUNT_SID), read_secret(AUTH_TOKEN))
    return account if account.sid and account.auth_token else None


def describe_orders(config: Config) -> list[str]:
    """Which calls can be ordered, one sentence a line."""
    if read_account() is None:
        return [f"Places no calls: that needs {ACCOUNT_SID} and {AUTH_TOKEN}."]
    limit = config.telephony.calls_per_minute
    return [f"Places calls by POST /api/calls, at most {limit} a minute."]
