"""Letters that look and sound like another, but are not it when the case is ignored. Pure.

A pattern that ignores case takes "ſ", "ı", "İ" and the Kelvin sign for the letters s, i and k.
`str.lower` leaves the first two as they are and makes two letters of the third, so that what such a
pattern has found would not be found in any table. Hence they go before anything is looked for.
"""

_PLAIN = str.maketrans({"ſ": "s", "ı": "i", "İ": "I", "\N{KELVIN SIGN}": "K"})


def plain_letters(text: str) -> str:
    """ "Mrſ." is "Mrs.", in the same number of characters."""
    return text.translate(_PLAIN)
