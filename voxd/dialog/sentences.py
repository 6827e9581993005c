"""Tokens in, speakable clauses out. Pure; the replier feeds it while the model writes.

The first clause is short, because the caller waits for it: where no comma is known yet, it ends
before a new phrase ("I'm sorry | for any trouble"). The second is middling, because it must be
spoken before the first has been heard; later ones are whole sentences, which sound better. A
boundary counts only once the white space behind it has been seen, so "3.5", "10:30", "1,000" and
"example.com" never split. Nor does what `spoken` must see whole, though it has spaces in it:
telephone numbers, "5 p.m.", "March 15, 2024", "9 - 5", "Dr. Smith".
"""

import re
from collections.abc import Collection, Sequence

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|\n+")
_CLAUSE_END = re.compile(r"[,;:—–][\"'”’)\]]*(?=\s)|\s[—–-](?=\s)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'¿¡])(?:mr|mrs|ms|dr|prof|rev|gen|capt|lt|sgt|st|ave|blvd|rd|hwy|apt|ste|jr|sr|vs"
    r"|etc|approx|dept|ext|fig|no|nr|vol|inc|ltd|co|corp|tel|est|incl|appt|min|hrs?|secs?"
    r"|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|mon|tues?|wed|thurs?|fri"
    r"|sra?|srta|sres|dra?|uds?|vds?|ing|lic|avda?|pza|pág|núm|aprox|de?pto|izq|dcha|ej|ee|uu"
    r"|[a-z]|(?:[a-z]\.)+[a-z])\.$",
    re.IGNORECASE,
)
_ITEM_NUMBER = re.compile(r"^\d{1,2}\.$")
_STARTS_NEW_SENTENCE = re.compile(r"\s+[A-ZÁÉÍÓÚÑ¿¡]")
# Abbreviations that stand at the end of a sentence as often as within one.
_MAY_END = re.compile(
    r"(?:[ap]\.\s?m|\betc|\binc|\bltd|\bcorp|\bjr|\bave|\bblvd|\brd|\bhrs?|\bmin|\bsecs?|\buu"
    r"|\b[ap]m|\bno)\.$",
    re.IGNORECASE,
)
_MONTH_DAY = re.compile(
    r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? \d{1,2}(?:st|nd|rd|th)?,?$"
)
_DIGIT_AT_END = re.compile(r"\d[)%]?$")
_WORDS_MIN = 2
"""Of a clause that is cut by words."""
# A placeholder such as [Your Name] counts as one word, so that it can be left out whole.
_BRACKETS = re.compile(r"\[[^\[\]]{0,60}(?:\]|$)")
# Words that begin a new phrase: a voice may breathe before them.
_PHRASE_OPENERS = frozenset(
    "and but or so because that which who to for with in on at from by when if while y o pero "
    "porque que para con en cuando si".split()
)
# Those before which a voice may breathe whatever went before. The others may belong to the word
# before or behind: "hold on", "stop by", "happy to", "so kind", "check that", "two and a half".
_SURE_OPENERS = frozenset(
    "but because which who for with from when if while pero porque para cuando si".split()
)

FIRST_MIN_CHARACTERS = 10
"""A first clause ends at a comma or before a phrase from this length on, white space included:
shorter ones finish sounding before the second is ready (Piper: "Sure," 0.45 s, "I'm sorry" 0.78 s).
"""
SECOND_MIN_CHARACTERS = 30
"""The same for the second."""
LATER_MIN_CHARACTERS = 80
"""Later clauses end at a comma only from this length on."""
MAX_CHARACTERS = 180
"""No clause is longer: it is cut at a space."""


