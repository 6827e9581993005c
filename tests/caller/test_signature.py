from voxd.caller.signature import sign_form, sign_upgrade

FIELDS = {
    "To": "+18005551212",
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675310",
    "Digits": "1234",
    "From": "+14158675310",
}


def test_twilios_published_vector_is_reproduced() -> None:
    url = "https://example.com/myapp.php?foo=1&bar=2"
    assert sign_form("12345", url, FIELDS) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


def test_port_and_password_are_signed_as_twilio_does() -> None:
    plain = sign_form("t", "https://example.com/x", {})
    assert sign_form("t", "https://u:p@example.com:8443/x", {}) == plain
    assert sign_form("t", "http://a/x", {}) != sign_form("t", "http://a:8080/x", {})
    assert sign_form("t", "http://u:p@[::1]:80/x", {}) == sign_form("t", "http://[::1]:80/x", {})


def test_upgrade_is_signed_over_the_wss_form() -> None:
    assert sign_upgrade("t", "ws://example.com/m") == sign_form("t", "wss://example.com/m", {})
    assert sign_upgrade("t", "wss://example.com/m") == sign_form("t", "wss://example.com/m", {})
