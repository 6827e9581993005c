import pytest

from voxd.signing import sign


def test_the_signature_is_that_of_time_and_body() -> None:
    # printf '1732312345.{"a":1}' | openssl dgst -sha256 -hmac secret
    assert sign("secret", b'{"a":1}', 1732312345) == (
        "t=1732312345,v1=6b6937f7a7787418573a0f3e5f77decc9f6e5b7be098eec23200ea7b3ff596fc"
    )


def test_secret_body_and_time_all_matter() -> None:
    signed = {sign("a", b"x", 1), sign("b", b"x", 1), sign("a", b"y", 1), sign("a", b"x", 2)}
    assert len(signed) == 4


def test_an_empty_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        sign("", b"x", 1)