class ClauseSplitter:
    """Cuts one reply into clauses as its text arrives."""

    def __init__(self, first_max_words: int = 6) -> None:
        self._first_max_words = first_max_words
        self._pending = ""
        """Not cut yet; never begins with white space, so that each space in it follows a word."""
        self._count = 0

    def feed(self, text: str) -> list[str]:
        """Add text; return the clauses that are complete now, without outer white space."""
        self._pending = (self._pending + text).lstrip()
        clauses = []
        while (end := self._find_end()) is not None:
            clauses.append(self._pending[:end].strip())
            self._pending = self._pending[end:].lstrip()
            self._count += 1
        return clauses

    def finish(self) -> list[str]:
        """The text is over: return what is left as the last clause, if anything is."""
        rest = self._pending.strip()
        self._pending = ""
        if not rest:
            return []
        self._count += 1
        return [rest]

    def _find_end(self) -> int | None:
        """Where the next clause ends in the pending text; None when that cannot be said yet."""
        text = _BRACKETS.sub(lambda match: "x" * len(match[0]), self._pending)
        sentence = _sentence_end(text)
        clause = self._clause_end(text, sentence or len(text))
        if clause is not None:
            return clause
        if sentence is not None:
            return sentence
        by_phrase = _before_phrase(text, self._least) if self._count < 2 else None
        by_words = self._first_by_words(text) if self._count == 0 else None
        ends = [end for end in (by_phrase, by_words) if end is not None]
        if ends:
            return min(ends)
        return _longest(text) if len(text) > MAX_CHARACTERS else None

    @property
    def _least(self) -> int:
        """Characters that the next clause has at least, unless a sentence is over."""
        if self._count == 0:
            return FIRST_MIN_CHARACTERS
        return SECOND_MIN_CHARACTERS if self._count == 1 else LATER_MIN_CHARACTERS

    def _clause_end(self, text: str, limit: int) -> int | None:
        """The first comma or the like that is far enough in, before `limit`."""
        for match in _CLAUSE_END.finditer(text, 0, limit):
            if match.end() >= self._least and not _is_within_number(text, match):
                return match.end()
        return None

    def _first_by_words(self, text: str) -> int | None:
        """Cut a first clause that has grown long, before a word that opens a phrase."""
        spaces = [match.start() for match in re.finditer(r"\s+", text.rstrip())]
        if len(spaces) < self._first_max_words:
            return None
        words = text.split()
        for index in range(self._first_max_words - 1, self._first_max_words // 2 - 1, -1):
            if _begins_phrase(words, index, _PHRASE_OPENERS):
                return spaces[index - 1]
        for index in range(self._first_max_words, _WORDS_MIN - 1, -1):
            if not _belong(*words[index - 1 : index + 1]):
                return spaces[index - 1]
        return None


def _before_phrase(text: str, least: int) -> int | None:
    """The first place, far enough in, behind which a phrase begins for sure.

    The word that begins it must have been seen to its end: "for" may become "forms".
    """
    words = text.split()
    spaces = [match.start() for match in re.finditer(r"\s+", text.rstrip())]
    for index in range(_WORDS_MIN, len(spaces)):
        end = spaces[index - 1]
        if end > MAX_CHARACTERS:
            return None
        if end + 1 >= least and _begins_phrase(words, index, _SURE_OPENERS):
            return end
    return None


def _begins_phrase(words: Sequence[str], index: int, openers: Collection[str]) -> bool:
    """Whether a word opens a phrase, and nothing before it already did ("but | if you like")."""
    before, opener = words[index - 1], words[index]
    is_first = before.lower() not in _PHRASE_OPENERS
    return is_first and opener.lower() in openers and not _belong(before, opener)


def _sentence_end(text: str) -> int | None:
    for match in _SENTENCE_END.finditer(text):
        end = match.end()
        before = text[:end].rstrip()
        if _ITEM_NUMBER.search(before):
            continue
        if before.endswith(".") and _ABBREVIATION.search(before):
            may_end = _MAY_END.search(before)
            if not (may_end and _STARTS_NEW_SENTENCE.match(text, end)):
                continue
        if before:
            return end
    return None


def _is_within_number(text: str, match: "re.Match[str]") -> bool:
    """Whether a mark may stand inside a date or a range; what follows may not be known yet."""
    before, after = text[: match.end()].rstrip(), text[match.end() :].lstrip()
    if before.endswith(","):
        return _MONTH_DAY.search(before) is not None and (not after or after[0].isdigit())
    if before.endswith(("-", "–", "—")):
        has_number = _DIGIT_AT_END.search(before[:-1].rstrip()) is not None
        return has_number and (not after or after[0].isdigit())
    return False


def _belong(word: str, following: str) -> bool:
    """Whether two words may be one thing: a number goes on, has its unit behind it or its month
    before it, a title has its name."""
    has_number = any(character.isdigit() for character in word) or following[:1].isdigit()
    return has_number or word.endswith(".")


def _longest(text: str) -> int:
    """Where to cut a text that is too long: at a space, if possible not inside a number."""
    spaces = [match.start() for match in re.finditer(" ", text[:MAX_CHARACTERS]) if match.start()]
    for space in reversed(spaces[len(spaces) // 2 :]):
        if not _belong(text[:space].rpartition(" ")[2], text[space + 1 :]):
            return space
    return spaces[-1] if spaces else MAX_CHARACTERS
