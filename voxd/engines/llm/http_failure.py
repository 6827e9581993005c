"""What aiohttp's errors mean for an engine. Pure."""

import aiohttp

from voxd.engines.failure import Failure
from voxd.errors import Category


def explain_http(error: BaseException) -> Failure:
    """What went wrong with a request, by the error that aiohttp raised for it."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return Failure(Category.TIMEOUT, "no connection in time", is_connect=True)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.InvalidURL):
        return Failure(Category.CONNECTIVITY, "cannot connect", is_connect=True)
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
        return Failure(Category.CONNECTIVITY, "the connection broke")
    if isinstance(error, RuntimeError):  # its word for a session that was closed meanwhile
        return Failure(Category.CONNECTIVITY, "the connection broke")
    return Failure(Category.SERVER, "the answer makes no sense")
