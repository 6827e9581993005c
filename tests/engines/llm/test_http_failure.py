"""What each error of aiohttp is reported as."""

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from voxd.engines.llm.http_failure import explain_http
from voxd.errors import Category

KEY = ConnectionKey("127.0.0.1", 1, False, True, None, None, None)


@pytest.mark.parametrize(
    ("error", "category", "is_connect"),
    [
        (aiohttp.ConnectionTimeoutError(), Category.TIMEOUT, True),
        (aiohttp.ClientConnectorError(KEY, OSError()), Category.CONNECTIVITY, True),
        (aiohttp.InvalidURL("http://["), Category.CONNECTIVITY, True),
        (aiohttp.ServerDisconnectedError(), Category.CONNECTIVITY, False),
        (aiohttp.ClientPayloadError(), Category.CONNECTIVITY, False),
        (RuntimeError("Session is closed"), Category.CONNECTIVITY, False),
        (aiohttp.ClientError(), Category.SERVER, False),
    ],
)
def test_each_error_says_why_and_when(
    error: Exception, category: Category, is_connect: bool
) -> None:
    failure = explain_http(error)
    assert (failure.category, failure.is_connect) == (category, is_connect)
