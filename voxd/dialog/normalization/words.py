"""Numbers, dates, abbreviations and the like as words: every step that needs a language. Pure.

Nothing imports this before it is needed, because num2words and the patterns here would be a
twentieth of a start; see `voxd.app.LATE`.
"""

from voxd.dialog.normalization.abbreviations import say_abbreviations
from voxd.dialog.normalization.addresses import say_addresses
from voxd.dialog.normalization.counting import say_counts
from voxd.dialog.normalization.dates import say_dates
from voxd.dialog.normalization.money import say_money
from voxd.dialog.normalization.phones import say_phones
from voxd.dialog.normalization.quantities import say_quantities
from voxd.dialog.normalization.symbols import say_symbols
from voxd.dialog.normalization.times import say_times

_STEPS = (
    say_addresses,
    say_dates,
    say_times,
    say_phones,
    say_money,
    say_quantities,
    say_abbreviations,
    say_counts,
    say_symbols,
)


def say_words(text: str, language: str) -> str:
    """What stands for words in a text without markup, in words.

    Args:
        language: one of `LANGUAGES`.
    """
    for say in _STEPS:
        text = say(text, language)
    return text
