"""Is a request really from Twilio? Pure, over the twilio package's `RequestValidator`.

Twilio signs with HMAC-SHA1 under the account's auth token: for a form the URL it requested and
all fields, for the WebSocket's handshake the `wss://` URL alone. The URL must be the one that
Twilio used, so it is built from the configured public address.
"""

from collections.abc import Mapping

from twilio.request_validator import RequestValidator


class SignatureChecker:
    """Verifies `X-Twilio-Signature` under one auth token."""

    def __init__(self, auth_token: str) -> None:
        if not auth_token:
            raise ValueError("an empty auth token verifies nothing")
        self._validator = RequestValidator(auth_token)

    def is_signed_form(self, url: str, params: Mapping[str, str], signature: str | None) -> bool:
        """Judge a webhook.

        Args:
            url: as Twilio requested it, query string included.
            params: *all* fields of the form, untouched; a multi-dict with `getall` may hold a
                field more than once. Empty for a GET.
            signature: the header, None when it is missing.
        """
        if not signature:
            return False
        try:
            return bool(self._validator.validate(url, params, signature))
        except ValueError:
            # A URL with an impossible port, or text that is no UTF-8: nothing Twilio signed.
            return False

    def is_signed_upgrade(self, wss_url: str, signature: str | None) -> bool:
        """Judge the WebSocket's handshake.

        Args:
            wss_url: `wss://host/path`; Twilio's advice is to try it with a trailing slash, too.
            signature: the header, None when it is missing.
        """
        bare = wss_url.rstrip("/")
        return any(self.is_signed_form(url, {}, signature) for url in (bare, f"{bare}/"))
