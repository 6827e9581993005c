"""Addresses that can be written down by ear."""

import pytest

from voxd.dialog.normalization.addresses import say_addresses


@pytest.mark.parametrize(
    ("written", "language", "said"),
    [
        ("info@example.com", "en", "info at example dot com"),
        ("j.doe-2@mail.example.co.uk", "en",
         "j dot doe dash two at mail dot example dot C-O dot U-K"),
        ("info@ejemplo.es", "es", "info arroba ejemplo punto E-S"),
        ("https://www.example.com", "en", "example dot com"),
        ("www.example.com/book-now", "en", "example dot com slash book dash now"),
        ("example.com.", "en", "example dot com ."),
        ("https://example.com/a?utm=1#top,", "en", "example dot com slash a,"),
        ("https://example.com/a/b/c/d/e", "en", "example dot com"),
        ("http://127.0.0.1:8080/x", "en",
         "one two seven dot zero dot zero dot one slash x"),
        ("ejemplo.com/citas", "es", "ejemplo punto com barra citas"),
        ("We use Node.js and end.Next", "en", "We use Node.js and end.Next"),
        ("It is 3.50 e.g. here", "en", "It is 3.50 e.g. here"),
    ],
)  # fmt: skip
def test_addresses_are_said(written: str, language: str, said: str) -> None:
    assert " ".join(say_addresses(written, language).split()) == said
