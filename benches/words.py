"""Text as words, so that a transcript can be compared with what was said. Pure.

In the manner of Whisper's English normaliser: lower case, contractions written out, numbers as
words, symbols as they are spoken, no punctuation. Numbers of up to three digits and round
hundreds are read as numbers, longer ones digit by digit, as one does on the telephone. A few
compounds that are written both ways are joined (the recordings cannot tell them apart).
"""

import re

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()

_SYMBOLS = {"*": " star ", "#": " pound ", "@": " at ", "&": " and ", "%": " percent "}

_CONTRACTIONS = (
    (r"\bwon't\b", "will not"),
    (r"\bcan't\b|\bcannot\b", "can not"),
    (r"n't\b", " not"),
    (r"\blet's\b", "let us"),
    (r"\b(it|that|there|here|what|who|he|she)'s\b", r"\1 is"),
    (r"'re\b", " are"),
    (r"'ve\b", " have"),
    (r"'ll\b", " will"),
    (r"'d\b", " would"),
    (r"\bi'm\b", "i am"),
)

_COMPOUNDS = (
    ("voice mail", "voicemail"),
    ("mail box", "mailbox"),
    ("key pad", "keypad"),
    ("key words", "keywords"),
    ("touch tone", "touchtone"),
    ("re record", "rerecord"),
    ("re recording", "rerecording"),
    ("re enter", "reenter"),
    ("re entered", "reentered"),
    ("un delete", "undelete"),
    ("un mute", "unmute"),
    ("un muted", "unmuted"),
    ("blacklist", "black list"),
    ("blacklisted", "black listed"),
    ("good bye", "goodbye"),
    ("every one", "everyone"),
    ("file name", "filename"),
    ("thru", "through"),
)


def normalize_words(text: str) -> str:
    """What was said, as plain lower-case words separated by single spaces."""
    text = text.lower().replace("\u2019", "'")
    for symbol, spoken in _SYMBOLS.items():
        text = text.replace(symbol, spoken)
    for pattern, replacement in _CONTRACTIONS:
        text = re.sub(pattern, replacement, text)
    text = re.sub(r"\d+", lambda match: f" {_spell_number(match[0])} ", text)
    text = re.sub(r"(?<=\w)'(?=\w)", "", text)
    text = f" {' '.join(re.findall(r'[a-z]+', text))} "
    for apart, joined in _COMPOUNDS:
        text = text.replace(f" {apart} ", f" {joined} ")
    return text.strip()


def _spell_number(digits: str) -> str:
    value = int(digits)
    is_round = value % 100 == 0 and 0 < value < 10_000 and value % 1000 != 0
    if len(digits) > 1 and digits[0] == "0":
        return _spell_digits(digits)
    if value < 20:
        return _ONES[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return _TENS[tens] + (f" {_ONES[ones]}" if ones else "")
    if is_round:
        return f"{_spell_number(str(value // 100))} hundred"
    return _spell_digits(digits)


def _spell_digits(digits: str) -> str:
    return " ".join(_ONES[int(digit)] for digit in digits)
