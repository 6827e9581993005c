"""Is a request really from Twilio? Pure, over the twilio package's `RequestValidator`.

Twilio signs with HMAC: for a form the URL it requested and all fields, for the WebSocket's
handshake the `wss://` URL alone. The URL must be the one that Twilio used, so it is built from
the configured public address; whether a slash ends it is not told apart, because proxies and
Twilio itself add one.

The secret is the account's auth token and the hash SHA-1, unless the request names an algorithm
in `X-Twilio-Webhooks-Signature-Settings`: then it is an account's shared key and that algorithm.
"""

from collections.abc import Mapping, Sequence

from twilio.request_validator import (
    HMAC_SHA1,
    HMAC_SHA256,
    RequestValidator,
    get_signature_algorithm,
)

_ALGORITHMS = (HMAC_SHA1, HMAC_SHA256)


class SignatureChecker:
    """Verifies `X-Twilio-Signature` under secrets of which any may have signed.

    Args:
        auth_tokens: the account's; two while one replaces the other.
        shared_keys: secrets of the account's shared keys, if it has any.
    """

    def __init__(self, auth_tokens: tuple[str, ...], shared_keys: tuple[str, ...] = ()) -> None:
        if not auth_tokens or not all((*auth_tokens, *shared_keys)):
            raise ValueError("an empty secret verifies nothing")
        self._by_token = [RequestValidator(token) for token in auth_tokens]
        self._by_shared_key = [RequestValidator(key) for key in shared_keys]

    def is_signed_form(
        self,
        url: str,
        params: Mapping[str, str],
        signature: str | None,
        settings: str | None = None,
    ) -> bool:
        """Judge a webhook.

        Args:
            url: as Twilio requested it, query string included.
            params: *all* fields of the form, untouched; a multi-dict with `getall` may hold a
                field more than once. Empty for a GET.
            signature: the header, None when it is missing.
            settings: the header `X-Twilio-Webhooks-Signature-Settings`, None when it is missing.
        """
        if not signature:
            return False
        validators: Sequence[RequestValidator] = self._by_token
        algorithm = HMAC_SHA1
        if settings and "algorithm" in settings:
            validators, algorithm = self._by_shared_key, get_signature_algorithm(settings).upper()
            if algorithm not in _ALGORITHMS:  # the package would log the stranger's word
                return False
        return any(
            _is_valid(validator, form, params, signature, algorithm)
            for validator in validators
            for form in _slash_forms(url)
        )

    def is_signed_upgrade(
        self, wss_url: str, signature: str | None, settings: str | None = None
    ) -> bool:
        """Judge the WebSocket's handshake: `wss://host/path`; see `is_signed_form`."""
        return self.is_signed_form(wss_url, {}, signature, settings)


def _slash_forms(url: str) -> tuple[str, str]:
    """The URL with its path as it is, and with the last slash added or taken away."""
    path, mark, query = url.partition("?")
    other = path[:-1] if path.endswith("/") else f"{path}/"
    return url, f"{other}{mark}{query}"


def _is_valid(
    validator: RequestValidator,
    url: str,
    params: Mapping[str, str],
    signature: str,
    algorithm: str,
) -> bool:
    try:
        return bool(validator.validate(url, params, signature, algorithm))
    except ValueError:
        # A URL with an impossible port, or text that is no UTF-8: nothing Twilio signed.
        return False
