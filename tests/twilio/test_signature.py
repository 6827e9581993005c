import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

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
    assert SignatureChecker((TOKEN,)).is_signed_form(URL, FIELDS, SIGNATURE)


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
    assert not SignatureChecker((TOKEN,)).is_signed_form(url, fields, signature)


def test_another_token_does_not_verify() -> None:
    assert not SignatureChecker(("54321",)).is_signed_form(URL, FIELDS, SIGNATURE)


def test_an_empty_token_is_no_token() -> None:
    for secrets in [((), ()), (("",), ()), ((TOKEN, ""), ()), ((TOKEN,), ("",))]:
        with pytest.raises(ValueError, match="empty"):
            SignatureChecker(*secrets)


def test_any_of_two_tokens_may_have_signed() -> None:
    for tokens in (("new", TOKEN), (TOKEN, "new")):
        assert SignatureChecker(tokens).is_signed_form(URL, FIELDS, SIGNATURE)


BY_SHARED_KEY = RequestValidator("shared").compute_signature(URL, FIELDS, "HMAC_SHA256")


@pytest.mark.parametrize(
    ("settings", "signature", "is_signed"),
    [
        ("key=webhooks_sharedkey_1,algorithm=HMAC_SHA256", BY_SHARED_KEY, True),
        ("algorithm=hmac_sha256", BY_SHARED_KEY, True),
        (" key=a , algorithm = HMAC_SHA256 ", BY_SHARED_KEY, True),
        ("key=a,algorithm=HMAC_SHA1", BY_SHARED_KEY, False),
        ("key=a,algorithm=HMAC_MD5", BY_SHARED_KEY, False),
        ("key=a,algorithm=", BY_SHARED_KEY, False),
        ("key=a", BY_SHARED_KEY, False),
        (None, BY_SHARED_KEY, False),
        # The auth token's signature stays one where no algorithm is named, and only there.
        (None, SIGNATURE, True),
        ("", SIGNATURE, True),
        ("key=a", SIGNATURE, True),
        ("key=a,algorithm=HMAC_SHA1", SIGNATURE, False),
        ("key=a,algorithm=HMAC_SHA256", SIGNATURE, False),
    ],
)
def test_the_named_algorithm_decides_on_the_secret(
    settings: str | None, signature: str, is_signed: bool
) -> None:
    checker = SignatureChecker((TOKEN,), ("other", "shared"))
    assert checker.is_signed_form(URL, FIELDS, signature, settings) is is_signed


def test_without_shared_keys_nothing_signed_by_one_passes() -> None:
    by_token = RequestValidator(TOKEN).compute_signature(URL, FIELDS, "HMAC_SHA256")
    settings = "key=a,algorithm=HMAC_SHA256"
    assert not SignatureChecker((TOKEN,)).is_signed_form(URL, FIELDS, by_token, settings)


def test_a_stranger_s_algorithm_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    SignatureChecker((TOKEN,)).is_signed_form(URL, FIELDS, SIGNATURE, "algorithm=\nsecret")
    assert not caplog.records


@pytest.mark.parametrize(
    ("asked", "signed"),
    [
        ("https://h/a", "https://h/a/"),
        ("https://h/a/", "https://h/a"),
        ("https://h/a?b=1", "https://h/a/?b=1"),
        ("https://h/a/?b=1/", "https://h/a?b=1/"),
    ],
)
def test_a_slash_after_the_path_makes_no_difference(asked: str, signed: str) -> None:
    assert SignatureChecker((TOKEN,)).is_signed_form(asked, {}, sign(signed))
    assert not SignatureChecker((TOKEN,)).is_signed_form(asked, {}, sign(f"{signed}//"))


def test_a_repeated_field_counts_each_value_once() -> None:
    fields = MultiDict([("b", "2"), ("b", "1"), ("b", "2"), ("a", "x")])
    assert SignatureChecker((TOKEN,)).is_signed_form(URL, fields, sign(URL + "axb1b2"))


@pytest.mark.parametrize("signed", [WSS_URL, WSS_URL + "/"])
@pytest.mark.parametrize("asked", [WSS_URL, WSS_URL + "/"])
def test_a_handshake_is_signed_in_either_slash_form(signed: str, asked: str) -> None:
    assert SignatureChecker((TOKEN,)).is_signed_upgrade(asked, sign(signed))


def test_a_handshake_signed_as_https_is_refused() -> None:
    signature = sign(WSS_URL.replace("wss", "https"))
    assert not SignatureChecker((TOKEN,)).is_signed_upgrade(WSS_URL, signature)
    assert not SignatureChecker((TOKEN,)).is_signed_upgrade(WSS_URL, None)


@given(
    url=st.text(st.characters(exclude_categories=()), max_size=60),
    fields=st.dictionaries(st.text(), st.text(st.characters(exclude_categories=())), max_size=4),
    signature=st.text(),
    settings=st.none() | st.text() | st.just("algorithm=HMAC_SHA256"),
)
def test_no_text_raises_and_none_verifies(
    url: str, fields: dict[str, str], signature: str, settings: str | None
) -> None:
    checker = SignatureChecker((TOKEN,), ("shared",))
    assert not checker.is_signed_form(f"https://{url}", fields, signature, settings)
    assert not checker.is_signed_upgrade(f"wss://{url}", signature, settings)
