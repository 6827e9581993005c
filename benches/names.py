"""Names that occur once, and the sentences around them: what is said in `cloud`. Pure.

A transcript and a reply carry a name each, so that a turn can be found again in the records of
every provider. Names are syllables, because digits are spoken differently than they are written.
"""

import re

_CONSONANTS = "bdfgklmnprstvz"
_VOWELS = "aeiou"
SYLLABLES = 4
"""Enough for 24 million names, and longer than any word that the brain knows."""

_NAME = re.compile(rf"\b(?:[{_CONSONANTS}][{_VOWELS}]){{{SYLLABLES}}}\b")


def spell(number: int) -> str:
    """The name with this number."""
    syllables = []
    for _ in range(SYLLABLES):
        number, vowel = divmod(number, len(_VOWELS))
        number, consonant = divmod(number, len(_CONSONANTS))
        syllables.append(_CONSONANTS[consonant] + _VOWELS[vowel])
    return "".join(syllables)


def find_name(text: str) -> str | None:
    """The last name in a text."""
    names = _NAME.findall(text.lower())
    return names[-1] if names else None


def build_utterance(number: int) -> str:
    """What a caller is taken to say: surely a whole sentence, so that the shortest wait counts."""
    return f"Where is {spell(number)}?"


def build_reply(number: int) -> list[str]:
    """A reply, token by token; the first clause is known to be whole with its fourth token."""
    return [spell(number).capitalize(), " is", " here.", " Anything", " else?"]
