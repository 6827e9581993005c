"""Groq's SDK, shortened where a caller waits for it. I/O.

Imported only where Groq is used: the SDK takes half a second. What the SDK does stays its own: the
key, the headers, the address, the connections, the events of a stream, the errors. Three things
are otherwise than it would do them, because each caller would wait for them:

* Under it is aiohttp instead of httpx's own transport: a request costs about two thirds of the
  processor time (2.4 and 1.6 ms, three times 200 requests each, side by side on a busy machine).
* All that chat requests have in common is made once, as a template.
* A chat request goes to the transport as it is, past what the SDK and httpx do for those that may
  be redirected, retried or signed in to, which these are not: 0.9 and 0.6 ms of processor time
  before the request is on the wire (twice 130 requests each, in turn on a busy machine).
"""

import groq
import httpx
from groq._models import FinalRequestOptions

from voxd.engines.llm.warm_connections import KEEPALIVE_S
from voxd.engines.tls import tls_context

CHAT = "/openai/v1/chat/completions"
MAX_CONNECTIONS = 100
"""More replies at once than one daemon can carry calls."""


class ChatClient(groq.AsyncGroq):
    """The SDK's client with a shorter way to a streamed chat. Made by `make_client`."""

    _template: httpx.Request

    def make_template(self) -> None:
        """Have the SDK make one chat request, as the model of all others."""
        options = FinalRequestOptions(method="post", url=CHAT, content=b"{}")
        self._template = self._build_request(options)
        del self._template.headers["Content-Length"]

    async def open_chat(self, body: bytes) -> "groq.AsyncStream[object]":
        """Send a chat request; return its chunks, as decoded JSON. Redirects are not followed.

        Raises:
            groq.APIStatusError: it was refused.
            groq.APIConnectionError: it was not answered.
        """
        known = self._template
        request = httpx.Request(
            known.method,
            known.url,
            headers=known.headers,
            content=body,
            extensions=known.extensions,
        )
        if self.is_closed():  # the transport would open a session that nobody closes
            raise groq.APIConnectionError(message="closed", request=request)
        # By its address, because a proxy of the environment has a transport of its own.
        transport = self._client._transport_for_url(request.url)
        try:
            response = await transport.handle_async_request(request)
            if not response.is_success:
                try:
                    await response.aread()
                finally:
                    await response.aclose()
        except Exception as error:  # border: whatever the libraries raise, as the SDK has it
            raise groq.APIConnectionError(request=request) from error
        if not response.is_success:
            raise self._make_status_error_from_response(response)
        return groq.AsyncStream(cast_to=object, response=response, client=self)


def make_client(base_url: str, key: str, connect_s: float) -> ChatClient:
    """Connect nothing yet; `make_template` is for the event loop, which the headers name.

    Args:
        base_url: scheme and host.
        connect_s: a connection must stand, TLS included, after this long.
    """
    http = groq.DefaultAioHttpClient(
        verify=tls_context(),
        follow_redirects=False,
        timeout=httpx.Timeout(None, connect=connect_s, pool=connect_s),
        limits=httpx.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_S,
        ),
    )
    return ChatClient(
        api_key=key, base_url=base_url, max_retries=0, timeout=http.timeout, http_client=http
    )
