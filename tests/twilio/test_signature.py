import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from voxd.twilio.signature import SignatureChecker

# Twilio's documentation, "Security": the example of X-Twilio-Signature.
TOKEN = "12345"
URL = "https://example.com/myapp.php?foo=1&bar=2"
FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675310",
    "Digits": "1234",
    "From": "+14158675310",
    "To": "+18005551212",
}
SIGNATURE = "L/OH5YylLD5NRKLltdqwSvS0BnU="
WSS_URL = "wss://voice.example.com/twilio/media"


def sign(text: str, token: str = TOKEN) -> str:
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def test_the_documented_request_is_signed() -> None:
    assert SignatureChecker(TOKEN).is_signed_form(URL, FIELDS, SIGNATURE)


@pytest.mark.parametrize(
    ("url", "fields", "signature"),
    [
        (URL + "0", FIELDS, SIGNATURE),
        (URL, FIELDS | {"Digits": "1235"}, SIGNATURE),
        (URL, FIELDS | {"Extra": ""}, SIGNATURE),
        (URL, {}, SIGNATURE),
        (URL, FIELDS, SIGNATURE[:-2] + "V="),
        (URL, FIELDS, ""),
        (URL, FIELDS, None),
        (URL, FIELDS, "ÿ"),
        ("https://example.com:port/", FIELDS, SIGNATURE),
    ],
)
def test_anything_else_is_not(url: str, fields: dict[str, str], signature: str | None) -> None:
    assert not SignatureChecker(TOKEN).is_signed_form(url, fields, signature)


def test_another_token_does_not_verify() -> None:
    assert not SignatureChecker("54321").is_signed_form(URL, FIELDS, SIGNATURE)


def test_an_empty_token_is_no_token() -> None:
    with pytest.raises(ValueError, match="empty"):
        SignatureChecker("")


def test_a_repeated_field_counts_each_value_once() -> None:
    fields = MultiDict([("b", "2"), ("b", "1"), ("b", "2"), ("a", "x")])
    assert SignatureChecker(TOKEN).is_signed_form(URL, fields, sign(URL + "axb1b2"))


@pytest.mark.parametrize("signed", [WSS_URL, WSS_URL + "/"])
@pytest.mark.parametrize("asked", [WSS_URL, WSS_URL + "/"])
def test_a_handshake_is_signed_in_either_slash_form(signed: str, asked: str) -> None:
    assert SignatureChecker(TOKEN).is_signed_upgrade(asked, sign(signed))


def test_a_handshake_signed_as_https_is_refused() -> None:
    signature = sign(WSS_URL.replace("wss", "https"))
    assert not SignatureChecker(TOKEN).is_signed_upgrade(WSS_URL, signature)
    assert not SignatureChecker(TOKEN).is_signed_upgrade(WSS_URL, None)


@given(
    url=st.text(st.characters(exclude_categories=()), max_size=60),
    fields=st.dictionaries(st.text(), st.text(st.characters(exclude_categories=())), max_size=4),
    signature=st.text(),
)
def test_no_text_raises_and_none_verifies(url: str, fields: dict[str, str], signature: str) -> None:
    checker = SignatureChecker(TOKEN)
    assert not checker.is_signed_form(f"https://{url}", fields, signature)
    assert not checker.is_signed_upgrade(f"wss://{url}", signature)
